"""Records behave like frozen dataclasses."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, asdict, fields, replace

import pytest

from provision.node.records import dataclass


@dataclass(frozen=True)
class Point:
    x: int
    y: int = 0

    def __post_init__(self) -> None:
        if self.x < 0:
            raise ValueError("x")


@dataclass(frozen=True)
class Named(Point):
    name: str = ""


def test_fields_are_given_in_order_by_name_or_by_default() -> None:
    assert [(p.x, p.y) for p in (Point(1), Point(1, 2), Point(y=2, x=1))] == [(1, 0), (1, 2), (1, 2)]
    assert Named(1, name="a") == Named(1, 0, "a")


@pytest.mark.parametrize(
    ("ordered", "named"),
    [((), {}), ((1, 2, 3), {}), ((1,), {"x": 1}), ((1,), {"z": 1})],
    ids=["missing", "too many", "twice", "unknown"],
)
def test_wrong_fields_are_refused(ordered: tuple[int, ...], named: dict[str, int]) -> None:
    with pytest.raises(TypeError, match="Point takes x, y"):
        Point(*ordered, **named)


def test_the_class_checks_its_values() -> None:
    with pytest.raises(ValueError, match="x"):
        Point(-1)


def test_nothing_can_be_assigned_or_deleted() -> None:
    point = Point(1)
    with pytest.raises(FrozenInstanceError):
        point.x = 2  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        del point.x
    assert point == Point(1)


def test_equal_values_of_one_class_are_equal() -> None:
    assert len({Point(1), Point(1, 0), Point(2), Named(1)}) == 3
    assert Point(1) != Named(1)
    assert Point(1) != (1, 0)


def test_they_are_shown_with_their_fields() -> None:
    assert repr(Named(1, 2, "a")) == "Named(x=1, y=2, name='a')"


def test_they_are_dataclasses() -> None:
    assert [field.name for field in fields(Named)] == ["x", "y", "name"]
    assert asdict(replace(Named(1), name="b")) == {"x": 1, "y": 0, "name": "b"}

"""Fields of resources travel only if their types can: those of every kind do, and others are refused."""

from __future__ import annotations

from dataclasses import fields

import pytest

from provision.node.manifest import dump, load
from provision.node.records import dataclass
from provision.node.resources import KINDS, Absent, File, Resource, Rule, Symlink
from provision.node.shapes import Shape, shapes


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_every_field_of_every_kind_can_be_sent(kind: type[Resource]) -> None:
    assert set(shapes(kind)) == {field.name for field in fields(kind)}


def test_every_kind_has_a_name_of_its_own() -> None:
    names = [kind.kind for kind in KINDS]
    assert all(names)
    assert sorted(set(names)) == sorted(names)


@dataclass(frozen=True)
class Everything:
    text: str
    number: int
    flag: bool
    texts: tuple[str, ...]
    numbers: tuple[int, ...]
    perhaps: str | None
    either: str | int
    rules: tuple[Rule, ...]
    files: tuple[File | Symlink | Absent, ...]


def test_what_is_supported() -> None:
    assert shapes(Everything) == {
        "text": Shape((str,)),
        "number": Shape((int,)),
        "flag": Shape((bool,)),
        "texts": Shape((str,), many=True),
        "numbers": Shape((int,), many=True),
        "perhaps": Shape((str, type(None))),
        "either": Shape((str, int)),
        "rules": Shape((Rule,), many=True),
        "files": Shape((File, Symlink, Absent), many=True),
    }
    assert str(shapes(Everything)["perhaps"]) == "str or None"


@dataclass(frozen=True)
class Ratio:
    x: float


@dataclass(frozen=True)
class Table:
    x: dict[str, str]


@dataclass(frozen=True)
class Pair:
    x: tuple[str, int]


@dataclass(frozen=True)
class Mixed:
    x: tuple[File | str, ...]


@dataclass(frozen=True)
class Unknown:
    x: Nowhere  # type: ignore[name-defined]  # noqa: F821


@dataclass(frozen=True)
class Plain:
    x: Exception


@pytest.mark.parametrize("cls", [Ratio, Table, Pair, Mixed, Unknown, Plain])
def test_other_types_are_refused_by_name(cls: type) -> None:
    with pytest.raises(TypeError, match=rf"{cls.__name__}\.x: a field of type .* cannot be sent to a node"):
        shapes(cls)


@dataclass(frozen=True)
class Limit(Resource):
    kind = "limit"
    name: str
    most: int | None = None

    @property
    def key(self) -> str:
        return self.name


def test_a_value_that_may_be_missing_comes_back_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(load.__globals__["_KINDS"], "limit", Limit)
    for limit in (Limit("a"), Limit("a", 3)):
        assert load(dump(limit), "here") == limit

"""Files are put into a home beside its owner, who works there meanwhile."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from provision.node.facts import Account
from provision.node.users import put
from provision.node.users.drop import as_user

NAME = "lesson.ipynb"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[int]:
    handle = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    yield handle
    os.close(handle)


@pytest.mark.parametrize("before", ["one", None])
def test_what_is_saved_while_it_is_replaced_stays(
    home: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: str | None
) -> None:
    lesson = tmp_path / NAME
    known = {}
    if before:
        lesson.write_text(before)
        known[NAME] = put.version(before.encode())
    monkeypatch.setattr(os, "fsync", lambda _: lesson.write_text("saved just now"))
    work = put.Put(home, known)
    work.put_all({NAME: b"two"})
    assert lesson.read_text() == "saved just now"
    assert (tmp_path / "lesson.new.ipynb").read_text() == "two"
    assert work.result()["conflict"] == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == [NAME, "lesson.new.ipynb"]


@pytest.mark.parametrize(
    ("name", "number", "beside"),
    [
        ("lesson.ipynb", 1, "lesson.new.ipynb"),
        ("lesson.ipynb", 2, "lesson.new-2.ipynb"),
        ("Makefile", 1, "Makefile.new"),
        (".env", 1, ".env.new"),
        ("a.tar.gz", 3, "a.tar.new-3.gz"),
    ],
)
def test_names_of_what_comes_beside(name: str, number: int, beside: str) -> None:
    assert put.beside_name(name, number) == beside


ME = Account(1000, 1000, "/home/ann", "/bin/sh")


def test_a_child_that_is_stopped_or_killed_is_told() -> None:
    with pytest.raises(TimeoutError):
        as_user(ME, 1, signal.pause)  # type: ignore[arg-type,unused-ignore]
    with pytest.raises(OSError, match="ended before it was done"):
        as_user(ME, 60, lambda: os.kill(os.getpid(), signal.SIGKILL))  # type: ignore[arg-type,return-value,unused-ignore]


@pytest.mark.skipif(os.getuid() != 0, reason="only root becomes somebody else")
def test_a_child_is_the_user_for_good() -> None:
    def work() -> dict[str, object]:
        with pytest.raises(PermissionError):
            os.setuid(0)
        return {"ids": [*os.getresuid(), *os.getresgid(), *os.getgroups()]}

    assert as_user(ME, 60, work) == {"ids": [1000] * 7}

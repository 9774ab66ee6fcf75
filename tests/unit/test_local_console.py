"""The end of a machine's console, whatever the machine writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from provision.cloud.local import console


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (b"one\r\ntwo\r\n\r\nthree\r\n", "two\nthree"),
        (b"\x1b[0;1;31mFailed\x1b[0m to start\r\n\x1b]0;title\x07end", "Failed to start\nend"),
        (b"\xff\xfe\x00bad\x07", "\ufffd\ufffdbad"),
        (b"", ""),
    ],
)
def test_it_is_plain_text(tmp_path: Path, written: bytes, shown: str) -> None:
    (tmp_path / "console").write_bytes(written)
    assert console.end(tmp_path / "console", lines=2) == shown


def test_only_the_end_of_a_long_one_is_read(tmp_path: Path) -> None:
    (tmp_path / "console").write_bytes(b"x" * 1_000_000 + b"\nlast\n")
    assert console.end(tmp_path / "console", lines=1) == "last"


def test_one_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert console.end(tmp_path / "console") == ""

"""How full a hub's homes are: what the hub finds, and what it says of it."""

from __future__ import annotations

import os
import stat
import struct
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from provision.render import render

MEGA = 2**20
LIMIT = 3_700_000


@pytest.fixture
def homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The program, with a user whose home is a folder here."""
    module = ModuleType("homes")
    exec(compile(render("jupyterhub/homes.py", found="/nowhere"), "homes.py", "exec"), module.__dict__)
    (tmp_path / "home").mkdir()
    user = {"pw_name": "ada", "pw_dir": str(tmp_path / "home"), "pw_uid": os.getuid(), "pw_gid": os.getgid()}
    monkeypatch.setattr(module.pwd, "getpwnam", {"ada": SimpleNamespace(**user)}.__getitem__)
    monkeypatch.setattr(module, "FOLDER", tmp_path / "found")
    return module


@pytest.fixture
def system(homes: ModuleType, monkeypatch: pytest.MonkeyPatch) -> dict[int, list[int]]:
    """A system whose user quotas are on: bytes and limit in blocks of 1 KiB, by user."""
    quotas: dict[int, list[int]] = {}

    def quotactl(command, device, user, about):
        assert device.startswith(b"/dev/block/")
        if command == 0x5805 << 8:
            about[:8] = struct.pack("=bxHb3x", 1, 3, 0)
        elif command == 0x800008 << 8:
            limit, *rest, valid = struct.unpack_from("=8QI", about)
            assert (rest, valid) == ([0] * 7, 1)
            quotas.setdefault(user, [7 * MEGA, 0])[1] = limit
        else:
            about[:72] = struct.pack("=8QI4x", quotas[user][1], 0, quotas[user][0], *[0] * 5, 63)
        return 0

    monkeypatch.setattr(homes, "_libc", SimpleNamespace(quotactl=quotactl))
    return quotas


def test_a_home_without_quotas_is_counted_and_links_are_not_followed(
    homes: ModuleType, tmp_path: Path
) -> None:
    (tmp_path / "home" / "big").write_bytes(b"x" * 3 * MEGA)
    os.link(tmp_path / "home" / "big", tmp_path / "home" / "again")
    (tmp_path / "elsewhere").write_bytes(b"x" * 9 * MEGA)
    (tmp_path / "home" / "linked").symlink_to(tmp_path / "elsewhere")
    found = homes.look("ada", LIMIT, tmp_path)
    assert found == {"used": found["used"], "limit": LIMIT, "held": 0}
    assert 3 * MEGA <= found["used"] < LIMIT
    assert homes.known("ada") == found
    assert homes.nearly_full("ada") == "3 MB of the 4 MB"
    assert stat.S_IMODE((tmp_path / "found" / "ada").stat().st_mode) == 0o440
    assert stat.S_IMODE((tmp_path / "found").stat().st_mode) == 0o711
    assert [path.name for path in (tmp_path / "found").iterdir()] == ["ada"]


def test_what_was_found_is_for_its_user_to_read_and_not_to_write(
    homes: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = {"ada": homes.pwd.getpwnam("ada"), "dashboard": SimpleNamespace(pw_uid=4001)}
    monkeypatch.setattr(homes.pwd, "getpwnam", people.__getitem__)
    given: list[tuple[int, int]] = []
    monkeypatch.setattr(homes.os, "chown", lambda _, user, group: given.append((user, group)))
    homes.look("ada", LIMIT, tmp_path)
    assert given == [(4001, os.getgid())]


def test_what_was_found_of_others_goes_and_what_the_hub_is_writing_stays(
    homes: ModuleType, tmp_path: Path
) -> None:
    homes.look("ada", LIMIT, tmp_path)
    for name in ("gone", ".ada.4711"):
        (homes.FOLDER / name).write_text("{}")
    homes.forget({"ada"})
    assert {path.name for path in homes.FOLDER.iterdir()} == {"ada", ".ada.4711"}


def test_of_a_home_with_room_or_that_nobody_looked_at_nothing_is_said(
    homes: ModuleType, tmp_path: Path
) -> None:
    assert homes.nearly_full("ada") == ""
    homes.look("ada", 2**30, tmp_path)
    assert homes.nearly_full("ada") == ""
    (tmp_path / "found" / "ada").unlink()
    (tmp_path / "found" / "ada").write_text("half wri")
    assert homes.nearly_full("ada") == ""


def test_where_quotas_are_on_they_are_set_and_say_what_is_used(
    homes: ModuleType, tmp_path: Path, system: dict[int, list[int]]
) -> None:
    found = homes.look("ada", 8 * MEGA, tmp_path)
    assert found == {"used": 7 * MEGA, "limit": 8 * MEGA, "held": 1}
    assert system == {os.getuid(): [7 * MEGA, 8 * 1024]}


def test_quotas_that_were_set_are_taken_away_when_there_is_no_limit_any_more(
    homes: ModuleType, tmp_path: Path, system: dict[int, list[int]]
) -> None:
    homes.look("ada", 8 * MEGA, tmp_path)
    homes.lift(tmp_path, frozenset({os.getuid()}))
    assert system[os.getuid()][1] == 8 * 1024
    homes.lift(tmp_path)
    assert system[os.getuid()][1] == 0
    system.clear()
    homes.lift(tmp_path)
    assert system == {}

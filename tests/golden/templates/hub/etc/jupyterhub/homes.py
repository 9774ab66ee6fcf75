# Made by hubctl; the next deploy undoes changes made here.
"""How full users' homes are, and the quotas that hold them: the hub runs this, and asks it when a server starts.

Where a home's file system has user quotas on, the user's is set to what a home may hold, and says what is used.
Elsewhere `du` counts, which follows no link, at the least priority, and for no more than a tenth of the time.
What was found is in a file for each user, which they and the dashboard may read.
"""

from __future__ import annotations

import contextlib
import ctypes
import grp
import json
import os
import pwd
import struct
import subprocess
import sys
import time
from pathlib import Path

FOLDER = Path("/run/jupyterhub-homes")
NEARLY = 0.8
"""The share of what a home may hold from which on its user is warned."""
EVERY, AT_MOST, SHARE = 30.0, 60.0, 10
"""Seconds from one look at all homes to the next, seconds for one home, and how much longer than it took it rests."""
_READER = "dashboard"
_GET, _SET, _STATE = (command << 8 for command in (0x800007, 0x800008, 0x5805))
_ENFORCED = 2
_LIMITS = 1
_BLOCK = 1024
_DQBLK = struct.Struct("=8QI4x")
_libc = ctypes.CDLL(None, use_errno=True)


def look(name: str, limit: int, state: Path, seconds: float | None = None) -> dict[str, int]:
    """Set the quota of a user's home where that can be, find how full it is, and leave word of it.

    Args:
        name: the user.
        limit: bytes that the home may hold.
        state: the hub's folder, where it is noted whose quotas are set.
        seconds: how long counting may take.

    Returns:
        `used` and `limit` in bytes; `held`: whether the file system keeps to it.

    Raises:
        subprocess.TimeoutExpired: counting took too long.
    """
    account = pwd.getpwnam(name)
    used = _by_quota(account, limit, state)
    found = {"used": used if used is not None else _counted(account.pw_dir, seconds), "limit": limit}
    found["held"] = int(used is not None)
    _tell(account, found)
    return found


def known(name: str) -> dict[str, int] | None:
    """Return what was found last, if anything was."""
    try:
        return dict(json.loads((FOLDER / name).read_bytes()))
    except (OSError, ValueError):
        return None


def nearly_full(name: str) -> str:
    """Return how full a home is in words, where that is worth a warning; else nothing."""
    found = known(name)
    if not found or found["used"] < NEARLY * found["limit"]:
        return ""
    return f"{amount(found['used'])} of the {amount(found['limit'])}"


def amount(number: int) -> str:
    """Return bytes as people read them, in binary units as the inventory has them."""
    return f"{number / 2**20:.0f} MB" if number < 2**30 else f"{number / 2**30:.1f} GB"


def forget(names: set[str]) -> None:
    """Drop what was found of all others; what is just being written, here or by the hub, begins with a dot."""
    for left in FOLDER.glob("[!.]*"):
        if left.name not in names:
            left.unlink(missing_ok=True)


def lift(state: Path, keep: frozenset[int] = frozenset()) -> None:
    """Take away the quotas that were set for a hub's users, but for those who are still to have one."""
    for note in (state / "quotas").glob("*"):
        if int(note.name) not in keep:
            with contextlib.suppress(OSError):
                _set(_device(note.read_text()), int(note.name), 0)
            note.unlink(missing_ok=True)


def _by_quota(account: pwd.struct_passwd, limit: int, state: Path) -> int | None:
    """Set a user's quota and return the bytes it counts; None where the file system holds nobody to one."""
    device, about = _device(account.pw_dir), ctypes.create_string_buffer(512)
    try:
        _quotactl(_STATE, device, 0, about)
        if not struct.unpack_from("=H", about, 2)[0] & _ENFORCED:
            return None
        notes = state / "quotas"
        notes.mkdir(mode=0o700, exist_ok=True)
        (notes / str(account.pw_uid)).write_text(account.pw_dir)
        _set(device, account.pw_uid, limit)
        _quotactl(_GET, device, account.pw_uid, about)
    except OSError:
        return None
    return int(_DQBLK.unpack_from(about)[2])


def _set(device: bytes, user: int, limit: int) -> None:
    blocks = -(-limit // _BLOCK)
    wanted = _DQBLK.pack(blocks, 0, 0, 0, 0, 0, 0, 0, _LIMITS)
    _quotactl(_SET, device, user, ctypes.create_string_buffer(wanted, len(wanted)))


def _device(path: str) -> bytes:
    number = Path(path).stat().st_dev
    return f"/dev/block/{os.major(number)}:{os.minor(number)}".encode()


def _quotactl(command: int, device: bytes, user: int, about: ctypes.Array[ctypes.c_char]) -> None:
    if _libc.quotactl(command, device, user, about):
        raise OSError(ctypes.get_errno(), "quotactl")


def _counted(home: str, seconds: float | None) -> int:
    command = ("du", "--summarize", "--one-file-system", "--block-size=1", "--", home)
    du = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=seconds, check=False
    )
    return int(du.stdout.split()[0]) if du.stdout else 0


def _tell(account: pwd.struct_passwd, found: dict[str, int]) -> None:
    FOLDER.mkdir(exist_ok=True)
    FOLDER.chmod(0o711)
    part = FOLDER / f".{account.pw_name}.{os.getpid()}"
    part.write_text(json.dumps(found))
    try:
        reader = pwd.getpwnam(_READER).pw_uid
    except KeyError:
        reader = -1
    # Not the user's own: whoever owns it can fill the memory that it is in.
    os.chown(part, reader, account.pw_gid)
    part.chmod(0o440)
    part.rename(FOLDER / account.pw_name)


def main(users: str, limit: int, state: Path) -> None:
    """Look at all homes, again and again, until ended."""
    os.nice(19)
    while True:
        began = time.monotonic()
        names = set(grp.getgrnam(users).gr_mem)
        for name in names:
            with contextlib.suppress(KeyError, OSError, subprocess.TimeoutExpired):
                look(name, limit, state, AT_MOST)
        forget(names)
        with contextlib.suppress(KeyError):
            lift(state, frozenset(pwd.getpwnam(name).pw_uid for name in names))
        time.sleep(max(EVERY, SHARE * (time.monotonic() - began)))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))

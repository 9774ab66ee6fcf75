"""What the benchmark's nodes hold beyond hubctl's own plan: plain resources that every tool can express."""

from __future__ import annotations

from provision.node.resources import Directory, File, Group, Packages, Resource, Symlink, Unit, User

ROOT = "/opt/bench"
FILES = 40
CHANGING = f"{ROOT}/files/07.conf"
_LINES = 25


def files(revision: str) -> list[Resource]:
    """Return the files alone: 40 of about 1 KB in two modes, with directories and links.

    Args:
        revision: text in the one file that differs from run to run.
    """
    return [
        *(Directory(f"{ROOT}{path}") for path in ("", "/files", "/links", "/empty")),
        Directory(f"{ROOT}/private", mode=0o700),
        *(_file(number, revision) for number in range(FILES)),
        *(Symlink(f"{ROOT}/links/{number}", f"{ROOT}/files/{number:02}.conf") for number in range(5)),
    ]


def _file(number: int, revision: str) -> File:
    path = f"{ROOT}/files/{number:02}.conf"
    lines = [f"setting_{line} = value {number}.{line} of the benchmark" for line in range(_LINES)]
    lines.append(f"revision = {revision if path == CHANGING else 'fixed'}")
    return File(path, "\n".join(lines) + "\n", mode=0o640 if number % 4 == 0 else 0o644)


def whole(revision: str) -> list[Resource]:
    """Return the files with packages, accounts and units around them."""
    return [
        Packages(("cron", "curl", "git", "htop", "logrotate", "rsync")),
        Group("benchers"),
        User("bench1", groups=("benchers",)),
        User("bench2", home=ROOT),
        *files(revision),
        Directory(f"{ROOT}/owned", owner="bench1", group="benchers", mode=0o750),
        File(f"{ROOT}/owned/file", "owned\n", mode=0o640, owner="bench1", group="benchers"),
        Unit("cron.service"),
        Unit("logrotate.timer"),
        Unit("systemd-tmpfiles-clean.timer"),
    ]

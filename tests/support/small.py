"""A plan of one of each cheap kind, for a node without a service: what engine, locks, plans and kills are tried on."""

from __future__ import annotations

from provision.node.resources import (
    Absent,
    CheckedFiles,
    Command,
    Directory,
    File,
    Packages,
    Resource,
    Symlink,
    Unit,
)

NODE = "box"
FOLDER = "/etc/hubctl-small"
LINK, ABSENT, NOTED = "/etc/hubctl-small-link", "/etc/hubctl-small-absent", "/var/tmp/hubctl-small-noted"
SEEN, LOADED = "/run/hubctl-small-seen", "/run/hubctl-small-loaded"
RESTARTING, RELOADING = "hubctl-small.service", "hubctl-small-reload.service"
LINES = 30_000
_SYSTEM = "/etc/systemd/system"
_SERVICE = """\
[Service]
ExecStart=/bin/sh -c 'cat {read} > {note}; exec sleep infinity'
ExecReload=/bin/sh -c 'cat {read} > {note}'
[Install]
WantedBy=multi-user.target
"""


def big(text: str) -> str:
    """Return what the large file holds."""
    return f"{text}\n" * LINES


def plan(text: str = "text0", *more: Resource) -> list[Resource]:
    """Return resources that differ from text to text; `more` comes after the files.

    One unit reads the files at its start and is restarted for them, the other is reloaded for the checked group: each
    notes in /run what it has read.
    """
    files = [
        File(f"{FOLDER}/a", f"{text}\n"),
        File(f"{FOLDER}/b", big(text)),
        File(f"{FOLDER}/c", f"{text}\n", secret=True),
    ]
    pair = (File(f"{FOLDER}/g1", f"{text}\n"), File(f"{FOLDER}/g2", f"{text}\n"))
    group = CheckedFiles("small", pair, ("test", "-s", f"{FOLDER}/g2"))
    restarting = File(f"{_SYSTEM}/{RESTARTING}", _SERVICE.format(read=f"{FOLDER}/[abc]", note=SEEN))
    reloading = File(f"{_SYSTEM}/{RELOADING}", _SERVICE.format(read=f"{FOLDER}/g1", note=LOADED))
    causes = tuple(each.id for each in (restarting, *files))
    return [
        Packages(("openssh-server",)),  # there already
        Directory(FOLDER),
        restarting,
        reloading,
        *files,
        Symlink(LINK, f"/nowhere/{text}"),
        Absent(ABSENT),
        group,
        *more,
        Command("note", ("sh", "-c", f"cat {FOLDER}/a > {NOTED}"), on=(*causes, group.id)),
        Unit(RESTARTING, restart_on=causes),
        Unit(RELOADING, restart_on=(reloading.id,), reload_on=(group.id,)),
    ]

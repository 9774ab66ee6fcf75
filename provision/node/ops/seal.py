"""seal: take from a machine what makes it this one, so that an image of its disk can become many."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from ..errors import NodeError
from ..files import write_file
from ..request import Request
from ..system import STATE
from .answer import answer

_KEPT = (
    "engine",
    "apt-updated",
)  # of hubctl's own folder: the engine needs no second upload, the lists are fresh
_REMOVED = (
    "etc/ssh/ssh_host_*",
    "root/.ssh/authorized_keys",
    "root/.bash_history",
    "root/.cache",
    "var/lib/dbus/machine-id",
    "var/lib/systemd/random-seed",
    "var/lib/systemd/credential.secret",
    "var/lib/cloud/seed",
    "var/lib/dhcp/*",
    "var/lib/hubctl/*",
    "var/cache/apt/archives/*.deb",
    "var/log/journal/*",
    "var/log/cloud-init*.log",
    "tmp/*",
    "var/tmp/*",
)
_EMPTIED = ("etc/machine-id", "var/log/wtmp", "var/log/btmp", "var/log/lastlog")


def seal(request: Request) -> int:
    """Remove host keys, the operator's key, the machine's id, cloud-init's memory, logs and hubctl's own state.

    Nothing of it is written down on the machine: what is left is the same for all that are made of it.

    Raises:
        NodeError: cloud-init did not forget the machine.
    """
    system = request.system
    if system.path("/usr/bin/cloud-init").exists():
        done = system.run(["cloud-init", "clean", "--logs"], timeout=120)
        if done.status != 0:
            raise NodeError("seal-failed", "cloud-init could not be cleaned", why=done.tail())
    root, state = system.path("/"), system.path(STATE)
    for pattern in _REMOVED:
        for path in root.glob(pattern):
            if path.parent != state or path.name not in _KEPT:
                _remove(path)
    for name in _EMPTIED:
        if (root / name).exists():
            write_file(root / name, b"", 0o644)
    os.sync()
    return answer(request, None)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)

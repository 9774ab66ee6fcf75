"""The process beside each machine: mounts its disk, runs systemd-nspawn, starts it again when the machine reboots.

It has a mount namespace of its own, so that the disk's mount ends with it, and it outlives the API: started as
`python -m provision.cloud.local.supervise FOLDER`. SIGTERM asks the machine to power off.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from ...node.files import write_file
from . import cgroup, kernel
from .process import await_starter

REBOOTED = 133  # systemd-nspawn's exit status with --keep-unit when the machine wants to start again
_QUICK = 1.0  # a start that ends sooner than this many seconds is no reboot worth repeating at once


def main(folder: Path) -> int:
    """Run the machine described by `machine.json` until it powers off; returns nspawn's exit status."""
    record = json.loads((folder / "machine.json").read_text())
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(
        lock, fcntl.LOCK_EX | fcntl.LOCK_NB
    )  # a machine has one supervisor; released with the process
    groups = cgroup.join(record["machine"])
    write_file(folder / "cgroups.json", json.dumps([str(path) for path in groups]))
    _mount(folder, record.get("lowers") or [record["base"]])
    told = False
    running: list[subprocess.Popen[bytes]] = []

    def stop(*_: object) -> None:
        nonlocal told
        told = True
        for child in running:
            child.send_signal(signal.SIGTERM)

    signal.signal(signal.SIGTERM, stop)
    # Like a real machine's, also where this computer still has the old hierarchies: systemd 258 knows no others.
    environment = {**os.environ, "UNIFIED_CGROUP_HIERARCHY": "yes"}
    status = REBOOTED
    while status == REBOOTED and not told:
        began = time.monotonic()
        running[:] = [subprocess.Popen(record["argv"], stdin=subprocess.DEVNULL, env=environment)]
        status = running[0].wait()
        if time.monotonic() - began < _QUICK:
            time.sleep(_QUICK)
    kernel.Limits().release(folder / "supervisor.json")
    if not told and status == 0:
        (folder / "off").touch()  # powered off from inside: it stays off until somebody powers it on
    return status


def _mount(folder: Path, lowers: Sequence[str]) -> None:
    layers = f"lowerdir={':'.join(lowers)},upperdir={folder / 'layer'},workdir={folder / 'work'}"
    subprocess.run(["mount", "-t", "overlay", "-o", layers, "overlay", str(folder / "root")], check=True)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])) if await_starter() else 0)

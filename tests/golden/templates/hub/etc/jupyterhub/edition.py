# Made by hubctl; the next deploy undoes changes made here.
"""Starts the hub, and goes back to the edition before where a new one does not come up.

An edition is the programs, the configuration and the settings together. Before a new one starts, the database is
copied; one that dies or does not answer is refused, the copy put back, and the edition that was healthy last starts.
Whoever stops the hub in good order lets the refused one be tried again.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import sys
import time
import urllib.request
from pathlib import Path

ROOT, STATE, CONFIG = Path("/opt/hub/jupyterhub"), Path("/var/lib/hub/jupyterhub"), Path("/etc/jupyterhub")
FILES = (
    "jupyterhub_config.py",
    "homes.py",
    "login.py",
    "password_page.py",
    "page.html",
    "503.html",
    "settings.json",
)
HEALTH, SECONDS = "http://127.0.0.1:581/hub/health", 120
DATABASE, GOOD, RUNS, REFUSED = (
    STATE / name for name in ("jupyterhub.sqlite", "good", "runs.json", "refused")
)


def wanted() -> dict[str, str]:
    """Return the edition that the last deploy left."""
    programs = os.path.realpath(ROOT / "hub")
    content = [programs.encode(), *((CONFIG / name).read_bytes() for name in FILES)]
    return {
        "id": hashlib.sha256(b"\0".join(content)).hexdigest(),
        "programs": programs,
        "config": str(CONFIG),
    }


def noted(path: Path) -> dict[str, str]:
    """Return an edition that was written down, if it was."""
    try:
        return dict(json.loads(path.read_text()))
    except (OSError, ValueError):
        return {"id": ""}


def copy_of(edition: dict[str, str]) -> Path:
    """Return where the database is that was copied before an edition."""
    return STATE / f"before-{edition['id'][:12]}.sqlite"


def start() -> None:
    """Become the hub: the edition that is wanted, or the last good one where that was refused."""
    new, good = wanted(), noted(GOOD / "edition.json")
    edition = new
    if good["id"] not in ("", new["id"]) and Path(good["programs"]).is_dir():
        if REFUSED.exists() and REFUSED.read_text() == new["id"]:
            sys.stderr.write("the edition of the last deploy did not come up: the one before runs\n")
            edition = {**good, "config": str(GOOD)}
        elif DATABASE.exists() and not copy_of(new).exists():
            copy_database(copy_of(new))
    RUNS.write_text(json.dumps(edition))
    os.environ["PATH"] = f"{edition['programs']}/bin:{os.environ['PATH']}"
    program = f"{edition['programs']}/bin/jupyterhub"
    os.execv(program, [program, "--config", f"{edition['config']}/jupyterhub_config.py"])  # noqa: S606


def copy_database(to: Path) -> None:
    """Copy the database whole, whatever is in its journal."""
    part = to.with_suffix(".part")
    part.unlink(missing_ok=True)
    with sqlite3.connect(DATABASE) as source, sqlite3.connect(part) as target:
        source.backup(target)
    part.rename(to)


def healthy() -> None:
    """Wait until the hub answers, and note the edition as good; end with 1 when the hub has ended, or is not heard."""
    deadline = time.monotonic() + SECONDS
    while not answers():
        if not Path("/proc", os.environ["MAINPID"]).exists() or time.monotonic() > deadline:
            sys.exit("the hub did not come up")
        time.sleep(0.2)
    runs = noted(RUNS)
    if runs["id"] == noted(GOOD / "edition.json")["id"] or runs != wanted():
        return
    fresh = STATE / "good.part"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    for name in FILES:
        shutil.copy(CONFIG / name, fresh / name)
    (fresh / "edition.json").write_text(json.dumps(runs))
    shutil.rmtree(GOOD, ignore_errors=True)
    fresh.rename(GOOD)
    REFUSED.unlink(missing_ok=True)
    for copy in STATE.glob("before-*.sqlite"):
        copy.unlink()


def answers() -> bool:
    """Whether the hub is well."""
    try:
        with urllib.request.urlopen(HEALTH, timeout=5) as answer:  # noqa: S310  it is our own
            return bool(answer.status == 200)
    except OSError:
        return False


def stopped() -> None:
    """See why the hub ended: a new edition that was never healthy is refused, with what it did to the database."""
    if os.environ.get("SERVICE_RESULT") == "success":
        REFUSED.unlink(missing_ok=True)
        return
    runs, good = noted(RUNS), noted(GOOD / "edition.json")
    if good["id"] in ("", runs["id"]) or runs != wanted():
        return
    if copy_of(runs).exists():
        for rest in ("-wal", "-shm", "-journal"):
            Path(f"{DATABASE}{rest}").unlink(missing_ok=True)
        copy_of(runs).rename(DATABASE)
    REFUSED.write_text(runs["id"])


if __name__ == "__main__":
    {"start": start, "healthy": healthy, "stopped": stopped}[sys.argv[1]]()

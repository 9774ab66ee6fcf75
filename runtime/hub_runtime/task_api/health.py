"""Is the worker of this machine well? ``python -m hub_runtime.task_api.health`` exits 0 if so."""

from __future__ import annotations

import argparse
import socket
import sys

from ..settings import SettingsError, load
from .settings import Settings
from .store import UNAVAILABLE, Store


def complaint(release: str | None) -> str | None:
    """What is wrong with the workers of this machine; nothing, if one of them has said lately that it lives.

    Args:
        release: only a worker of this release counts.
    """
    try:
        workers = Store(load(Settings)).workers()
    except SettingsError as error:
        return str(error)
    except UNAVAILABLE as error:
        return f"redis is out of reach: {error}"
    here = socket.gethostname()
    for worker in workers.values():
        if worker["host"] == here and release in (None, worker["release"]):
            return None
    wanted = f" of release {release}" if release else ""
    return f"no worker{wanted} on {here} has been heard of lately ({len(workers)} elsewhere or of other releases)"


def main() -> None:
    """Say what is wrong on standard error and exit 1, or exit 0."""
    parser = argparse.ArgumentParser(prog="hub_runtime.task_api.health")
    parser.add_argument("--release", help="only a worker of this release counts")
    wrong = complaint(parser.parse_args().release)
    if wrong:
        sys.stderr.write(f"{wrong}\n")
        sys.exit(1)


if __name__ == "__main__":
    main()

"""Running the host's programs: argument lists, captured output, errors an operator can read."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence

from ...errors import HubError
from .host import program_path


def run(argv: Sequence[str], *, stdin: str | None = None, check: bool = True) -> str:
    """Run a program to its end and return its standard output.

    Args:
        argv: program and arguments; never a secret among them.
        stdin: text for its standard input; none by default.
        check: raise on a non-zero exit.

    Raises:
        HubError: `host-command-failed`, with the program's own words.
    """
    done = subprocess.run(
        list(argv),
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": program_path(), "LC_ALL": "C"},
        check=False,
    )
    if check and done.returncode:
        raise HubError(
            "host-command-failed",
            f"{argv[0]} failed on this computer (exit {done.returncode})",
            why=f"$ {' '.join(argv)}\n{done.stderr.strip() or done.stdout.strip()}",
        )
    return done.stdout

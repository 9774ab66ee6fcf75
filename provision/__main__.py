"""`python -m provision` is hubctl, and so is the console script."""

import gc
import os
import sys
from typing import NoReturn

_COLLECT_AFTER = 100_000  # objects; collecting as often as Python does by default costs a short run 20 ms
_SWITCH_AFTER = (
    0.0005  # seconds; a connection that has heard from its node waits ten times as long by default
)


def run() -> NoReturn:
    """Run the command line and leave at once: taking the interpreter down in order would cost 50 ms more."""
    gc.set_threshold(_COLLECT_AFTER)
    sys.setswitchinterval(_SWITCH_AFTER)
    from .output.streams import open_lasting  # after that: imports are what is collected most

    stdout = open_lasting()
    from .cli import main

    status = main()
    sys.stdout.flush()
    if why := stdout.failure():
        status = _unwritten(why) or status
    sys.stderr.flush()
    os._exit(status)


def _unwritten(why: str) -> int:
    from .errors import HubError
    from .output import Output

    error = HubError(
        "output-lost",
        "the results could not be written to standard output",
        why=f"{why}; what the command does besides is done",
        hint="run it again with standard output open and on a disk with room",
    )
    Output.choose().error(error)
    return int(error.exit_code)


if __name__ == "__main__":
    run()

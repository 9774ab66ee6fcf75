"""`python -m provision` is hubctl, and so is the console script."""

import contextlib
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
    from .cli import main  # after that: imports are what is collected most

    status = main()
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    run()

"""The web process: ``python -m hub_runtime.dashboard.web``.

A live page holds a thread, which sleeps until something changes: many threads cost little, and none of what they
use needs patching. One process is enough for what a class does, and looks at the store's changes for all pages.
There are more threads than live pages may be, so that saves never wait for them.
"""

import sys

from ..serve import main

PROCESSES, THREADS = 1, 128

if __name__ == "__main__":
    options = ["--workers", str(PROCESSES), "--threads", str(THREADS)]
    main(["hub_runtime.dashboard.wsgi:app", *options, *sys.argv[1:]])

"""The web process: ``python -m hub_runtime.task_api.web``."""

import sys

from ..serve import main

if __name__ == "__main__":
    main(["hub_runtime.task_api.wsgi:app", *sys.argv[1:]])

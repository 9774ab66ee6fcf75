"""`python -m provision` is hubctl."""

import sys

from .cli import main

sys.exit(main())

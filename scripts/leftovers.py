"""After the tests: remove local clouds whose test run is gone, and fail when there were any."""

import sys

from provision.cloud.local import lifecycle

PREFIX = "t"


def main() -> int:
    """Return 1 when something was left behind."""
    removed: list[str] = []
    lifecycle.sweep(PREFIX, report=removed.append)
    for line in removed:
        print(f"left behind by the tests: {line}", file=sys.stderr)
    return 1 if removed else 0


if __name__ == "__main__":
    sys.exit(main())

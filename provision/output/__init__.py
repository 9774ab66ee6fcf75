"""What commands show: results on stdout, progress and errors on stderr, `--json` events on stdout."""

from .output import Output, Step

__all__ = ["Output", "Step"]

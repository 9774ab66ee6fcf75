"""Instances of the local cloud for tests."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator

from provision.cloud.local import lifecycle
from provision.cloud.local.instance import Instance


@contextlib.contextmanager
def temporary_instance() -> Iterator[Instance]:
    """Run an instance of this test run alone; it is removed with everything in it at the end."""
    name = f"t-{os.getpid()}-{secrets.token_hex(3)}"
    try:
        yield lifecycle.up(name, report=print)
    finally:
        if name in lifecycle.instances():
            lifecycle.down(name, destroy=True, report=print)

"""The real programs that tests show rendered files to."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

_PACKAGES = {
    "apache2": "apache2-bin",
    "apt-config": "apt",
    "nginx": "nginx-light",
    "openssl": "openssl",
    "redis-server": "redis-server",
    "ssh-keygen": "openssh-client",
    "sshd": "openssh-server",
    "systemd": "systemd",
    "systemd-analyze": "systemd",
}


def program(name: str) -> str:
    """Return the program's path; without it the test is skipped, or fails in CI."""
    path = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin:/lib/systemd")
    if path is not None:
        return path
    reason = f"{name} is not installed: apt-get install {_PACKAGES[name]}"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def accepted(*argv: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a check, which must have nothing to say against."""
    done = subprocess.run(list(map(str, argv)), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr + done.stdout
    return done

"""The command line as a program of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HUBCTL = [sys.executable, "-m", "provision"]


@pytest.fixture
def hubctl(tmp_path):
    """Run hubctl in an empty folder, as somebody without configuration."""

    def run(*words, **environment):
        clean = {
            k: v
            for k, v in os.environ.items()
            if not k.startswith(("HUBCTL", "DIGITALOCEAN", "GITHUB", "CI"))
        }
        return subprocess.run(
            [*HUBCTL, *words],
            cwd=tmp_path,
            env={
                **clean,
                "PYTHONPATH": str(Path.cwd()),
                "HUBCTL_CONFIG_DIR": str(tmp_path / "config"),
                "HUBCTL_LOCAL_DIR": str(tmp_path / "local"),
                **environment,
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run

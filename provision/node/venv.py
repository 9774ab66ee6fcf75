"""Virtual environments under a content address: built once, never changed, complete or not used."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from .files import make_directories, remove_tree, sync_directory, write_file
from .run import Run

_COMPLETE = ".hubctl-complete"
_CACHE = "/var/cache/hubctl"
_WHEELS = "/usr/share/python-wheels"
_LIMIT_SECONDS = 1800


def address(requirements: str) -> str:
    """Name the environment that a lock gives with this machine's Python."""
    from hashlib import sha256

    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    return sha256(f"{python}\n{requirements}".encode()).hexdigest()[:12]


def complete(folder: Path) -> bool:
    """Whether the environment was built to its end."""
    return (folder / _COMPLETE).exists()


def build(run: Run, folder: Path, requirements: str, uv: str) -> None:
    """Build an environment in place, unless it is there; what a killed run left is built anew.

    Args:
        run: the run.
        folder: where; its name is the environment's address.
        requirements: text of a lock with hashes.
        uv: path of the uv program, or empty for pip.

    Raises:
        NodeError: the installation failed.
    """
    if complete(folder):
        return
    if folder.is_dir():
        remove_tree(folder)
    make_directories(folder.parent)
    lock = folder / "requirements.txt"
    _run(run, _create(run, folder, uv), f"the environment {folder} could not be made")
    write_file(lock, requirements.encode(), 0o644)
    run.stage("env-created")
    _run(run, _install(run, folder, lock, uv), f"packages could not be installed into {folder}")
    # The marker must not be there before what it stands for.
    os.sync()
    write_file(folder / _COMPLETE, b"", 0o644)
    sync_directory(folder.parent)


def _create(run: Run, folder: Path, uv: str) -> list[str]:
    if uv:
        return [
            str(run.path(uv)),
            "venv",
            "--quiet",
            "--no-project",
            "--python",
            run.system.python(),
            str(folder),
        ]
    return [run.system.python(), "-m", "venv", *(["--without-pip"] if _pip_wheel(run) else []), str(folder)]


def _pip_wheel(run: Run) -> str:
    """Return the distribution's wheel of pip, or nothing; unpacking it takes as long as running it as it is."""
    return max(map(str, run.path(_WHEELS).glob("pip-*.whl")), default="")


def _install(run: Run, folder: Path, lock: Path, uv: str) -> list[str]:
    python = str(folder / "bin/python")
    if uv:
        head = [str(run.path(uv)), "pip", "install", "--python", python, "--compile-bytecode"]
    else:
        wheel = _pip_wheel(run)
        pip = [f"{wheel}/pip"] if wheel else ["-m", "pip"]
        head = [python, *pip, "install", "--no-input", "--disable-pip-version-check"]
    return [*head, "--require-hashes", "--requirement", str(lock)]


def _run(run: Run, argv: list[str], message: str) -> None:
    cache = run.path(_CACHE)
    make_directories(cache)
    env = {
        "UV_CACHE_DIR": str(cache / "uv"),
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_NO_PROGRESS": "1",
        "PIP_CACHE_DIR": str(cache / "pip"),
    }
    hint = "is the package index within the node's reach? see /etc/uv/uv.toml and /etc/pip.conf on the node"
    run.run_checked(argv, "install-failed", message, hint=hint, env=env, timeout=_LIMIT_SECONDS)

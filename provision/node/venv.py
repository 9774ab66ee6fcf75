"""Virtual environments under a content address: built once, never changed, complete or not used."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Callable

from . import intact
from .errors import NodeError
from .files import make_directories, move_tree, remove_tree, sync_directory, write_file
from .records import dataclass
from .run import Run
from .system import OnLine, System

FETCHED = "/var/cache/hubctl/python3-pip-whl"
"""Where a wheel of pip is that the machine has not installed yet."""
_MADE = ".hubctl-made"
_COMPLETE = ".hubctl-complete"
_CACHE = "/var/cache/hubctl"
_WHEELS = "/usr/share/python-wheels"
_LIMIT_SECONDS = 1800


@dataclass(frozen=True)
class Venv:
    """A virtual environment.

    Args:
        folder: where; its name is the environment's address.
        requirements: text of a lock with hashes.
        uv: the uv program; pip where there is none.
        link: what others know it by, where that is not its folder.
    """

    folder: Path
    requirements: str
    uv: Path | None = None
    link: Path | None = None


def address(requirements: str) -> str:
    """Name the environment that a lock gives with this machine's Python."""
    from hashlib import sha256

    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    return sha256(f"{python}\n{requirements}".encode()).hexdigest()[:12]


def complete(folder: Path) -> bool:
    """Whether an environment is there, and some resource has asked for it."""
    return (folder / _COMPLETE).exists()


def made(folder: Path) -> bool:
    """Whether an environment was made ahead: it is whole, but counts only when a resource asks for it."""
    return (folder / _MADE).exists()


def flaws(folder: Path, *, thorough: bool = False) -> list[str]:
    """Return what is wrong with an environment: nothing, where it is there as it was made."""
    if not complete(folder):
        return [f"{folder.name} is not there"]
    return [f"{path} is damaged" for path in intact.damage(folder, thorough=thorough)]


def build(run: Run, wanted: Venv, *, thorough: bool = False) -> bool:
    """Build an environment in place, unless it is there as it was made; return whether it was built.

    Args:
        run: the run.
        wanted: the environment.
        thorough: see that each file is as it was made.

    Raises:
        NodeError: the installation failed; a damaged environment is left as it was.
    """
    folder = wanted.folder
    run.meanwhile.wait(folder, run.progress)
    if not flaws(folder, thorough=thorough):
        return False
    if complete(folder):
        _make_again(run, wanted)
    elif not made(folder):
        make(run.system, wanted, stage=run.stage, on_line=run.progress)
    (folder / _MADE).rename(folder / _COMPLETE)
    sync_directory(folder)
    return True


def _make_again(run: Run, wanted: Venv) -> None:
    """Make a damaged environment anew, and keep it should that fail: something may still run from it."""
    damaged = wanted.folder.with_name(f"{wanted.folder.name}.damaged")
    # Files there are the same as those in the cache: what was written into one is in the other.
    remove_tree(run.path(_CACHE) / "uv")
    remove_tree(damaged)
    move_tree(wanted.folder, damaged)
    try:
        make(run.system, wanted, stage=run.stage, on_line=run.progress)
    except (NodeError, OSError):
        remove_tree(wanted.folder)
        move_tree(damaged, wanted.folder)
        raise
    remove_tree(damaged)


def make(system: System, wanted: Venv, *, stage: Callable[[str], None], on_line: OnLine = None) -> None:
    """Make an environment; what a killed run left of it is made anew.

    Args:
        system: the machine.
        wanted: the environment.
        stage: told of the points at which a test may have the engine killed.
        on_line: called with each line that the installer says.

    Raises:
        NodeError: the installation failed.
    """
    folder = wanted.folder
    remove_tree(folder)
    make_directories(folder.parent)
    _run(system, _create(system, wanted), f"the environment {folder} could not be made", on_line)
    lock = folder / "requirements.txt"
    write_file(lock, wanted.requirements.encode(), 0o644)
    stage("env-created")
    _run(system, _install(system, wanted, lock), f"packages could not be installed into {folder}", on_line)
    if wanted.uv:
        _compile(system, folder)
    intact.note(folder)
    # The mark must not be there before what it stands for.
    os.sync()
    write_file(folder / _MADE, b"", 0o644)
    sync_directory(folder.parent)


def _create(system: System, wanted: Venv) -> list[str]:
    python, folder = system.python(), str(wanted.folder)
    if wanted.uv:
        return [str(wanted.uv), "venv", "--quiet", "--no-project", "--python", python, folder]
    return [python, "-m", "venv", *(["--without-pip"] if pip_wheel(system) else []), folder]


def pip_wheel(system: System) -> str:
    """Return the distribution's wheel of pip, or nothing; unpacking it takes as long as running it as it is."""
    places = (_WHEELS, FETCHED + _WHEELS)
    found = [max(map(str, system.path(place).glob("pip-*.whl")), default="") for place in places]
    return found[0] or found[1]


def _install(system: System, wanted: Venv, lock: Path) -> list[str]:
    python = str(wanted.folder / "bin/python")
    if wanted.uv:
        head = [str(wanted.uv), "pip", "install", "--python", python, "--only-binary", ":all:"]
    else:
        wheel = pip_wheel(system)
        pip = [f"{wheel}/pip"] if wheel else ["-m", "pip"]
        head = [python, *pip, "install", "--no-input", "--disable-pip-version-check"]
    return [*head, "--require-hashes", "--requirement", str(lock)]


def _compile(system: System, folder: Path) -> None:
    """Compile what was installed, by the machine's own Python: the environment's runs what packages have in `.pth`."""
    own = [system.python(), "-I", "-S", "-m", "compileall", "-qq", "-j", "0", str(folder / "lib")]
    system.run(own, timeout=_LIMIT_SECONDS)  # what cannot be compiled is for another Python, or a template


def _run(system: System, argv: list[str], message: str, on_line: OnLine) -> None:
    make_directories(system.path(_CACHE))
    env = surroundings(system)
    hint = "is the package index within the node's reach? see /etc/uv/uv.toml and /etc/pip.conf on the node"
    system.check(argv, "install-failed", message, hint=hint, env=env, timeout=_LIMIT_SECONDS, on_line=on_line)


def surroundings(system: System) -> dict[str, str]:
    """Return the variables with which installers run."""
    cache = system.path(_CACHE)
    return {
        "UV_CACHE_DIR": str(cache / "uv"),
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_NO_PROGRESS": "1",
        "PIP_CACHE_DIR": str(cache / "pip"),
    }

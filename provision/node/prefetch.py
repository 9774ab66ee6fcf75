"""Environments that can be made while packages are being installed: they need Python and a network alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from . import venv
from .files import make_directories, remove_tree
from .meanwhile import Piece
from .resources.base import Resource
from .run import Run
from .system import System
from .venv import Venv

_LIMIT_SECONDS = 300
_PIP = "python3-pip-whl"


def pieces(run: Run, resources: Sequence[Resource]) -> list[Piece]:
    """Return the environments that resources will need and that are not there, in their order.

    Their programs end with the engine, however it ends: what they leave half made is made anew by the next run.
    """
    system = run.system.mortal(patient=True)
    wanted = [(resource.id, each) for resource in resources for each in resource.environments(run)]
    tools = [each for _, each in wanted if each.link]
    return [
        Piece(
            f"making the environment of {name}",
            each.folder,
            partial(_make, run, system, _by_tool(each, tools)),
        )
        for name, each in wanted
        if not venv.complete(each.folder)
    ]


def _by_tool(wanted: Venv, tools: Sequence[Venv]) -> Venv:
    """Take a program from its environment's own folder: the link to it is made later."""
    for tool in tools:
        if wanted.uv and tool.link and tool.link in wanted.uv.parents:
            return replace(wanted, uv=tool.folder / wanted.uv.relative_to(tool.link))
    return wanted


def _make(run: Run, system: System, wanted: Venv) -> None:
    if venv.made(wanted.folder):
        return
    try:
        if not wanted.uv and not venv.pip_wheel(system):
            _fetch_pip(system)
        venv.make(system, wanted, stage=run.stage)
    finally:
        remove_tree(system.path(venv.FETCHED))


def _fetch_pip(system: System) -> None:
    """Fetch the distribution's pip as apt does, signed and through its proxies, without installing it."""
    folder = system.path(venv.FETCHED)
    remove_tree(folder)
    make_directories(folder)
    check = partial(system.check, code="pip-missing", message="pip cannot be had", timeout=_LIMIT_SECONDS)
    check(["env", f"--chdir={folder}", "apt-get", "--quiet", "download", _PIP])
    for package in folder.glob("*.deb"):
        check(["dpkg-deb", "--extract", str(package), str(folder)])

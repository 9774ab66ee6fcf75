"""Building a release: code from its bundle, an environment from its lock, its settings."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

from .. import intact, venv
from ..audit import now
from ..errors import NodeError
from ..files import make_directories, move_tree, remove_tree, sync_directory, write_file
from ..run import Run
from .home import DESCRIPTION, DOOR, Home, homes
from .served import Served
from .unit_files import freeze, uninstall


def build(
    run: Run, release: Served, environment: venv.Venv, *, settings: str, thorough: bool = False
) -> bool:
    """Build a release beside the others, unless it is there as it was built; it gets its name when it is whole.

    Args:
        run: the run.
        release: how it will be run.
        environment: the one that it runs in; releases with the same lock share it.
        settings: text of settings.json, may hold secrets.
        thorough: see that each file is as it was built.

    Returns:
        Whether the release, or its environment, was built.

    Raises:
        NodeError: the bundle is damaged, or the environment could not be made.
    """
    home = Home(run, release.service)
    if not home.flaws(release.release, thorough=thorough):
        return venv.build(run, environment, thorough=thorough)
    partial, damaged = (home.folder(f"{release.release}.{word}") for word in ("partial", "damaged"))
    for leftover in (partial, damaged):
        remove_tree(leftover)
    make_directories(home.releases)
    partial.mkdir(mode=0o755)
    _extract(_bundle(run, release.bundle), partial)
    run.stage("extracted")
    venv.build(run, environment, thorough=thorough)
    # It never changes: new settings cost no installation.
    (partial / "venv").symlink_to(f"../../envs/{environment.folder.name}")
    owner = run.accounts.ids("root", release.service)
    write_file(partial / "settings.json", settings.encode(), 0o640, owner)
    freeze(run, release, partial)
    if release.web and not release.shares_socket:
        (partial / DOOR).symlink_to(run.path(release.probe_address))
    _compile(partial)
    description = replace(release, built=now()).description()
    write_file(partial / DESCRIPTION, json.dumps(description, indent=2), 0o644)
    intact.note(partial)
    os.sync()
    run.stage("built")
    if home.folder(release.release).exists():
        move_tree(home.folder(release.release), damaged)
    partial.rename(home.folder(release.release))
    sync_directory(home.releases)
    remove_tree(damaged)
    return True


def _bundle(run: Run, sha256: str) -> Path:
    """Return the bundle's file, asking the operator for it if it is not here as it was."""
    from hashlib import sha256 as hash_of

    path = run.state / "blobs" / sha256
    if not path.exists() or hash_of(path.read_bytes()).hexdigest() != sha256:
        run.peer.emit("need", blobs=[sha256])
        data = run.peer.receive()
        if hash_of(data).hexdigest() != sha256:
            raise NodeError(
                "bundle-damaged", f"the bundle that came is not {sha256[:12]}", hint="deploy again"
            )
        make_directories(path.parent)
        write_file(path, data)
    return path


def _extract(archive: Path, folder: Path) -> None:
    import tarfile

    with tarfile.open(archive, "r:") as bundle:
        for member in bundle:
            parts = member.name.split("/")
            if any(part in ("", ".", "..") for part in parts) or not (member.isreg() or member.isdir()):
                raise NodeError("bundle-unsafe", f"the bundle holds {member.name!r}, which is not taken")
            path = folder.joinpath(*parts)
            if member.isdir():
                path.mkdir(mode=0o755, parents=True, exist_ok=True)
                continue
            path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            content = bundle.extractfile(member)
            with path.open("xb") as target:
                shutil.copyfileobj(content, target)  # type: ignore[arg-type]
            path.chmod(0o755 if member.mode & 0o100 else 0o644)


def _compile(folder: Path) -> None:
    """Compile the code now: the service itself may not write here."""
    import compileall

    for package in folder.iterdir():
        if package.is_dir() and not package.is_symlink():
            compileall.compile_dir(package, quiet=2)


def prune(run: Run, home: Home, like: Served, kept: set[str]) -> None:
    """Remove the releases that are not kept, and the environments and bundles that none needs any more.

    Args:
        run: the run.
        home: the service.
        like: the release that serves, which is kept.
        kept: others that are.
    """
    kept = {like.release, *kept}
    for release in home.others(like):
        if release.release not in kept:
            uninstall(run, release)
    for path in sorted(home.releases.iterdir()):
        if path.name not in kept:
            home.remove(path.name)
    used = {home.environment_of(name) for name in home.all()}
    environments = home.root / "envs"
    for path in environments.iterdir() if environments.is_dir() else ():
        if path.name not in used:
            shutil.rmtree(path)
    needed = {each.read(name).bundle for each in homes(run) for name in each.all()}
    blobs = run.state / "blobs"
    for path in blobs.iterdir() if blobs.is_dir() else ():
        if path.name not in needed:
            path.unlink()

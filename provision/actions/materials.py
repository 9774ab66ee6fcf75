"""Materials for everybody's home: what is sent, where it goes, and the link that opens it."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from ..errors import Exit, HubError, HubErrors
from ..inventory.load import place_of
from ..inventory.people import SERVICE
from ..inventory.services.jupyterhub import Material
from ..node.users.put import MOST_BYTES, MOST_FILES
from ..packing import pack
from ..reading import expanded
from .fleet import LoadedFleet
from .job import Job
from .outcome import Outcome

_ELSEWHERE = "put large data where notebooks can load it from, or on the node for all to read"
_PASSED_OVER = {".git", ".ipynb_checkpoints", "__pycache__", ".DS_Store"}


@dataclass(frozen=True)
class Sent:
    """A file that is sent: its path in the home, the sha256 of its content, and the content."""

    path: str
    sha256: str
    content: bytes

    def announced(self) -> dict[str, str]:
        """Return what the node is told before it asks for the content."""
        return {"path": self.path, "sha256": self.sha256}

    def give(self) -> bytes:
        """Return the content."""
        return self.content


def gather(source: Path, to: str = "") -> list[Sent]:
    """Read a file, or all files of a folder.

    Args:
        source: a file, which goes into the folder `to` of the home, or a folder, which becomes it.
        to: a folder of the home; by default the home for a file, and for a folder one of its own name.

    Raises:
        HubError: there is nothing to send, too much of it, or something that cannot be sent.
    """
    if not source.exists():
        raise _refused("no-file", f"{source} is not there", "name a file or a folder")
    base = folder_of_home(to) if to else "" if source.is_file() else source.resolve().name
    sent: list[Sent] = []
    total = 0
    for path, relative in _files(source):
        total += path.stat().st_size
        if total > MOST_BYTES or len(sent) >= MOST_FILES:
            raise _refused(
                "too-large",
                f"{source} is more than can be pushed",
                _ELSEWHERE,
                why=f"at most {MOST_FILES:,} files and {MOST_BYTES // 1_000_000} MB; {relative} is beyond that",
            )
        sent.append(_read(path, f"{base}/{relative}" if base else relative))
    if not sent:
        raise _refused("no-file", f"{source} has no file in it", "name a file, or a folder with files")
    return sent


def packed(loaded: LoadedFleet, node: str, materials: Sequence[Material]) -> bytes:
    """Return a tar of all folders among a hub's materials, each file by its path in the home.

    Raises:
        HubErrors: a folder cannot be sent, or all of them are too much.
    """
    files: dict[str, bytes] = {}
    for index, each in enumerate(materials):
        if each.folder is None:
            continue
        keys = ("nodes", node, "services", SERVICE, "materials", index, "folder")
        source = loaded.path.parent / expanded(each.folder)
        try:
            if not source.is_dir():
                raise _refused("no-file", f"{source} is no folder", "its path is relative to the inventory's")
            files |= {sent.path: sent.content for sent in gather(source, each.to)}
            if len(files) > MOST_FILES or sum(map(len, files.values())) > MOST_BYTES:
                raise _refused("too-large", "all folders together are more than can be sent", _ELSEWHERE)
        except HubError as error:
            error.where, error.exit_code = place_of(loaded.path, keys), Exit.INVENTORY
            raise HubErrors([error]) from None
    return pack(files, tarfile.PAX_FORMAT)


def _files(source: Path) -> Iterator[tuple[Path, str]]:
    """Yield the files and their paths in the folder, in order."""
    if source.is_file():
        yield source, source.name
        return
    for path in sorted(source.rglob("*")):
        relative = path.relative_to(source)
        if _PASSED_OVER.intersection(relative.parts):
            continue
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            why = "what a link leads to might not be meant for everybody"
            raise _refused(
                "no-file", f"{path} is neither file nor folder", "copy what is meant there", why=why
            )
        if path.is_file():
            yield path, relative.as_posix()


def _read(path: Path, place: str) -> Sent:
    if not place.isprintable() or len(place) > 1000:
        raise _refused("bad-name", f"{str(path)!r} has no name for a home", "rename it")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _refused("no-file", f"{path} cannot be read", "make it readable", why=str(error)) from None
    return Sent(place, hashlib.sha256(content).hexdigest(), content)


def folder_of_home(name: str) -> str:
    """Return a folder of a home, plainly.

    Raises:
        HubError: it is none.
    """
    path = PurePosixPath(name.removeprefix("~/"))
    if path.is_absolute() or ".." in path.parts or (name.startswith("~") and not name.startswith("~/")):
        raise _refused("bad-option", f"--to {name} is no folder of a home", "such as `--to course/python`")
    return "" if path == PurePosixPath() else path.as_posix()


def link(hub: str, sent: list[Sent]) -> str:
    """Return the address that opens what was sent in whoever's JupyterLab, or nothing where the hub has none."""
    folder = sent[0].path if len(sent) == 1 else _common([each.path for each in sent])
    return f"{hub}/hub/user-redirect/lab/tree/{quote(folder)}" if hub else ""


def _common(paths: list[str]) -> str:
    """Return the folder that all are in."""
    parents = [PurePosixPath(path).parent.parts for path in paths]
    shared = [parts[0] for parts in zip(*parents, strict=False) if len(set(parts)) == 1]
    return "/".join(shared)


def push(job: Job, node: str, sent: list[Sent], users: Sequence[str] = ()) -> Outcome:
    """Put files into the homes of users of a node's hub, of all where none is named."""
    files = [each.announced() for each in sent]
    blobs = {each.sha256: each.give for each in sent}
    return job.ask("materials-push", node, files=files, users=list(users), blobs=blobs)


def pull(job: Job, node: str, users: Sequence[str] = ()) -> Outcome:
    """Bring the inventory's materials up to date in the homes of users of a node's hub, of all where none is named.

    Raises:
        HubError: the inventory has none.
    """
    service = job.loaded.fleet.nodes[node].services.jupyterhub
    if service is None or not service.materials:
        why = f"the inventory has no `materials` for the hub on {node}"
        raise _refused("no-materials", why, "`hubctl materials push FOLDER` sends a folder of yours")
    return job.ask("materials-pull", node, users=list(users))


def see_all_have_it(outcome: Outcome) -> None:
    """See that every home has all.

    Raises:
        HubError: not all have.
    """
    failed = [user for user in outcome.data.users if user.problem]
    if failed:
        raise HubError(
            "not-in-all-homes",
            f"{len(failed)} of {len(outcome.data.users)} homes did not get all",
            why="\n".join(f"{user.name}: {user.problem}" for user in failed),
            hint="correct what is wrong there, then run the same command again: it does the rest",
        )


def _refused(code: str, message: str, hint: str, *, why: str = "") -> HubError:
    return HubError(code, message, why=why, hint=hint, exit_code=Exit.USAGE)

"""packages-resolve: which versions of packages go together, with hashes."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from .. import venv
from ..errors import NodeError, no_room
from ..records import dataclass
from ..request import Request
from ..run import Run
from ..system import Completed
from .answer import answer

_NO_SOLUTION = "No solution found"
"""How uv begins to say that packages do not go together."""
_LIMIT_SECONDS = 600


def packages_resolve(request: Request) -> int:
    """Answer with the `lock` of what is `asked`, for this machine's Python and beside what another lock pins.

    Versions of the `former` lock are kept where they can be, but for those of packages that are to be the `newest`.
    Nothing is built: what a package would run for that, it would run as root.
    """
    run, wanted = request.run(apply=False), request.manifest
    texts = {name: str(wanted.get(name, "")) for name in ("beside", "former", "uv", "node")}
    found = resolve(run, Wish(wanted.get("asked") or (), wanted.get("newest") or (), **texts))
    return answer(request, {"lock": found})


@dataclass(frozen=True)
class Wish:
    """What is to be resolved: requirements, names that need not stay as they were, texts of locks, where uv is, and the
    node's name, if it is known.
    """

    asked: Sequence[str]
    newest: Sequence[str]
    beside: str
    former: str
    uv: str
    node: str = "NODE"


def resolve(run: Run, wanted: Wish) -> str:
    """Return the lock of a wish.

    Raises:
        NodeError: it cannot be had.
    """
    uv = run.path(wanted.uv)
    if not uv.is_file():
        message = "nothing was deployed yet that could resolve packages"
        raise NodeError("not-deployed", message, hint=f"`hubctl deploy {wanted.node}`")
    with tempfile.TemporaryDirectory(prefix="hubctl-", dir=run.path("/tmp")) as name:  # noqa: S108  ours alone
        folder = Path(name)
        (folder / "asked.in").write_text("".join(f"{each}\n" for each in wanted.asked))
        (folder / "beside.lock").write_text(wanted.beside)
        (folder / "asked.lock").write_text(wanted.former)
        argv = [str(uv), *_compile(folder, run.system.python(), wanted.newest)]
        done = run.system.run(argv, env=venv.surroundings(run.system), timeout=_LIMIT_SECONDS)
        if done.status != 0:
            raise _refused(done)
        return (folder / "asked.lock").read_text()


def _refused(done: Completed) -> NodeError:
    if _NO_SOLUTION in done.output:
        return NodeError(
            "packages-conflict",
            "these packages cannot be had together with what the hub has; nothing was changed",
            why=done.tail(40),
            hint="ask for other versions; one that no index has or has no wheel cannot be had at all",
        )
    full, room = no_room(done.output)
    return NodeError(
        full or "install-failed",
        "the packages could not be resolved; nothing was changed",
        why=done.tail(),
        hint=room or "is the package index within the node's reach? see /etc/uv/uv.toml on the node",
    )


def _compile(folder: Path, python: str, newest: Sequence[str]) -> list[str]:
    return [
        *("pip", "compile", "--quiet", "--generate-hashes", "--no-header", "--no-annotate"),
        *("--only-binary", ":all:", "--python", python),
        *(f"--upgrade-package={name}" for name in newest),
        *("--constraint", str(folder / "beside.lock")),
        *("--output-file", str(folder / "asked.lock")),
        str(folder / "asked.in"),
    ]

"""authorize: which public key may log in as a user, and which no longer."""

from __future__ import annotations

from ..errors import NodeError
from ..files import make_directories, set_access, write_file
from ..request import Request, exclusively
from ..resources.base import Change
from ..run import Run
from ..tally import Tally


def authorize(request: Request) -> int:
    """Have the public key `add` in the authorized keys of `user`, and `drop` not; both are lines or nothing."""
    user = str(request.manifest.get("user") or "root")
    add, drop = (str(request.manifest.get(name) or "") for name in ("add", "drop"))

    def body(run: Run, tally: Tally) -> None:
        name = f"authorized-keys:{user}"
        run.enter(0, name)
        changes = _authorize(run, user, add, drop)
        tally.note(name, "changed" if changes else "ok", changes)

    return exclusively(request, body, 1)


def _authorize(run: Run, user: str, add: str, drop: str) -> list[Change]:
    account = run.accounts.users().get(user)
    if account is None:
        raise NodeError("unknown-account", f"there is no user {user} on the node")
    path = run.path(account.home) / ".ssh" / "authorized_keys"
    before = path.read_text().splitlines() if path.exists() else []
    after = changed(before, add, drop)
    if after == before:
        return []
    owner = (account.uid, account.gid)
    if not path.parent.is_dir():
        make_directories(path.parent)
        set_access(path.parent, 0o700, owner, directory=True)
    write_file(path, "".join(f"{line}\n" for line in after), 0o600, owner)
    return [Change(what) for what, key in (("add a key", add), ("remove a key", drop)) if key]


def changed(lines: list[str], add: str, drop: str) -> list[str]:
    """Return authorized keys with one more and one less; keys are the same whatever their options and comments."""
    kept = [line for line in lines if not drop or _key(line) != _key(drop)]
    return [*kept, add] if add and _key(add) not in map(_key, kept) else kept


def _key(line: str) -> str:
    """Return the key itself, base64, or nothing in a line without one."""
    return next((word for word in line.split() if word.startswith("AAAA")), "")

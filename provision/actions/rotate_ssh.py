"""The operator's deploy key changes on all nodes: the new key is proven by a login before the old one goes.

The key files on this computer say how far it has come: beside the key itself, `.next` is one that is being brought to
the nodes, `.former` one that is being taken away from them. The key in use opens every node at every moment.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from .. import keys
from ..errors import Exit, HubError
from ..node.files import sync_directory, write_file
from ..output import Output
from ..secrets.model import Document
from ..transport import hostkeys
from ..transport.hostkeys import Pin
from ..transport.ssh import Session, connect
from .fleet import LoadedFleet

# Fixed program: $1 a public key to be there, $2 one to be gone, in the authorized keys of the user it runs as.
_AUTHORIZE = """
import os, sys
from pathlib import Path
add, drop = sys.argv[1:]
path = Path.home() / ".ssh" / "authorized_keys"
path.parent.mkdir(mode=0o700, exist_ok=True)
lines = path.read_text().splitlines() if path.exists() else []
key = lambda line: next((word for word in line.split() if word.startswith("AAAA")), "")
kept = [line for line in lines if not drop or key(line) != key(drop)]
if add and key(add) not in map(key, kept):
    kept.append(add)
if kept != lines:
    new = path.with_name(".authorized_keys.hubctl-new")
    new.unlink(missing_ok=True)
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write("".join(line + "\\n" for line in kept))
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
"""


def rotate_ssh(loaded: LoadedFleet, output: Output) -> None:
    """Give the fleet a new deploy key, or finish the change that a former run began.

    Raises:
        HubError: the key is not hubctl's own, or a node could not be reached; both keys are kept until all were.
    """
    refuse_foreign_key(loaded)
    with loaded.secrets.locked():
        _Rotation(loaded, output).run()


def begun(key: Path) -> bool:
    """Whether the change of a key has begun and not ended."""
    return _next_of(key).exists() or _former_of(key).exists()


def refuse_foreign_key(loaded: LoadedFleet) -> None:
    """Leave a key alone that the inventory names.

    Raises:
        HubError: it names one.
    """
    if loaded.fleet.operator.ssh_key:
        raise HubError(
            "not-hubctls-key",
            f"{loaded.fleet.operator.ssh_key} is your own key, which hubctl does not change",
            why="the inventory names it as operator.ssh_key; it may open other doors, too",
            hint="without that line hubctl makes a key for the fleet and rotates it",
            exit_code=Exit.USAGE,
        )


def _next_of(key: Path) -> Path:
    return key.with_name(f"{key.name}.next")


def _former_of(key: Path) -> Path:
    return key.with_name(f"{key.name}.former")


class _Rotation:
    def __init__(self, loaded: LoadedFleet, output: Output) -> None:
        self._loaded = loaded
        self._output = output
        self._key = keys.operator_key(loaded.fleet)
        self._pub = self._key.with_name(f"{self._key.name}.pub")
        self._next = _next_of(self._key)
        self._former = _former_of(self._key)
        self._pins = [pin for pin in hostkeys.read(loaded.path).values() if pin.addresses]

    def run(self) -> None:
        if self._next.exists() or not self._former.exists():
            self._bring_the_next()
            self._swap()
        self._take_the_former_away()

    def _bring_the_next(self) -> None:
        if not self._next.exists():
            write_file(self._next, keys.make(f"hubctl-{self._loaded.fleet.fleet}").private)
        public = self._public(self._next)
        self._reencrypt(add=public)
        for pin in self._pins:
            with self._output.step(f"ssh: the new key on {pin.node}"):
                with self._entered(pin) as session:
                    _authorize(session, add=public)
                with connect(self._loaded.target(pin.node, self._next)) as session:
                    session.run(["true"])
        self._output.event("rotation", key="ssh", state="proven")

    @contextlib.contextmanager
    def _entered(self, pin: Pin) -> Iterator[Session]:
        """Enter a node by the key in use; by the next one where a former run was killed in between."""
        with contextlib.ExitStack() as stack:
            try:
                session = stack.enter_context(connect(self._loaded.target(pin.node, self._key)))
            except HubError as error:
                if error.code != "login-refused":
                    raise
                session = stack.enter_context(connect(self._loaded.target(pin.node, self._next)))
            yield session

    def _swap(self) -> None:
        write_file(self._former, self._key.read_text())
        # Beside a public half that is not its own, ssh refuses a private key; without any, it takes it.
        self._pub.unlink(missing_ok=True)
        self._next.replace(self._key)
        sync_directory(self._key.parent)
        self._output.event("rotation", key="ssh", state="swapped")

    def _take_the_former_away(self) -> None:
        public, former = self._public(self._key), self._public(self._former)
        write_file(self._pub, public + "\n", 0o644)
        for pin in self._pins:
            with self._output.step(f"ssh: the old key off {pin.node}"):
                with connect(self._loaded.target(pin.node, self._key)) as session:
                    _authorize(session, add=public, drop=former)
                self._refused(pin)
        self._reencrypt(drop=former)
        self._forget_at_the_cloud(former)
        self._former.write_bytes(b"\0" * self._former.stat().st_size)
        self._former.unlink()
        self._output.event("rotation", key="ssh", state="done")

    def _forget_at_the_cloud(self, former: str) -> None:
        """Remove the old key from the cloud's account. It opens nothing any more, so that this may fail."""
        try:
            self._loaded.machines.forget_key(former)
        except HubError as error:
            self._output.line(f"ssh: the old key stays in the cloud's account: {error.message}")

    def _refused(self, pin: Pin) -> None:
        try:
            with connect(self._loaded.target(pin.node, self._former)):
                pass
        except HubError as error:
            if error.code == "login-refused":
                return
            raise
        raise HubError(
            "old-key-accepted",
            f"{pin.node} still lets the old key in",
            why="it is not in root's authorized_keys any more",
            hint=f"look for AuthorizedKeysFile and TrustedUserCAKeys in `sshd -T` on {pin.node}",
        )

    def _public(self, private: Path) -> str:
        return f"{keys.public_of(private)} hubctl-{self._loaded.fleet.fleet}"

    def _reencrypt(self, *, add: str = "", drop: str = "") -> None:
        """Let the new key open the secrets, or the old one no more."""
        if not self._loaded.secrets.exists:
            return
        document = self._loaded.secrets.read()
        known = [key for key in document.recipients if key.split()[:2] != (drop or add).split()[:2]]
        recipients = tuple([*known, add] if add else known)
        if recipients != document.recipients:
            self._loaded.secrets.write(Document(recipients, document.secrets))


def _authorize(session: Session, *, add: str, drop: str = "") -> None:
    done = session.run(["python3", "-c", _AUTHORIZE, add, drop])
    if done.status != 0:
        raise HubError(
            "keys-not-written",
            f"root's authorized_keys on {session.target.pin.node} could not be written",
            why=done.stderr.strip()[-500:],
            hint="correct that on the node, then run `hubctl rotate-key ssh` again",
        )

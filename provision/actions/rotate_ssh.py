"""The operator's deploy key changes on all nodes: the new key is proven by a login before the old one goes."""

from __future__ import annotations

from pathlib import Path

from .. import keys
from ..errors import Exit, HubError
from ..secrets.model import Document
from ..secrets.store import SecretStore
from ..transport import hostkeys
from .fleet import LoadedFleet
from .job import Job
from .key_files import KeyFiles
from .outcome import Outcome


def rotate_ssh(job: Job) -> None:
    """Give the fleet a new deploy key, or finish the change that a former run began.

    Raises:
        HubError: the key is not hubctl's own, or a node could not be reached; both keys are kept until all were.
    """
    refuse_foreign_key(job.loaded)
    with job.loaded.secrets.locked():
        _refuse_unfinished(job.loaded)
        if not key_files(job.loaded).begun:
            _adopt(job)
        change = _Change(job, key_files(job.loaded))
        if not change.files.swapped:
            change.bring_next()
            change.files.swap()
            change.reached("swapped")
        change.take_former_away()
        change.reached("done")


def key_files(loaded: LoadedFleet) -> KeyFiles:
    """Return the files of the fleet's deploy key."""
    return KeyFiles(keys.operator_key_path(loaded.fleet, loaded.path), f"hubctl-{loaded.fleet.fleet}")


def _adopt(job: Job) -> None:
    loaded = job.loaded
    used = keys.operator_key_path(loaded.fleet, loaded.path)
    if keys.adopt(loaded.fleet, loaded.path) != used:
        job.output.line(f"ssh: {used} stays as it is: another inventory may use it")


def _refuse_unfinished(loaded: LoadedFleet) -> None:
    """Leave the key as it is while a machine may be on its way that knows no other.

    Raises:
        HubError: a node was begun, and has no address yet.
    """
    keys.operator_key(loaded.fleet, loaded.path)
    unfinished = [pin.node for pin in hostkeys.read(loaded.path).values() if not pin.addresses]
    if unfinished:
        raise HubError(
            "node-unfinished",
            f"{' and '.join(unfinished)} was begun and is not finished: its machine would be locked out",
            why="it may have been ordered with the key in use, and where it is nobody knows yet",
            hint=f"`hubctl create-node {unfinished[0]}`, or `hubctl destroy-node {unfinished[0]}`",
        )


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


class _Change:
    """The change of the key: each part may be done twice."""

    def __init__(self, job: Job, files: KeyFiles) -> None:
        self.files = files
        self._job = job
        self._output = job.output
        self._nodes = list(hostkeys.read(job.loaded.path))

    def reached(self, state: str) -> None:
        """Say how far the change has come."""
        self._output.event("rotation", key="ssh", state=state)

    def bring_next(self) -> None:
        """Have the next key open all nodes and the secrets."""
        self.files.begin()
        public = self.files.public(self.files.next)
        _reencrypt(self._job.loaded.secrets, add=public)
        for node in self._nodes:
            with self._output.step(f"ssh: the new key on {node}", node=node):
                outcome = self._authorize(node, self.files.use, add=public)
                if outcome.error and outcome.error.code != "login-refused":
                    raise outcome.error
                # Once more, with the next key itself: now it is proven, whatever the key in use was told.
                _checked(self._authorize(node, self.files.next, add=public))
        self.reached("proven")

    def take_former_away(self) -> None:
        """Have the former key open nothing any more, and remove it."""
        self.files.write_public()
        hostkeys.note_operator(self._job.loaded.path, self.files.public(self.files.use))
        public, former = self.files.public(self.files.use), self.files.public(self.files.former)
        for node in self._nodes:
            with self._output.step(f"ssh: the old key off {node}", node=node):
                _checked(self._authorize(node, self.files.use, add=public, drop=former))
                self._see_refused(node)
        _reencrypt(self._job.loaded.secrets, drop=former)
        self._forget_at_the_cloud(former)
        self.files.end()

    def _by(self, key_file: Path) -> Job:
        """Return the same command, which enters nodes with another key."""
        return Job(self._job.loaded, self._job.caller, self._output, key_file)

    def _authorize(self, node: str, by: Path, *, add: str, drop: str = "") -> Outcome:
        user = self._job.loaded.pin(node).user
        return self._by(by).ask("authorize", node, user=user, add=add, drop=drop)

    def _see_refused(self, node: str) -> None:
        error = self._by(self.files.former).ask("lock-status", node).error
        if error is None:
            raise HubError(
                "old-key-accepted",
                f"{node} still lets the old key in",
                why="it is not in the authorized keys any more",
                hint=f"look for AuthorizedKeysFile and TrustedUserCAKeys in `sshd -T` on {node}",
            )
        if error.code != "login-refused":
            raise error

    def _forget_at_the_cloud(self, former: str) -> None:
        """Remove the old key from the cloud's account. It opens nothing any more, so that this may fail."""
        try:
            self._job.loaded.machines.forget_key(former)
        except HubError as error:
            self._output.line(f"ssh: the old key stays in the cloud's account: {error.message}")


def _checked(outcome: Outcome) -> None:
    if outcome.error is not None:
        raise outcome.error


def _reencrypt(secrets: SecretStore, *, add: str = "", drop: str = "") -> None:
    """Let the new key open the secrets, or the old one no more."""
    if not secrets.exists:
        return
    document = secrets.read()
    known = [key for key in document.recipients if key.split()[:2] != (drop or add).split()[:2]]
    recipients = tuple([*known, add] if add else known)
    if recipients != document.recipients:
        secrets.write(Document(recipients, document.secrets))

"""rotate-key: the kinds of keys, which there are, how old they are, and how each is changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from .. import keys
from ..errors import Exit, HubError
from ..inventory.suggest import did_you_mean
from ..secrets import model
from ..secrets.model import Generations
from .contexts import secret_names
from .fleet import LoadedFleet
from .job import Job
from .rotate_service import rotate_service
from .rotate_ssh import key_files, refuse_foreign_key, rotate_ssh
from .rotate_tunnel import rotate_tunnel


@dataclass(frozen=True)
class Key:
    """Something that can be rotated.

    Args:
        name: `kind/name`, or the kind alone where there is one of it.
        created: when the key in use was made; None if there is none yet.
        unfinished: whether a rotation has begun and not ended.
    """

    name: str
    created: datetime | None
    unfinished: bool

    def due(self, age: timedelta | None, now: datetime) -> bool:
        """Whether it is to be rotated when all keys older than `age` are; None means whatever its age."""
        if self.created is None:
            return False
        return age is None or self.unfinished or now - self.created > age


@dataclass(frozen=True)
class KeyKind:
    """One kind of key: which there are, and how one is changed."""

    find: Callable[[LoadedFleet], list[Key]]
    rotate: Callable[[Job, str], None]


def _stored(kind: str) -> Callable[[LoadedFleet], list[Key]]:
    """Return how to find the keys of a kind that the secrets file holds."""

    def find(loaded: LoadedFleet) -> list[Key]:
        names = [
            name
            for name in secret_names(loaded.fleet, list(loaded.fleet.nodes))
            if name.startswith(f"{kind}/")
        ]
        document = loaded.secrets.read() if names else None
        return [_key(name, document.generations(name)) for name in names] if document else []

    return find


def _key(name: str, generations: Generations) -> Key:
    found = model.current(generations)
    return Key(name, found.created if found else None, model.in_motion(generations))


def _ssh(loaded: LoadedFleet) -> list[Key]:
    """Return the fleet's own deploy key; one that the inventory names is the operator's business."""
    path = keys.operator_key_path(loaded.fleet, loaded.path)
    if loaded.fleet.operator.ssh_key or not path.is_file():
        return []
    created = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    return [Key("ssh", created, key_files(loaded).begun)]


def _rotate_ssh(job: Job, _: str) -> None:
    rotate_ssh(job)


KEY_KINDS: dict[str, KeyKind] = {
    "tunnel": KeyKind(_stored("tunnel"), rotate_tunnel),
    "service": KeyKind(_stored("service"), rotate_service),
    "ssh": KeyKind(_ssh, _rotate_ssh),
}
"""The kinds by the first part of their keys' names. SSH comes last: all others work by it."""


def all_keys(loaded: LoadedFleet) -> list[Key]:
    """Return every key of the fleet that can be rotated."""
    return [key for kind in KEY_KINDS.values() for key in kind.find(loaded)]


def chosen(loaded: LoadedFleet, names: Sequence[str]) -> list[Key]:
    """Return the keys of these names; the name of a kind stands for all of it.

    Raises:
        HubError: there is no such key.
    """
    known = all_keys(loaded)
    found: list[Key] = []
    for name in names:
        fitting = [key for key in known if name in (key.name, key.name.partition("/")[0])]
        if name == "ssh":
            refuse_foreign_key(loaded)
        if not fitting:
            raise _unknown(name, [key.name for key in known])
        found += fitting
    return list(dict.fromkeys(found))


def rotate_due(job: Job, keys: Sequence[Key], age: timedelta | None) -> list[HubError]:
    """Change the keys that are due, the one after the other; return the errors, which have been shown.

    An error of one does not stop the others: what used the key goes on, and the next run takes it up again.

    Args:
        job: the command at work.
        keys: those to choose from.
        age: how old a key must be; None for any.
    """
    errors = []
    for key in keys:
        now = datetime.now(UTC)
        if not key.due(age, now):
            days = f"{(now - key.created).days} days old" if key.created else "not made yet: `hubctl deploy`"
            job.output.event("kept", key=key.name)
            job.output.result(f"{key.name}: {days}, kept")
            continue
        try:
            with job.output.step(f"rotate {key.name}"):
                KEY_KINDS[key.name.partition("/")[0]].rotate(job, key.name)
        except HubError as error:
            job.output.error(error)
            errors.append(error)
        else:
            job.output.event("rotated", key=key.name)
            job.output.result(f"{key.name}: rotated")
    return errors


def _unknown(name: str, known: list[str]) -> HubError:
    return HubError(
        "unknown-key",
        f"there is no key `{name}` to rotate",
        why=f"the keys are: {', '.join(known) or 'none'}",
        hint=did_you_mean(name, known),
        exit_code=Exit.USAGE,
    )

"""Secrets as generations, and the steps of a rotation as pure functions of them.

A generation is `next` (in place, not yet trusted), `current` (in use), `former` (still accepted, for what began with
it) or `retired` (to be erased wherever it is; its value is gone already). A rotation is the walk

    current → current + next → former + current → retired + current → current

and each of its states is complete: whoever finds one can go on from it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

from ..errors import Exit, HubError
from .value import Secret

Status = Literal["next", "current", "former", "retired"]
STATUSES: tuple[Status, ...] = ("next", "current", "former", "retired")

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*(/[a-z0-9][a-z0-9._-]*)*")


@dataclass(frozen=True)
class Generation:
    """One value of a secret.

    Args:
        number: counts from 1, never used twice.
        created: when it was made, in UTC.
        status: what it is for at present.
        value: the secret itself; None once it is retired.
    """

    number: int
    created: datetime
    status: Status
    value: Secret | None

    def reveal(self) -> str:
        """Return the value itself.

        Raises:
            ValueError: it is retired.
        """
        if self.value is None:
            raise ValueError(f"generation {self.number} is retired")
        return self.value.reveal()


Generations = tuple[Generation, ...]
"""The generations of one secret, oldest first."""


@dataclass(frozen=True)
class Document:
    """What the encrypted file holds.

    Args:
        recipients: public keys that can read it: `ssh-ed25519 …`, `ssh-rsa …` or `age1…`.
        secrets: generations by name; a name is a path such as `tunnel/dti`.
    """

    recipients: tuple[str, ...]
    secrets: dict[str, Generations] = field(default_factory=dict)

    def generations(self, name: str) -> Generations:
        """Return a secret's generations, none if there is no such secret."""
        return self.secrets.get(name, ())

    def with_secret(self, name: str, generations: Generations) -> Document:
        """Return the document with other generations of one secret; without any, the secret is gone."""
        secrets = {**self.secrets, checked_name(name): generations}
        if not generations:
            del secrets[name]
        return replace(self, secrets=dict(sorted(secrets.items())))


def tunnel_key(tunnel: str) -> str:
    """Return the name of a tunnel's key."""
    return f"tunnel/{tunnel}"


def service_key(service: str) -> str:
    """Return the name of a service's own secret, the same on all its nodes."""
    return f"service/{service}"


def checked_name(name: str) -> str:
    """Return a secret's name if it is one.

    Raises:
        HubError: it is none.
    """
    if not _NAME.fullmatch(name) or len(name) > 200:
        raise HubError(
            "bad-secret-name",
            f"{name!r} cannot be the name of a secret",
            why="a name is a path of lower-case letters, digits, dots, hyphens and underscores, such as mail/password",
            exit_code=Exit.USAGE,
        )
    return name


def current(generations: Generations) -> Generation | None:
    """Return the generation in use, None where there is no secret."""
    return with_status(generations, "current")


def with_status(generations: Generations, status: Status) -> Generation | None:
    """Return the generation of a status; there is at most one of each."""
    return next((item for item in generations if item.status == status), None)


def newest(generations: Generations) -> Generation | None:
    """Return the generation that is to be used from now on, proven or not yet."""
    return with_status(generations, "next") or current(generations)


def in_motion(generations: Generations) -> bool:
    """Whether a rotation has begun and not ended."""
    return any(item.status != "current" for item in generations)


def older_than(generations: Generations, age: timedelta, now: datetime) -> bool:
    """Whether the generation in use was made longer ago than `age`."""
    found = current(generations)
    return found is not None and now - found.created > age


def replaced(generations: Generations, value: Secret, now: datetime) -> Generations:
    """Return a secret that has this value at once, without a rotation."""
    return (Generation(_number(generations), now, "current", value),)


def begun(generations: Generations, value: Secret, now: datetime) -> Generations:
    """Begin a rotation: the next generation stands beside the current one."""
    if in_motion(generations):
        raise ValueError("a rotation has begun already")
    return (*generations, Generation(_number(generations), now, "next", value))


def promoted(generations: Generations) -> Generations:
    """Put the next generation in use; the current one becomes the former."""
    becomes: dict[Status, Status] = {"current": "former", "next": "current"}
    return tuple(replace(item, status=becomes.get(item.status, item.status)) for item in generations)


def retired(generations: Generations) -> Generations:
    """Drop the former generation's value: from here on it is only known that it must be erased."""
    return tuple(
        replace(item, status="retired", value=None) if item.status == "former" else item
        for item in generations
    )


def forgotten(generations: Generations) -> Generations:
    """Drop the retired generation: it has been erased everywhere."""
    return tuple(item for item in generations if item.status != "retired")


def _number(generations: Generations) -> int:
    return max((item.number for item in generations), default=0) + 1

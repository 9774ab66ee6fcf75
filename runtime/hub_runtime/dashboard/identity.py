"""Who asks: tokens, as the hub knows them."""

from __future__ import annotations

import hashlib
import threading

import msgspec
import requests
from cachetools import TTLCache

from .people import Sight
from .settings import Settings

VIEW = "custom:dashboard:view"
"""The scope by which somebody who is no admin sees everybody."""
SECONDS = (2.0, 5.0)
KNOWN = 4096
"""Tokens whose owners are remembered, wrong ones among them."""


class HubAwayError(Exception):
    """The hub does not answer, or not as it should."""


class Owner(msgspec.Struct, frozen=True):
    """The hub's word on a token."""

    name: str
    kind: str = "user"
    admin: bool = False
    scopes: tuple[str, ...] = ()


class Identity(msgspec.Struct, frozen=True):
    """Who asks.

    Attributes:
        name: the user's, or the service's.
        user: whether it is a user, who can tell of events of their own.
        enters: whether the token opens this service, not only another one of the hub's. Whoever opens
            somebody's server gives that server a token that says who they are and must not open more.
        all: whether it sees everybody.
        admin: whether it is an admin of the hub, who says who may use it.
    """

    name: str
    user: bool
    enters: bool
    all: bool
    admin: bool = False

    @property
    def sight(self) -> Sight:
        """What it may see."""
        return Sight(self.name if self.user else "", self.all)


class Hub:
    """The hub's API, asked once in a while for each token."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._session = requests.Session()
        self._session.trust_env = False
        self._lock = threading.Lock()
        self._known: TTLCache[bytes, Identity | None] = TTLCache(KNOWN, settings.identity)

    def identify(self, token: str) -> Identity | None:
        """Return whose a token is, or None when the hub does not know it.

        Raises:
            HubAwayError: it cannot be asked.
        """
        key = hashlib.sha256(token.encode()).digest()
        with self._lock:
            if key in self._known:
                return self._known[key]
        identity = self._ask(token)
        with self._lock:
            self._known[key] = identity
        return identity

    def _ask(self, token: str) -> Identity | None:
        try:
            answer = self._session.get(
                f"{self._settings.hub_api}/user",
                headers={"Authorization": f"token {token}"},
                timeout=SECONDS,
                allow_redirects=False,
            )
            if answer.status_code in (401, 403):
                return None
            answer.raise_for_status()
            owner = msgspec.json.decode(answer.content, type=Owner)
        except (requests.RequestException, msgspec.DecodeError, UnicodeError) as error:
            raise HubAwayError(str(error)) from error
        name = self._settings.name
        enters = not {"access:services", f"access:services!service={name}"}.isdisjoint(owner.scopes)
        sees_all = enters and (owner.admin or VIEW in owner.scopes)
        user = owner.kind == "user"
        return Identity(owner.name, user, enters, sees_all, admin=user and enters and owner.admin)

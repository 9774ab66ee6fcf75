# Made by hubctl; the next deploy undoes changes made here.
"""Who logs in by the node's passwords, and how often those may be tried."""

import ipaddress
import re
import secrets
import time
from collections.abc import Hashable
from typing import Any

from jupyterhub.auth import PAMAuthenticator
from jupyterhub.user import User
from tornado.web import HTTPError, RequestHandler

AT_ONCE, SECONDS = 5, 30
"""So many wrong passwords in a row, and then one in so many seconds."""
_DAYS = 90


class Tries:
    """Counts tries, for each who makes some apart from all others."""

    def __init__(self) -> None:
        self._free: dict[Hashable, float] = {}  # when all tries are there again
        self._tidied = 0.0

    def take(self, who: Hashable) -> float:
        """Count a try; return 0, or else the seconds until one may be made."""
        now = time.monotonic()
        self._tidy(now)
        free = max(self._free.get(who, now), now) + SECONDS
        wait = free - now - AT_ONCE * SECONDS
        if wait <= 0:
            self._free[who] = free
        return max(wait, 0.0)

    def give_back(self, who: Hashable) -> None:
        """Count a try no more, which was a right one."""
        if who in self._free:
            self._free[who] -= SECONDS

    def _tidy(self, now: float) -> None:
        if now - self._tidied > SECONDS:
            self._tidied = now
            self._free = {who: free for who, free in self._free.items() if free > now}


def network(address: str) -> str:
    """Return whose an address is: of IPv6 the network that one customer has."""
    found = ipaddress.ip_address(address)
    return address if found.version == 4 else str(ipaddress.ip_network((found, 64), strict=False))


class Login(PAMAuthenticator):  # type: ignore[misc]
    """Asks the node for passwords, and again and again who is an admin; who tries too often has to wait.

    Tries are counted for each name and address, so a stranger elsewhere keeps nobody out, and apart from them for each
    browser in which somebody has logged in before, so neither does one in the same room.
    """

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self._tries = Tries()

    async def authenticate(self, handler: RequestHandler, data: dict[str, str]) -> str | None:
        """Return the name of whoever knows their password, else None."""
        name = data["username"]
        # Nobody is called so; PAM would read as far as a NUL, and tries count for another name.
        if not re.fullmatch(self.username_pattern, name):
            return None
        cookie = f"known-{name}"
        browser = handler.get_secure_cookie(cookie, max_age_days=_DAYS)
        who = (name, browser or network(handler.request.remote_ip))
        if wait := self._tries.take(who):
            raise _too_often(wait)
        found: str | None = await super().authenticate(handler, data)
        if found is not None:
            self._tries.give_back(who)
            known = browser or secrets.token_hex(16)
            handler.set_secure_cookie(
                cookie, known, _DAYS, path=handler.hub.base_url, secure=True, httponly=True, samesite="Lax"
            )
        return found

    async def refresh_user(self, user: User, handler: object = None) -> bool | dict[str, object]:
        """Return whether somebody who is logged in is an admin or not as they were before, or what is so now."""
        try:
            admin = await self.is_admin(handler, {"name": user.name})
        except KeyError:
            return False  # there is no such account any more
        return admin == user.admin or {"name": user.name, "admin": admin}


def _too_often(seconds: float) -> HTTPError:
    whole = int(seconds) + 1
    error = HTTPError(429, f"Too many wrong passwords. Try again in {whole} seconds.")
    error.headers = {"Retry-After": str(whole)}  # JupyterHub sends it
    return error

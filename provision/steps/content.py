"""What a site offers, whichever web server answers for it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Route:
    """Requests whose path begins alike, and who answers them.

    Args:
        to: where that listens: the path of a Unix socket, or `HOST:PORT`.
        path: how the requests' paths begin.
        silence: seconds that it may say nothing.
        live: whether what it says shows at once, however long it goes on.
        websockets: whether connections may become WebSockets.
        again: whether what was under way when it ended is asked once more, unless that may have done something.
        framed: whether it says itself which pages may frame its own, and how far browsers may trust them.
        above: whether names below the site's own, where it has such, lead to its own for this.
    """

    to: str
    path: str = "/"
    silence: int = 60
    live: bool = False
    websockets: bool = False
    again: bool = False
    framed: bool = False
    above: bool = False


@dataclass(frozen=True)
class Inside:
    """What programs of the node itself may ask over HTTP, at a port of its loopback address.

    Args:
        port: the port.
        to: path of the Unix socket of who answers.
        paths: what may be asked.
        max_body: bytes that the body of a request may have.
    """

    port: int
    to: str
    paths: tuple[str, ...]
    max_body: int


@dataclass(frozen=True)
class Content:
    """A site's content.

    Args:
        routes: what goes where.
        max_body: bytes that the body of a request may have.
        inside: what only the node itself may ask.
        readers: web origins whose pages may read what the web server answers itself, `*` for all; a service says so of
            its own answers.
        policy: the Content-Security-Policy of all answers.
        referrer: the Referrer-Policy of all answers.
        away: the page that people see while nobody answers; without it the web server says in JSON what it refuses.
    """

    routes: tuple[Route, ...]
    max_body: int = 1_000_000
    inside: tuple[Inside, ...] = ()
    readers: tuple[str, ...] = ()
    policy: str = ""
    referrer: str = "no-referrer"
    away: str = ""

"""What is kept: events, the summaries made of them, and what people want (a hand up, a pause)."""

from __future__ import annotations

import sqlite3
import time
import zlib
from collections.abc import Callable, Mapping

import msgspec

from . import fullness, people, roster
from .database import Database
from .model import Change, Digest, Event, Participant, Summary
from .people import Sight
from .settings import Settings

FIELDS = ("id", "type", "user", "filename", "path", "timestamp")
AT_ONCE = 200
"""Changes, and notebooks to render, that are fetched at a time."""
WHOLES = 20
"""Notebooks that are kept as a whole: those opened last."""
OVERHEAD = 128
"""Bytes that an event counts besides its texts."""
_EVENT = ", ".join(f"e.{field}" for field in FIELDS)
_DIGEST = "e.user, e.filename, e.timestamp, s.total, s.errors, s.stuck"


class Due(msgspec.Struct, frozen=True):
    """A saved notebook that is to be rendered.

    Attributes:
        position: that of its save.
        tries: what its last rendering said of its errors.
        whole: whether somebody opened all of it.
    """

    event: int
    position: int
    user: str
    filename: str
    path: str
    timestamp: str
    tries: bytes
    whole: bool = False


class Store:
    """The store in one SQLite file. Every method may raise `sqlite3.Error`."""

    def __init__(self, settings: Settings) -> None:
        self._database = Database(settings.database)
        self._limits = settings.limits
        self._active = settings.active
        self._groups = settings.users, settings.admins
        self._fullness = settings.fullness

    def record(self, type: str, user: str, filename: str, path: str, timestamp: str) -> Event:  # noqa: A002
        """Keep an event; the same type, user and path replace what was there, under its id."""
        size = OVERHEAD + sum(len(text.encode()) for text in (type, user, filename, path, timestamp))
        with self._database.writing() as connection:
            (identifier,) = connection.execute(
                "INSERT INTO events (type, user, filename, path, timestamp, received, size, position)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (type, user, path) DO UPDATE SET"
                " filename = excluded.filename, timestamp = excluded.timestamp, received = excluded.received,"
                " position = excluded.position"
                " RETURNING id",
                (type, user, filename, path, timestamp, time.time(), size, _next(connection)),
            ).fetchone()
            self._make_room(connection, user)
        return Event(identifier, type, user, filename, path, timestamp)

    def events(self, sight: Sight, filters: Mapping[str, str], since: int = 0) -> tuple[list[Event], int]:
        """Return what fits all filters, in the order in which each first came, and the present position."""
        wanted = "".join(f" AND CAST(e.{field} AS TEXT) = :f_{field}" for field in FIELDS if field in filters)
        values = {f"f_{field}": value for field, value in filters.items()}
        query = (
            f"SELECT {_EVENT} FROM events e WHERE e.position > :since AND {people.OPEN}{wanted} ORDER BY e.id"
        )
        with self._database.reading() as connection:
            connection.execute("BEGIN")
            try:
                rows = connection.execute(query, {**values, **sight.values(), "since": since}).fetchall()
                return [Event(*row) for row in rows], _position(connection)
            finally:
                connection.execute("COMMIT")

    def position(self) -> int:
        """Return the position of the last change."""
        with self._database.reading() as connection:
            return _position(connection)

    def changes(self, sight: Sight, since: int) -> list[Change]:
        """Return what changed after a position, as it is now, the oldest change first; some at a time."""
        values = {**sight.values(), "since": since, "most": AT_ONCE}
        events = (
            f"SELECT e.position, {_EVENT} FROM events e WHERE e.position > :since AND {people.OPEN}"
            " ORDER BY e.position LIMIT :most"
        )
        summaries = (
            f"SELECT s.position, {_DIGEST} FROM summaries s JOIN events e ON e.id = s.event"
            f" WHERE s.position > :since AND {people.OPEN} ORDER BY s.position LIMIT :most"
        )
        with self._database.reading() as connection:
            found = [
                Change(position, "event", Event(*rest))
                for position, *rest in connection.execute(events, values)
            ]
            found += [
                Change(position, "summary", Digest(*rest))
                for position, *rest in connection.execute(summaries, values)
            ]
            found += [
                Change(position, "participant", self._at_home(who))
                for position, who in people.changed(connection, sight, self._active, since, AT_ONCE)
            ]
        return sorted(found, key=lambda change: change.position)[:AT_ONCE]

    def participants(self, sight: Sight) -> list[Participant]:
        """Return everybody there is to see, by name: learners who never came, too."""
        learners = roster.learners(*self._groups) if sight.all else ()
        with self._database.reading() as connection:
            found = people.participants(connection, sight, self._active, learners)
        return [self._at_home(who) if not who.paused or who.name == sight.me else who for who in found]

    def forget(self, gone: Callable[[str], bool]) -> None:
        """Forget all of those who are gone."""
        with self._database.writing() as connection:
            people.forget(connection, gone)

    def want(self, user: str, *, hand: bool | None = None, paused: bool | None = None) -> Participant:
        """Raise or lower a hand, pause or go on: what is None stays."""
        with self._database.writing() as connection:
            people.want(connection, user, _next(connection), hand=hand, paused=paused)
            return self._at_home(people.participants(connection, Sight(user), self._active)[0])

    def summaries(self, sight: Sight, filename: str) -> list[Summary]:
        """Return everybody's copy of a notebook, by name."""
        return self._summaries(sight, "e.filename = :filename", {"filename": filename})

    def summary(self, sight: Sight, user: str, filename: str) -> Summary | None:
        """Return one copy of a notebook, where there is one to see."""
        wanted = {"filename": filename, "user": user}
        found = self._summaries(sight, "e.filename = :filename AND e.user = :user", wanted)
        return found[-1] if found else None

    def notebooks(self, sight: Sight) -> dict[str, int]:
        """Return how many people have a copy of each notebook, those with the most first."""
        query = (
            "SELECT e.filename, COUNT(DISTINCT e.user) AS people FROM events e JOIN summaries s ON s.event = e.id"
            f" WHERE {people.OPEN} GROUP BY e.filename ORDER BY people DESC, e.filename"
        )
        with self._database.reading() as connection:
            return {row["filename"]: row["people"] for row in connection.execute(query, sight.values())}

    def due(self) -> list[Due]:
        """Return notebooks that were saved after they were rendered, the longest waiting first."""
        query = (
            "SELECT e.id, e.position, e.user, e.filename, e.path, e.timestamp, COALESCE(s.tries, x'') AS tries"
            " FROM events e LEFT JOIN summaries s ON s.event = e.id"
            " WHERE e.type = 'save-notebook' AND e.rendered < e.position"
            " AND e.user NOT IN (SELECT user FROM people WHERE paused IS NOT NULL)"
            " ORDER BY e.position LIMIT ?"
        )
        with self._database.reading() as connection:
            return [Due(*row) for row in connection.execute(query, (AT_ONCE,))]

    def whole(self, sight: Sight, user: str, filename: str) -> Summary | None:
        """Return all of a notebook as it was saved last, or ask the worker for it and return None.

        Raises:
            LookupError: there is none to see.
        """
        query = (
            "SELECT e.id, e.position, w.wanted, w.body FROM events e LEFT JOIN wholes w ON w.event = e.id"
            f" WHERE e.type = 'save-notebook' AND e.user = :user AND e.filename = :filename AND {people.OPEN}"
            " ORDER BY e.position DESC LIMIT 1"
        )
        values = {"user": user, "filename": filename, **sight.values()}
        with self._database.reading() as connection:
            row = connection.execute(query, values).fetchone()
        if row is None:
            raise LookupError(filename)
        if row["wanted"] == row["position"]:
            return _summary(row["body"]) if row["body"] is not None else None
        with self._database.writing() as connection:
            connection.execute(
                "INSERT INTO wholes (event, wanted) VALUES (?, ?) ON CONFLICT (event) DO UPDATE SET"
                " wanted = excluded.wanted, body = NULL",
                (row["id"], row["position"]),
            )
            connection.execute(
                "DELETE FROM wholes WHERE event NOT IN (SELECT event FROM wholes ORDER BY wanted DESC LIMIT ?)",
                (WHOLES,),
            )
        return None

    def opened(self) -> list[Due]:
        """Return notebooks of which somebody waits for all."""
        query = (
            "SELECT e.id, w.wanted, e.user, e.filename, e.path, e.timestamp, x'', TRUE FROM wholes w"
            " JOIN events e ON e.id = w.event WHERE w.body IS NULL ORDER BY w.wanted"
        )
        with self._database.reading() as connection:
            return [Due(*row) for row in connection.execute(query)]

    def keep_whole(self, due: Due, summary: Summary) -> None:
        """Keep all of a notebook for those who wait for it."""
        with self._database.writing() as connection:
            connection.execute(
                "UPDATE wholes SET body = ? WHERE event = ? AND wanted = ?",
                (_packed(summary), due.event, due.position),
            )

    def keep(self, due: Due, summary: Summary, tries: bytes) -> None:
        """Keep what a notebook was rendered to, unless its event is gone meanwhile."""
        body = _packed(summary)
        with self._database.writing() as connection:
            known = connection.execute(
                "UPDATE events SET rendered = ?, size = size + ? - COALESCE("
                "(SELECT LENGTH(body) + LENGTH(tries) FROM summaries WHERE event = id), 0) WHERE id = ?",
                (due.position, len(body) + len(tries), due.event),
            ).rowcount
            if not known:
                return
            connection.execute(
                "INSERT INTO summaries (event, body, tries, position, total, errors, stuck)"
                " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (event) DO UPDATE SET body = excluded.body,"
                " tries = excluded.tries, position = excluded.position, total = excluded.total,"
                " errors = excluded.errors, stuck = excluded.stuck",
                (due.event, body, tries, _next(connection), summary.total, summary.errors, summary.stuck),
            )
            self._make_room(connection, due.user)

    def _at_home(self, who: Participant) -> Participant:
        return msgspec.structs.replace(who, home=fullness.of(self._fullness, who.name))

    def _summaries(self, sight: Sight, wanted: str, values: Mapping[str, str]) -> list[Summary]:
        query = (
            f"SELECT s.body FROM summaries s JOIN events e ON e.id = s.event WHERE {wanted} AND {people.OPEN}"
            " ORDER BY e.user, e.position"
        )
        with self._database.reading() as connection:
            rows = connection.execute(query, {**values, **sight.values()}).fetchall()
        found = [_summary(body) for (body,) in rows]
        return list({(each.user, each.filename): each for each in found}.values())

    def _make_room(self, connection: sqlite3.Connection, user: str) -> None:
        """Let the oldest go: first of whoever has too many, then of all, but not what came last."""
        limits = self._limits
        (number,) = connection.execute("SELECT COUNT(*) FROM events WHERE user = ?", (user,)).fetchone()
        if number > limits.events_of_one:
            connection.execute(
                "DELETE FROM events WHERE id IN (SELECT id FROM events WHERE user = ? ORDER BY position LIMIT ?)",
                (user, number - limits.events_of_one),
            )
        while True:
            number, size = connection.execute("SELECT number, bytes FROM totals").fetchone()
            if number <= 1 or (number <= limits.events and size <= limits.bytes):
                return
            connection.execute(
                "DELETE FROM events WHERE id IN (SELECT id FROM events ORDER BY position LIMIT ?)",
                (max(1, number - limits.events),),
            )


def _packed(summary: Summary) -> bytes:
    return zlib.compress(msgspec.json.encode(summary), level=1)


def _summary(body: bytes) -> Summary:
    return msgspec.json.decode(zlib.decompress(body), type=Summary)


def _next(connection: sqlite3.Connection) -> int:
    query = "UPDATE totals SET position = position + 1 RETURNING position"
    return int(connection.execute(query).fetchone()[0])


def _position(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT position FROM totals").fetchone()[0])

"""Who takes part, who may see whom, hands and pauses: queries on the store's connection."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timezone

import msgspec

from .model import Participant

OPEN = "(e.user = :me OR (:all AND e.user NOT IN (SELECT user FROM people WHERE paused IS NOT NULL)))"
"""What somebody may see: their own, and who sees all, that of everybody who has not paused."""
_SAVED = (
    "SELECT e.user, e.filename, e.timestamp, e.received, s.total, s.errors, s.stuck"
    " FROM events e LEFT JOIN summaries s ON s.event = e.id"
    f" WHERE e.type = 'save-notebook' AND {OPEN} ORDER BY e.position DESC"
)


class Sight(msgspec.Struct, frozen=True):
    """Who looks, and whether they see others, too."""

    me: str
    all: bool = False

    def values(self) -> dict[str, object]:
        """Return what `OPEN` asks for."""
        return {"me": self.me, "all": self.all}


def participants(
    connection: sqlite3.Connection, sight: Sight, active: int, besides: Iterable[str] = ()
) -> list[Participant]:
    """Return everybody there is to see, by name.

    Args:
        connection: the store's.
        sight: who looks.
        active: who saved so many seconds ago is at work.
        besides: who is there, whether anything is known of them or not.
    """
    saves: dict[str, list[sqlite3.Row]] = {}
    for row in connection.execute(_SAVED, sight.values()):
        saves.setdefault(row["user"], []).append(row)
    wishes = {
        row["user"]: row
        for row in connection.execute("SELECT * FROM people e WHERE e.user = :me OR :all", sight.values())
    }
    told = connection.execute(f"SELECT DISTINCT e.user FROM events e WHERE {OPEN}", sight.values())
    since, names = time.time() - active, {*(name for (name,) in told), *wishes, *besides}
    return [_participant(name, saves.get(name, []), wishes.get(name), since) for name in sorted(names)]


def changed(
    connection: sqlite3.Connection, sight: Sight, active: int, since: int, most: int
) -> Iterator[tuple[int, Participant]]:
    """Yield whose hand or pause changed after a position, and at which."""
    rows = connection.execute(
        "SELECT position, user FROM people e WHERE position > :since AND (e.user = :me OR :all)"
        " ORDER BY position LIMIT :most",
        {**sight.values(), "since": since, "most": most},
    ).fetchall()
    if rows:
        now = {who.name: who for who in participants(connection, sight, active)}
        yield from ((row["position"], now[row["user"]]) for row in rows)


def forget(connection: sqlite3.Connection, gone: Callable[[str], bool]) -> None:
    """Forget all of those who are gone: whoever has such a name next begins anew."""
    users = connection.execute("SELECT user FROM events UNION SELECT user FROM people").fetchall()
    for user in users:
        if gone(user[0]):
            connection.execute("DELETE FROM events WHERE user = ?", tuple(user))
            connection.execute("DELETE FROM people WHERE user = ?", tuple(user))


def want(
    connection: sqlite3.Connection, user: str, position: int, *, hand: bool | None, paused: bool | None
) -> None:
    """Raise or lower a hand, pause or go on: what is None stays. A hand that is up keeps its place in the row."""
    now = moment()
    connection.execute(
        "INSERT INTO people (user, position) VALUES (:user, :position)"
        " ON CONFLICT (user) DO UPDATE SET position = excluded.position",
        {"user": user, "position": position},
    )
    for column, wish in (("hand", hand), ("paused", paused)):
        if wish is not None:
            value = f"COALESCE({column}, :now)" if wish else "NULL"
            query = f"UPDATE people SET {column} = {value} WHERE user = :user"
            connection.execute(query, {"now": now, "user": user})


def moment() -> str:
    """Return the present moment, as texts have it."""
    return datetime.now(timezone.utc).isoformat()


def _participant(
    name: str, saves: list[sqlite3.Row], wishes: sqlite3.Row | None, since: float
) -> Participant:
    latest = saves[0] if saves else None
    return Participant(
        name,
        active=latest is not None and latest["received"] >= since,
        saved=latest["timestamp"] if latest else None,
        errors=(latest["errors"] or 0) if latest else 0,
        stuck=(latest["stuck"] or "") if latest else "",
        hand=wishes["hand"] if wishes else None,
        paused=bool(wishes and wishes["paused"]),
        cells=(latest["total"] or 0) if latest else 0,
        notebooks=tuple(dict.fromkeys(row["filename"] for row in saves)),
    )

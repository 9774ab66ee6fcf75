"""The instance's state on disk: every item is a row, every change is durable before it is answered."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import msgspec

from .model import Action, Domain, Droplet, Item, Record, Snapshot, SshKey, Tag

_KINDS: tuple[type[Item], ...] = (Action, Domain, Droplet, Record, Snapshot, SshKey, Tag)
T = TypeVar("T", bound=Item)
STATE = "state.db"  # the file's name in an instance's folder


class Store:
    """Items by kind and id. Ids grow and are never used again, as in the real API."""

    def __init__(self, path: Path | str) -> None:
        if isinstance(path, Path):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # user_data holds private host keys
        self._lock = threading.RLock()
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        for kind in _KINDS:
            self._database.execute(
                f"CREATE TABLE IF NOT EXISTS {kind.__name__} (id INTEGER PRIMARY KEY AUTOINCREMENT, body BLOB)"
            )

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make several changes one: all are kept or none, and no other thread sees a part."""
        with self._lock:
            if self._database.in_transaction:
                yield
                return
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")

    def add(self, item: T) -> T:
        """Store a new item and return it with its id."""
        with self.transaction():
            query = f"INSERT INTO {_table(type(item))} (body) VALUES ('')"  # noqa: S608 - a table of ours
            cursor = self._database.execute(query)
            item = msgspec.structs.replace(item, id=cursor.lastrowid)
            self.save(item)
        return item

    def save(self, item: Item) -> None:
        """Store the new state of an item; one that was removed meanwhile stays removed."""
        with self._lock:
            self._database.execute(
                f"UPDATE {_table(type(item))} SET body = ? WHERE id = ?",  # noqa: S608 - a table of ours
                (msgspec.json.encode(item), item.id),
            )

    def get(self, kind: type[T], number: int) -> T | None:
        """Return the item with this id, or None."""
        with self._lock:
            query = f"SELECT body FROM {_table(kind)} WHERE id = ?"  # noqa: S608 - a table of ours
            row = self._database.execute(query, (number,)).fetchone()
        return msgspec.json.decode(row[0], type=kind) if row else None

    def find(self, kind: type[T], matches: Callable[[T], bool] = lambda _: True) -> list[T]:
        """Return the items that match, in order of id."""
        with self._lock:
            rows = self._database.execute(f"SELECT body FROM {_table(kind)} ORDER BY id").fetchall()  # noqa: S608
        decoder = msgspec.json.Decoder(kind)
        return [item for (body,) in rows if matches(item := decoder.decode(body))]

    def remove(self, item: Item) -> None:
        """Remove an item."""
        with self._lock:
            self._database.execute(f"DELETE FROM {_table(type(item))} WHERE id = ?", (item.id,))  # noqa: S608

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._database.close()


def _table(kind: type[Item]) -> str:
    if kind not in _KINDS:
        raise TypeError(kind)
    return kind.__name__

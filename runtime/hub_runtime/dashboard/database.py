"""The SQLite file of the store: opened by each process for itself, after it was forked."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

from .schema import SCHEMA, VERSION

BUSY_SECONDS = 10.0


class Database:
    """One connection a process, which its threads take in turns."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Give the connection, outside any transaction."""
        with self._lock:
            if self._connection is None:
                self._connection = connect(self._path)
            yield self._connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Give the connection in a transaction, which is on the disk when this is left, or was not."""
        with self.reading() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            finally:
                if connection.in_transaction:  # a disk that is full may have ended it
                    connection.execute("ROLLBACK")


def connect(path: str) -> sqlite3.Connection:
    """Open the file, which is made where it is missing."""
    if not Path(path).exists():
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")
    if not _version(connection):
        # Two processes may come to this at once: executescript runs the script's own transaction.
        with contextlib.suppress(sqlite3.OperationalError):
            connection.executescript(f"BEGIN EXCLUSIVE; {SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    found = _version(connection)
    if found != VERSION:
        raise sqlite3.DatabaseError(f"{path} has version {found} of its tables, not {VERSION}")
    return connection


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])

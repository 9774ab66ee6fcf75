"""Tables of the store. One counter gives every change its position, so that whoever lost the line can go on."""

VERSION = 1
SCHEMA = """
CREATE TABLE totals (number INTEGER NOT NULL, bytes INTEGER NOT NULL, position INTEGER NOT NULL);
INSERT INTO totals VALUES (0, 0, 0);

CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    type TEXT NOT NULL, user TEXT NOT NULL, filename TEXT NOT NULL, path TEXT NOT NULL,
    timestamp TEXT NOT NULL, received REAL NOT NULL,
    size INTEGER NOT NULL,
    position INTEGER NOT NULL,
    rendered INTEGER NOT NULL DEFAULT 0,
    UNIQUE (type, user, path)
);
CREATE INDEX events_position ON events (position);
CREATE INDEX events_user ON events (user, position);
CREATE INDEX events_due ON events (position) WHERE type = 'save-notebook' AND rendered < position;

CREATE TABLE summaries (
    event INTEGER PRIMARY KEY REFERENCES events (id) ON DELETE CASCADE,
    body BLOB NOT NULL, tries BLOB NOT NULL, position INTEGER NOT NULL,
    total INTEGER NOT NULL, errors INTEGER NOT NULL, stuck TEXT NOT NULL
);
CREATE INDEX summaries_position ON summaries (position);

CREATE TABLE wholes (
    event INTEGER PRIMARY KEY REFERENCES events (id) ON DELETE CASCADE,
    wanted INTEGER NOT NULL,
    body BLOB
);

CREATE TABLE people (user TEXT PRIMARY KEY, hand TEXT, paused TEXT, position INTEGER NOT NULL);

CREATE TRIGGER event_added AFTER INSERT ON events BEGIN
    UPDATE totals SET number = number + 1, bytes = bytes + new.size;
END;
CREATE TRIGGER event_changed AFTER UPDATE OF size ON events BEGIN
    UPDATE totals SET bytes = bytes + new.size - old.size;
END;
CREATE TRIGGER event_removed AFTER DELETE ON events BEGIN
    UPDATE totals SET number = number - 1, bytes = bytes - old.size;
END;
"""

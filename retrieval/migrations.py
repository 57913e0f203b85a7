"""The tables of `library.db`, as steps that are only ever appended to; `PRAGMA user_version` counts the steps taken."""

import sqlite3

from retrieval.errors import LibraryDamaged

M001_DOCUMENTS = """
CREATE TABLE documents (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    collection TEXT NOT NULL,
    media_type TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    text TEXT NOT NULL,
    characters INTEGER NOT NULL,
    page_spans TEXT NOT NULL,       -- JSON: [[number, start, end], ...] in characters of text
    pages INTEGER,                  -- NULL where the format has no pages
    passages INTEGER NOT NULL,
    added_at TEXT NOT NULL,         -- ISO 8601, UTC
    UNIQUE (collection, name)
);
CREATE TABLE passages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,   -- never given twice, so an index can tell what it lacks
    document_id TEXT NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    page INTEGER,
    start INTEGER NOT NULL,
    stop INTEGER NOT NULL,
    vector BLOB NOT NULL                    -- float16, little-endian
);
CREATE INDEX passages_of_document ON passages (document_id);
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);    -- 'generation', 'model'
"""

MIGRATIONS = (M001_DOCUMENTS,)


def migrate(connection: sqlite3.Connection) -> None:
    """Brings the database to the newest form, each step in its own transaction. Raises LibraryDamaged."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(MIGRATIONS):
        raise LibraryDamaged("the library was made by a newer version of Footnote; update Footnote to open it.")
    for number in range(version + 1, len(MIGRATIONS) + 1):
        _step(connection, number)


def _step(connection: sqlite3.Connection, number: int) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have taken the step while this one waited for the lock.
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version < number:
            for statement in _statements(MIGRATIONS[number - 1]):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number}")
        connection.execute("COMMIT")
    except BaseException:
        # Where the disk is full or fails, SQLite has rolled back by itself, and would refuse to do it again.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _statements(script: str) -> list[str]:
    """One by one, because `executescript` would commit the transaction around it."""
    found, current = [], ""
    for line in script.splitlines(keepends=True):
        current += line
        if sqlite3.complete_statement(current):
            found.append(current)
            current = ""
    return found

"""The tables of `library.db`, as steps that are only ever appended to; `PRAGMA user_version` counts the steps taken."""

import sqlite3
from collections.abc import Sequence

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

# A name is taken by one living document; the versions before it are retired: their text alone is kept.
M002_JOBS = """
CREATE TABLE documents_2 (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    collection TEXT NOT NULL,
    media_type TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    text TEXT NOT NULL,
    characters INTEGER NOT NULL,
    page_spans TEXT NOT NULL,           -- JSON: [[number, start, end], ...] in characters of text
    pages INTEGER,                      -- NULL where the format has no pages
    passages INTEGER NOT NULL,
    added_at TEXT NOT NULL,             -- ISO 8601, UTC
    language TEXT,                      -- NULL where it is not known
    headings TEXT NOT NULL DEFAULT '[]',    -- JSON: [[level, start, end], ...] in characters of text
    bytes INTEGER,                      -- size of the file; NULL for what was added before this step
    retired_at TEXT                     -- ISO 8601, UTC; NULL while it is searched and listed
);
INSERT INTO documents_2
    (id, name, collection, media_type, sha256, text, characters, page_spans, pages, passages, added_at)
    SELECT id, name, collection, media_type, sha256, text, characters, page_spans, pages, passages, added_at
    FROM documents;
DROP TABLE documents;
ALTER TABLE documents_2 RENAME TO documents;
CREATE UNIQUE INDEX living_names ON documents (collection, name) WHERE retired_at IS NULL;
CREATE INDEX contents ON documents (collection, sha256);
ALTER TABLE passages ADD COLUMN heading TEXT NOT NULL DEFAULT '';
ALTER TABLE passages ADD COLUMN digest BLOB;    -- of the model and the text embedded; NULL where they are not known
CREATE INDEX passages_of_digest ON passages (digest);
CREATE TABLE jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,   -- the order in which they are done
    id TEXT NOT NULL UNIQUE,                    -- later the id of the document
    name TEXT NOT NULL,
    collection TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    state TEXT NOT NULL,
    share REAL NOT NULL DEFAULT 0,              -- of the present state, from 0 to 1
    reason TEXT,
    document_id TEXT,                           -- of the document that it became, or for which it was skipped
    tries INTEGER NOT NULL DEFAULT 0,
    submitted_at TEXT NOT NULL,                 -- ISO 8601, UTC
    changed_at TEXT NOT NULL
);
CREATE INDEX jobs_by_state ON jobs (state, number);
CREATE INDEX jobs_by_document ON jobs (document_id);
CREATE TABLE vectors_in_work (                  -- of documents that are not ready yet
    digest BLOB PRIMARY KEY,
    document_id TEXT NOT NULL,
    vector BLOB NOT NULL,
    made_at TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE vectors_to_come (                  -- of a reindex that is not finished yet
    passage_id INTEGER PRIMARY KEY,
    digest BLOB NOT NULL,
    vector BLOB                                 -- NULL where the passage keeps the one that it has
);
"""

# What was skipped because its bytes were there under another name keeps its name.
M003_ALIASES = """
CREATE TABLE aliases (                          -- names under which the bytes of a living document were given too
    collection TEXT NOT NULL,
    name TEXT NOT NULL,
    document_id TEXT NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    PRIMARY KEY (collection, name)
);
CREATE INDEX aliases_of_document ON aliases (document_id);
INSERT OR IGNORE INTO aliases
    SELECT j.collection, j.name, d.id FROM jobs j JOIN documents d ON d.id = j.document_id
    WHERE j.state = 'skipped' AND d.retired_at IS NULL AND d.collection = j.collection AND NOT EXISTS (
        SELECT 1 FROM documents n WHERE n.collection = j.collection AND n.name = j.name AND n.retired_at IS NULL
    );
ALTER TABLE documents ADD COLUMN renamed INTEGER NOT NULL DEFAULT 0;    -- how often it was
ALTER TABLE documents ADD COLUMN bare INTEGER NOT NULL DEFAULT 0;   -- 1: of a folder, perhaps, without its path there
UPDATE documents SET bare = 1 WHERE instr(name, '/') = 0;
ALTER TABLE jobs ADD COLUMN owner TEXT;     -- the program that takes it in by itself; NULL where the worker does
ALTER TABLE jobs ADD COLUMN with_password INTEGER NOT NULL DEFAULT 0;   -- 1: one was given
"""

# What came from an archive is known as its own, as far as the uploads of archives that are remembered tell.
M004_MEMBERS = """
CREATE TABLE members (                          -- names that came from an archive, of living and retired documents
    collection TEXT NOT NULL,
    name TEXT NOT NULL,
    archive TEXT NOT NULL,                      -- name of the file
    leaving INTEGER NOT NULL DEFAULT 0,         -- 1: its newest version does not hold it; soon to be retired
    PRIMARY KEY (collection, name)
);
CREATE INDEX members_of_archive ON members (archive, collection);
CREATE INDEX leaving_members ON members (archive) WHERE leaving;
ALTER TABLE jobs ADD COLUMN archive TEXT;       -- name of the file that holds it; NULL for a file of its own
INSERT OR IGNORE INTO members (collection, name, archive)
    SELECT j.collection, d.name, j.name
    FROM jobs j JOIN documents d ON d.collection = j.collection AND instr(d.name, j.name || '/') = 1
    WHERE j.state = 'skipped' AND j.reason LIKE 'It was unpacked%' ORDER BY j.number;
"""

MIGRATIONS = (M001_DOCUMENTS, M002_JOBS, M003_ALIASES, M004_MEMBERS)


def migrate(connection: sqlite3.Connection, steps: Sequence[str] = MIGRATIONS) -> None:
    """Brings the database to the newest form, each step in its own transaction. Raises LibraryDamaged.

    Foreign keys must be off on this connection: a step may drop a table to which others refer, and put another in its
    place.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(steps):
        raise LibraryDamaged("the home was made by a newer version of Footnote; update Footnote to open it.")
    for number, step in enumerate(steps[version:], start=version + 1):
        _take(connection, number, step)


def _take(connection: sqlite3.Connection, number: int, step: str) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have taken the step while this one waited for the lock.
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version < number:
            for statement in _statements(step):
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

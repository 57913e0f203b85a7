"""The file `footnote.db` of the home: what people and models did with the program, as rows that are only added to."""

from datetime import UTC, datetime
from pathlib import Path

from assistant.migrations import MIGRATIONS
from retrieval.database import Database

RECORDS_FILE = "footnote.db"


def open_records(home: Path) -> Database:
    """Open the records of `home`, which exists; the caller closes them. Raises LibraryError."""
    return Database(home / RECORDS_FILE, MIGRATIONS)


def now() -> str:
    """The time for a row: ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")

"""A session as it stood when a report was made of it: its rows, and records that hold nothing else.

A report of a session goes on to say what it said, though people vote on and though the session is removed.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from assistant.records import open_records
from eval.exchange import session_rows
from retrieval.database import Database, marks

_SHARED = ("raters", "saved_prompts")
"""Tables whose rows several sessions may have in common."""
_Rows = Sequence[Mapping[str, Any]]


def snapshot(db: Database, name: str) -> list[dict[str, Any]]:
    """All rows of the session `name` at one moment. Raises InputError where there is none."""
    with db.transaction():
        return list(session_rows(db, name))


@contextmanager
def restored(sessions: Sequence[_Rows]) -> Iterator[Database]:
    """Records in a temporary folder with the sessions of one home, under the ids that they had there."""
    with TemporaryDirectory(prefix="footnote-") as folder, closing(open_records(Path(folder))) as db:
        with db.transaction():
            for rows in sessions:
                for row in rows:
                    _insert(db, **row)
        yield db


def _insert(db: Database, table: str, **values: object) -> None:
    verb = "INSERT OR IGNORE" if table in _SHARED else "INSERT"
    db.all(f"{verb} INTO {table} ({', '.join(values)}) VALUES ({marks(list(values))})", *values.values())

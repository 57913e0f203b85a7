"""A file of SQLite: connections, transactions, and SQLite's errors in words that say what to do.

Write-ahead logging lets any number of readers, in this process and others, go on while one writes. Each thread gets a
connection of its own for as long as a statement or a transaction takes, so a Database may be shared by threads.
"""

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from retrieval.errors import LibraryDamaged, LibraryError
from retrieval.migrations import MIGRATIONS, migrate

BUSY_SECONDS = 30
AT_ONCE = 500
"""Values asked for in one statement: SQLite takes no more than some thousand."""

Value = TypeVar("Value")


class Database:
    """Connections to one file, opened as they are needed and kept for the next who needs one.

    `steps` are the migrations that make its tables, those of the library where nothing else is given.
    """

    def __init__(self, path: Path, steps: Sequence[str] = MIGRATIONS):
        self.path = path
        self._steps = steps
        self._idle: list[sqlite3.Connection] = []
        self._guard = threading.Lock()
        self._turn = threading.RLock()
        self._own = threading.local()
        self._closed = False
        with self._explained():
            self._prepare()

    def close(self) -> None:
        """Closes the file; connections still in use are closed when they are given back."""
        with self._guard:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing. Threads take turns; processes too, and one that waits too long gets a LibraryError."""
        with self._turn, self._explained(), self._lent() as connection:
            connection.execute("BEGIN IMMEDIATE")
            self._own.connection = connection
            try:
                yield
                connection.execute("COMMIT")
            except BaseException:
                # Where the disk is full or fails, SQLite has rolled back by itself, and would refuse to do it again.
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            finally:
                self._own.connection = None

    def all(self, query: str, *values: object) -> list[Any]:
        """All rows of one statement, in the transaction of this thread where there is one."""
        with self._explained():
            current = getattr(self._own, "connection", None)
            if current is not None:
                return current.execute(query, values).fetchall()  # type: ignore[no-any-return]
            with self._lent() as connection:
                return connection.execute(query, values).fetchall()

    def many(self, query: str, rows: Iterable[Sequence[object]]) -> None:
        """One statement for each of `rows`; call it inside a transaction."""
        with self._explained():
            self._own.connection.executemany(query, rows)

    def shorten_log(self) -> None:
        """Empties the log of writes, which holds what was deleted until then, unless somebody is reading from it."""
        self.all("PRAGMA wal_checkpoint(TRUNCATE)")

    def _prepare(self) -> None:
        connection = self._connect()
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            # A step may put a new table in the place of an old one: what refers to the old must not be deleted with it.
            connection.execute("PRAGMA foreign_keys = OFF")
            migrate(connection, self._steps)
        finally:
            connection.close()

    @contextmanager
    def _lent(self) -> Iterator[sqlite3.Connection]:
        with self._guard:
            if self._closed:
                raise LibraryError(f"{self.path} is closed; open it again.")
            connection = self._idle.pop() if self._idle else None
        connection = connection or self._connect()
        try:
            yield connection
        finally:
            self._give_back(connection)

    def _give_back(self, connection: sqlite3.Connection) -> None:
        with self._guard:
            if not self._closed:
                self._idle.append(connection)
                return
        connection.close()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA secure_delete = ON")  # What was deleted is overwritten, not only forgotten.
        except BaseException:
            connection.close()
            raise
        return connection

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """SQLite's errors as the library's, with what to do."""
        try:
            yield
        except sqlite3.IntegrityError:
            raise  # a fault of the program, not of the file
        except sqlite3.DatabaseError as error:
            raise _explain(error, self.path) from error
        except UnicodeEncodeError as error:
            # Texts are cleaned before: only a name or an id that was asked for can hold such a character.
            raise LibraryError(f"{error.object!r} holds bytes that are not UTF-8; type it again.") from error


def _explain(error: sqlite3.DatabaseError, path: Path) -> LibraryError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return LibraryError(
            f"{path} is being written by another program and was not free within {BUSY_SECONDS} seconds; wait until "
            "that has finished, then try again."
        )
    if code == sqlite3.SQLITE_FULL:
        return LibraryError(
            f"the disk that holds {path} is full; delete or move away other files on it, then try again: "
            "what was stored before is intact."
        )
    if code == sqlite3.SQLITE_IOERR:
        return LibraryError(
            f"{path} cannot be read or written ({error}); check that its disk is connected, works and has free space, "
            "then try again."
        )
    if code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
        return LibraryError(f"{path} cannot be opened for writing; check the folder and its permissions.")
    return LibraryDamaged(
        f"{path} is damaged ({error}); put your last backup in its place, or move it away and begin anew."
    )


def batched(values: Iterable[Value], size: int) -> Iterator[list[Value]]:
    """The values in lists of `size`, the last of what is left."""
    left = iter(values)
    while some := list(islice(left, size)):
        yield some


def marks(values: Sequence[object]) -> str:
    """As many question marks as there are values, for IN (…)."""
    return ", ".join("?" * len(values))

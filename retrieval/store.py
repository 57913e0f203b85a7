"""Documents and passages in SQLite, the one source of truth: what is not committed here does not exist.

Every change writes a new random generation, by which the indexes derived from it can tell whether they are up to date.

Limits: not thread-safe; the library holds a lock. Several processes may share the file.
"""

import json
import sqlite3
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.chunk import Passage
from retrieval.errors import LibraryDamaged, LibraryError
from retrieval.extract import Extracted
from retrieval.migrations import migrate
from retrieval.types import Document

_COLUMNS = "id, name, collection, media_type, sha256, characters, pages, passages, added_at"
_BUSY_SECONDS = 30
_STORED = np.dtype("<f2")

Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class StoredPassage:
    """A passage with its text and the document that it is from."""

    id: int
    document_id: str
    document: str
    collection: str
    page: int | None
    start: int
    end: int
    text: str
    heading: str = ""
    language: str | None = None


@dataclass(frozen=True, slots=True)
class New:
    """A document about to be stored; `vectors` is float32 of shape (len(passages), dimensions)."""

    name: str
    collection: str
    sha256: str
    extracted: Extracted
    passages: Sequence[Passage]
    vectors: Vectors


class Store:
    """The file `library.db`."""

    def __init__(self, path: Path):
        self._path = path
        with self._explained():
            self._connection = sqlite3.connect(
                path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            try:
                self._connection.execute("PRAGMA journal_mode = WAL")
                self._connection.execute("PRAGMA foreign_keys = ON")
                migrate(self._connection)
            except BaseException:
                self._connection.close()
                raise

    def close(self) -> None:
        """Closes the file."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, one process at a time."""
        with self._explained():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                # Where the disk is full or fails, SQLite has rolled back by itself, and would refuse to do it again.
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def fact(self, name: str) -> str | None:
        """A fact about the library: its `generation`, or the `model` of its vectors."""
        rows = self._all("SELECT value FROM facts WHERE name = ?", name)
        return str(rows[0][0]) if rows else None

    def set_fact(self, name: str, value: str) -> None:
        """Writes a fact."""
        self._all("INSERT OR REPLACE INTO facts VALUES (?, ?)", name, value)

    def generation(self) -> str | None:
        """The mark of the newest change; None for a library that never held anything."""
        return self.fact("generation")

    def new_generation(self) -> str:
        """Marks the library as changed; call it inside the transaction that changes it."""
        generation = uuid.uuid4().hex
        self.set_fact("generation", generation)
        return generation

    def add(self, new: New) -> Document:
        """Stores a document with its passages; call it inside a transaction."""
        document = Document(
            id=uuid.uuid4().hex,
            name=new.name,
            collection=new.collection,
            media_type=new.extracted.media_type,
            sha256=new.sha256,
            characters=len(new.extracted.text),
            pages=len(new.extracted.pages) or None,
            passages=len(new.passages),
            added_at=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        self._all(
            f"INSERT INTO documents ({_COLUMNS}, text, page_spans) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
            *astuple(document),
            new.extracted.text,
            json.dumps(new.extracted.pages),
        )
        for passage, vector in zip(new.passages, new.vectors, strict=True):
            self._add_passage(document.id, passage, vector)
        return document

    def remove(self, document_id: str) -> None:
        """Deletes a document with its passages."""
        self._all("DELETE FROM documents WHERE id = ?", document_id)

    def documents(self, collection: str | None = None) -> list[Document]:
        """Documents by collection and name."""
        where, values = ("", ()) if collection is None else ("WHERE collection = ?", (collection,))
        rows = self._all(f"SELECT {_COLUMNS} FROM documents {where} ORDER BY collection, name", *values)  # noqa: S608
        return [Document(*row) for row in rows]

    def document(self, document_id: str) -> Document | None:
        """The document with this id."""
        rows = self._all(f"SELECT {_COLUMNS} FROM documents WHERE id = ?", document_id)  # noqa: S608
        return Document(*rows[0]) if rows else None

    def named(self, name: str, collection: str) -> Document | None:
        """The document of this name in a collection."""
        rows = self._all(f"SELECT {_COLUMNS} FROM documents WHERE name = ? AND collection = ?", name, collection)  # noqa: S608
        return Document(*rows[0]) if rows else None

    def text(self, document_id: str) -> str | None:
        """A document's whole text."""
        rows = self._all("SELECT text FROM documents WHERE id = ?", document_id)
        return rows[0][0] if rows else None

    def collections(self) -> list[str]:
        """Names of the collections that hold a document, sorted."""
        return [row[0] for row in self._all("SELECT DISTINCT collection FROM documents ORDER BY collection")]

    def passages(self, ids: Iterable[int]) -> Iterator[StoredPassage]:
        """The passages with these ids, in their order; those that are gone are left out."""
        query = (
            "SELECT p.id, d.id, d.name, d.collection, p.page, p.start, p.stop,"
            " substr(d.text, p.start + 1, p.stop - p.start)"
            " FROM passages p JOIN documents d ON d.id = p.document_id WHERE p.id = ?"
        )
        for id_ in ids:
            for row in self._all(query, id_):
                yield StoredPassage(*row)

    def passages_of(self, document: Document) -> Iterator[StoredPassage]:
        """A document's passages in the order of its text."""
        # Cut here: SQLite's substr would count the text from its beginning for every passage.
        text = self.text(document.id) or ""
        query = "SELECT id, page, start, stop FROM passages WHERE document_id = ? ORDER BY id"
        for id_, page, start, stop in self._all(query, document.id):
            whence = (document.id, document.name, document.collection)
            yield StoredPassage(id_, *whence, page, start, stop, text[start:stop])

    def set_vectors(self, ids: Sequence[int], vectors: Vectors) -> None:
        """Replaces the vectors of passages; call it inside a transaction."""
        for id_, vector in zip(ids, vectors, strict=True):
            self._all("UPDATE passages SET vector = ? WHERE id = ?", vector.astype(_STORED).tobytes(), id_)

    def rows(self, query: str, *values: object) -> list[Any]:
        """All rows of one statement that reads."""
        return self._all(query, *values)

    def _add_passage(self, document_id: str, passage: Passage, vector: Vectors) -> None:
        values = (document_id, passage.page, passage.start, passage.end, vector.astype(_STORED).tobytes())
        self._all("INSERT INTO passages (document_id, page, start, stop, vector) VALUES (?, ?, ?, ?, ?)", *values)

    def _all(self, query: str, *values: object) -> list[Any]:
        with self._explained():
            return self._connection.execute(query, values).fetchall()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """SQLite's errors as the library's, with what to do."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise _explain(error, self._path) from error
        except UnicodeEncodeError as error:
            # Texts are cleaned before: only a name or an id that was asked for can hold such a character.
            raise LibraryError(f"{error.object!r} holds bytes that are not UTF-8; type it again.") from error


def _explain(error: sqlite3.DatabaseError, path: Path) -> LibraryError:
    if isinstance(error, sqlite3.ProgrammingError):
        return LibraryError("the library is closed; open it again.")
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return LibraryError(f"{path} is in use by another program; wait until that has finished, then try again.")
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
        f"{path} is damaged ({error}); put your last backup in its place, or move it away and add the documents again."
    )

"""Documents and passages in SQLite, the one source of truth: what is not committed here does not exist.

Every change writes a new random generation, by which the indexes derived from it can tell whether they are up to date.
A document that another version replaced is retired: its passages are gone, its text is kept for the citations of it.

Threads and processes may share a store.
"""

import json
import uuid
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import astuple, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from retrieval.chunk import Passage
from retrieval.database import Database
from retrieval.errors import LibraryError
from retrieval.extract import Extracted
from retrieval.passages import Passages, StoredPassage, Vectors, to_blob
from retrieval.types import Document

__all__ = ["New", "Store", "StoredPassage", "ago", "now"]

_COLUMNS = (
    "id, name, collection, media_type, sha256, characters, pages, passages, added_at, language, bytes, retired_at"
)
_ALIASES = "(SELECT json_group_array(name) FROM aliases WHERE document_id = documents.id)"


@dataclass(frozen=True, slots=True)
class New:
    """A document about to be stored, of a file of `size` bytes; `vectors` is float32 of shape (passages, dimensions).

    `digests` tell for each passage which model made its vector of which text (see `retrieval.known`).
    `archive` is the name of the file that holds it, empty for a file of its own.
    """

    id: str
    name: str
    collection: str
    sha256: str
    size: int
    extracted: Extracted
    passages: Sequence[Passage]
    vectors: Vectors
    digests: Sequence[bytes]
    archive: str = ""


class Store(Passages):
    """The documents, passages and facts of the file at `path`."""

    def __init__(self, path: Path):
        super().__init__(Database(path))

    def close(self) -> None:
        """Closes the file."""
        self.database.close()

    def transaction(self) -> AbstractContextManager[None]:
        """All or nothing, one writer at a time."""
        return self.database.transaction()

    def fact(self, name: str) -> str | None:
        """A fact about the library: its `generation`, the `model` of its vectors, when a reindex made `vectors`."""
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
            id=new.id,
            name=new.name,
            collection=new.collection,
            media_type=new.extracted.media_type,
            sha256=new.sha256,
            characters=len(new.extracted.text),
            pages=len(new.extracted.pages) or None,
            passages=len(new.passages),
            added_at=now(),
            language=new.extracted.language,
            bytes=new.size,
        )
        headings = [(heading.level, heading.start, heading.end) for heading in new.extracted.headings]
        columns = astuple(document)[: len(_COLUMNS.split(", "))]
        values = (*columns, new.extracted.text, json.dumps(new.extracted.pages), json.dumps(headings))
        marks = ", ".join("?" * len(values))
        self._all(f"INSERT INTO documents ({_COLUMNS}, text, page_spans, headings) VALUES ({marks})", *values)  # noqa: S608
        self.database.many(
            "INSERT INTO passages (document_id, page, start, stop, heading, digest, vector)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                (new.id, passage.page, passage.start, passage.end, passage.heading, digest, to_blob(vector))
                for passage, digest, vector in zip(new.passages, new.digests, new.vectors, strict=True)
            ),
        )
        return document

    def retire(self, document_id: str) -> None:
        """Takes a document out of search and list; its text stays."""
        self._all("UPDATE documents SET retired_at = ? WHERE id = ?", now(), document_id)
        self._all("DELETE FROM passages WHERE document_id = ?", document_id)
        self._all("DELETE FROM jobs WHERE document_id = ?1 OR id = ?1", document_id)

    def remove(self, document_id: str) -> None:
        """Deletes a document with everything that refers to it."""
        self._all("DELETE FROM documents WHERE id = ?", document_id)
        self._all("DELETE FROM jobs WHERE document_id = ?1 OR id = ?1", document_id)
        self._all("DELETE FROM vectors_in_work WHERE document_id = ?", document_id)

    def move(self, document_id: str, collection: str) -> None:
        """Puts a document, with its other names, into another collection."""
        self._all("UPDATE documents SET collection = ? WHERE id = ?", collection, document_id)
        self._all("UPDATE aliases SET collection = ? WHERE document_id = ?", collection, document_id)
        self._all("UPDATE jobs SET collection = ? WHERE document_id = ?", collection, document_id)
        self._retell(document_id)

    def documents(self, collection: str | None = None) -> list[Document]:
        """The living documents by collection and name."""
        where, values = ("", ()) if collection is None else ("AND collection = ?", (collection,))
        return self._documents(f"retired_at IS NULL {where} ORDER BY collection, name", *values)

    def retired(self, name: str, collection: str) -> list[Document]:
        """The earlier versions of what has this name in a collection."""
        return self._documents("retired_at IS NOT NULL AND name = ? AND collection = ?", name, collection)

    def living(self, document_id: str) -> Document:
        """The document with this id. Raises LibraryError where there is none, or another version replaced it."""
        document = self.document(document_id)
        if document is None or document.retired_at:
            raise LibraryError(
                f"there is no document with the id {document_id} any more; list the documents to see what there is."
            )
        return document

    def document(self, document_id: str) -> Document | None:
        """The document with this id, living or retired."""
        return next(iter(self._documents("id = ?", document_id)), None)

    def named(self, name: str, collection: str) -> Document | None:
        """The living document of this name in a collection."""
        found = self._documents("name = ? AND collection = ? AND retired_at IS NULL", name, collection)
        return next(iter(found), None)

    def bare(self, name: str, sha256: str, collection: str) -> Document | None:
        """The living document of this name and these bytes, if an earlier version of the program may have named it."""
        where = "name = ? AND sha256 = ? AND collection = ? AND bare AND retired_at IS NULL"
        return next(iter(self._documents(where, name, sha256, collection)), None)

    def rename(self, document: Document, name: str) -> Document:
        """Gives a document a name that no other has in its collection; its versions of before stay with the old one."""
        self.drop_alias(name, document.collection)
        self._all("UPDATE documents SET name = ?, bare = 0, renamed = renamed + 1 WHERE id = ?", name, document.id)
        self._all("DELETE FROM jobs WHERE document_id = ?1 AND id <> ?1 AND name = ?2", document.id, document.name)
        self._all("UPDATE jobs SET name = ? WHERE id = ?", name, document.id)
        self._retell(document.id)
        return replace(document, name=name, aliases=tuple(alias for alias in document.aliases if alias != name))

    def _retell(self, document_id: str) -> None:
        """Has the uploads that were skipped for a document say what it is called now, and where it is."""
        told = "(SELECT 'Its content is in the collection ' || collection || ', as ' || name || '.' FROM documents"
        self._all(f"UPDATE jobs SET reason = {told} WHERE id = ?1) WHERE document_id = ?1 AND id <> ?1", document_id)  # noqa: S608

    def alias(self, name: str, collection: str) -> Document | None:
        """The document of which this is another name."""
        rows = self._all("SELECT document_id FROM aliases WHERE name = ? AND collection = ?", name, collection)
        return self.document(rows[0][0]) if rows else None

    def set_alias(self, name: str, document: Document) -> None:
        """Makes this another name of a living document, and of no other."""
        self._all("INSERT OR REPLACE INTO aliases VALUES (?, ?, ?)", document.collection, name, document.id)

    def drop_alias(self, name: str, collection: str) -> None:
        """Makes this no other name of any document."""
        self._all("DELETE FROM aliases WHERE name = ? AND collection = ?", name, collection)

    def with_content(self, sha256: str, collection: str) -> Document | None:
        """The first living document of a collection that was made of these bytes."""
        where = "sha256 = ? AND collection = ? AND retired_at IS NULL ORDER BY name LIMIT 1"
        return next(iter(self._documents(where, sha256, collection)), None)

    def text(self, document_id: str) -> str | None:
        """A document's whole text."""
        rows = self._all("SELECT text FROM documents WHERE id = ?", document_id)
        return rows[0][0] if rows else None

    def collections(self) -> list[str]:
        """Names of the collections that hold a document, sorted."""
        query = "SELECT DISTINCT collection FROM documents WHERE retired_at IS NULL ORDER BY collection"
        return [row[0] for row in self._all(query)]

    def traces(self, document_ids: Collection[str]) -> int:
        """How many documents, passages and vectors of these documents are still there."""
        count = (
            "SELECT (SELECT count(*) FROM documents WHERE id = ?1)"
            " + (SELECT count(*) FROM passages WHERE document_id = ?1)"
            " + (SELECT count(*) FROM vectors_in_work WHERE document_id = ?1)"
        )
        return sum(int(self._all(count, document_id)[0][0]) for document_id in document_ids)

    def _documents(self, where: str, *values: object) -> list[Document]:
        rows: list[Any] = self._all(f"SELECT {_COLUMNS}, {_ALIASES} FROM documents WHERE {where}", *values)  # noqa: S608
        return [Document(*(*row, tuple(sorted(json.loads(aliases))))) for *row, aliases in rows]


def now() -> str:
    """The time as it is stored: ISO 8601, UTC, to the second."""
    return ago(timedelta())


def ago(time: timedelta) -> str:
    """The time that was so long ago, as it is stored."""
    return (datetime.now(UTC) - time).isoformat(timespec="seconds")

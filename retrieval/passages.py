"""Passages as SQLite holds them: their place in the text of a document, the heading above, the vector."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.database import Database, batched, marks
from retrieval.errors import LibraryDamaged
from retrieval.types import Document, Section

_STORED = np.dtype("<f2")
PLACE = "iif(d.renamed, d.collection || char(9) || d.renamed, d.collection)"
"""In SQL: where a document is, and that it is no longer called as it was."""
_READ_AHEAD = 24
"""Passages read at once: a search takes as many, or few more."""

Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class StoredPassage:
    """A passage with its text and the document that it is from.

    `place` changes with the collection and the name of its document: what an index holds of another is out of date.
    """

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
    place: str = ""


class Passages:
    """What can be read of the passages; `Store` is made of it."""

    def __init__(self, database: Database):
        self.database = database
        self._all = database.all

    def rows(self, query: str, *values: object) -> list[Any]:
        """All rows of one statement that reads."""
        return self._all(query, *values)

    def passages(self, ids: Iterable[int]) -> Iterator[StoredPassage]:
        """The passages with these ids, in their order; those that are gone are left out."""
        query = (
            "SELECT p.id, d.id, d.name, d.collection, p.page, p.start, p.stop,"
            " substr(d.text, p.start + 1, p.stop - p.start), p.heading, d.language"
            " FROM passages p JOIN documents d ON d.id = p.document_id WHERE p.id IN"
        )
        for some in batched(ids, _READ_AHEAD):
            rows = {row[0]: row for row in self._all(f"{query} ({marks(some)})", *some)}
            yield from (StoredPassage(*rows[id_]) for id_ in some if id_ in rows)

    def passages_of(self, document: Document) -> Iterator[StoredPassage]:
        """A document's passages in the order of its text."""
        # Cut here: SQLite's substr would count the text from its beginning for every passage.
        found = self._all(f"SELECT text, {PLACE} FROM documents d WHERE id = ?", document.id)  # noqa: S608
        text, place = found[0] if found else ("", "")
        query = "SELECT id, page, start, stop, heading FROM passages WHERE document_id = ? ORDER BY id"
        for id_, page, start, stop, heading in self._all(query, document.id):
            whence = (document.id, document.name, document.collection)
            yield StoredPassage(id_, *whence, page, start, stop, text[start:stop], heading, document.language, place)

    def sections(self, document_id: str) -> list[Section]:
        """Where a document's pages begin, and its headings, as far as passages begin with them."""
        query = "SELECT start, page, heading FROM passages WHERE document_id = ? ORDER BY id"
        found: list[Section] = []
        for row in self._all(query, document_id):
            section = Section(*row)
            if not found or (found[-1].page, found[-1].heading) != (section.page, section.heading):
                found.append(section)
        return found

    def passage_ids(self, document_id: str) -> list[int]:
        """Ids of a document's passages, in the order of its text."""
        return [row[0] for row in self._all("SELECT id FROM passages WHERE document_id = ? ORDER BY id", document_id)]

    def count_passages(self) -> int:
        """How many passages there are in all."""
        return int(self._all("SELECT count(*) FROM passages")[0][0])

    def vectors(self, document_id: str) -> tuple[list[int], Vectors]:
        """Ids of a document's passages, and their vectors: float32 of shape (passages, dimensions)."""
        rows = self._all("SELECT id, vector FROM passages WHERE document_id = ? ORDER BY id", document_id)
        if len({len(row[1]) for row in rows}) > 1:
            raise LibraryDamaged(
                f"vectors of the document {document_id} are incomplete; remove the document and add it again."
            )
        flat = from_blob(b"".join(row[1] for row in rows))
        return [row[0] for row in rows], flat.reshape(len(rows), -1) if rows else flat.reshape(0, 0)


def to_blob(vector: Vectors) -> bytes:
    """A vector as it is stored: float16, little-endian."""
    return vector.astype(_STORED).tobytes()


def from_blob(blob: bytes) -> Vectors:
    """The vector, or several on end, that `to_blob` wrote; float32."""
    return np.frombuffer(blob, dtype=_STORED).astype(np.float32)

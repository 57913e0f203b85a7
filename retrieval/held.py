"""What the indexes ask of SQLite: which documents and passages there are, and their vectors."""

from collections.abc import Iterable, Sequence

import numpy as np

from retrieval.database import AT_ONCE, batched, marks
from retrieval.errors import LibraryDamaged
from retrieval.passages import PLACE
from retrieval.segment import Vectors
from retrieval.store import Store

_STORED = np.dtype("<f2")


def epoch(store: Store) -> str:
    """Names the vectors: it changes when those of passages that stay are made anew."""
    return f"{store.fact('model') or ''}:{store.fact('vectors') or ''}"


def document_ids(
    store: Store, collection: str, conditions: Sequence[str] = (), values: Sequence[object] = ()
) -> set[str]:
    """Ids of the documents of a collection that are searched; with `conditions`, in SQL, of those that meet all."""
    where = " AND ".join(["collection = ?", "retired_at IS NULL", *conditions])
    return {row[0] for row in store.rows(f"SELECT id FROM documents WHERE {where}", collection, *values)}  # noqa: S608


def count_passages(store: Store) -> int:
    """How many passages there are in all."""
    return int(store.rows("SELECT count(*) FROM passages")[0][0])


def passage_counts(store: Store) -> dict[str, tuple[str, int]]:
    """The place (see `StoredPassage`) and the number of passages of each document that has any."""
    query = (
        f"SELECT p.document_id, {PLACE}, count(*) FROM passages p JOIN documents d ON d.id = p.document_id"  # noqa: S608
        " GROUP BY p.document_id"
    )
    return {document_id: (place, count) for document_id, place, count in store.rows(query)}


def collection_sizes(store: Store) -> dict[str, int]:
    """How many passages each collection has that is searched."""
    return dict(
        store.rows("SELECT collection, sum(passages) FROM documents WHERE retired_at IS NULL GROUP BY collection")
    )


def vectors(store: Store, document_id: str) -> tuple[list[int], Vectors]:
    """Ids of a document's passages, and their vectors: float32 of shape (passages, dimensions).

    Raises LibraryDamaged where they are not all of one length.
    """
    rows = store.rows("SELECT id, vector FROM passages WHERE document_id = ? ORDER BY id", document_id)
    if len({len(row[1]) for row in rows}) > 1:
        document = store.document(document_id)
        raise LibraryDamaged(
            f"vectors of {document.name if document else document_id} are incomplete; remove the document and add it "
            "again."
        )
    found = _vectors(b"".join(row[1] for row in rows))
    return [row[0] for row in rows], found.reshape(len(rows), -1) if rows else found.reshape(0, 0)


def vectors_of(store: Store, ids: Iterable[int]) -> dict[int, Vectors]:
    """The vectors of these passages, float32 of shape (dimensions,); those that are gone are left out."""
    found: dict[int, Vectors] = {}
    for some in batched(ids, AT_ONCE):
        query = f"SELECT id, vector FROM passages WHERE id IN ({marks(some)})"  # noqa: S608
        found.update((id_, _vectors(blob)) for id_, blob in store.rows(query, *some))
    return found


def _vectors(blob: bytes) -> Vectors:
    return np.frombuffer(blob, dtype=_STORED).astype(np.float32)

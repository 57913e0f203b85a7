"""The vector leg: nearest neighbours with FAISS, for each collection apart.

Each collection has its own index, rather than a filter over one: k results always come back from inside the collection,
and other collections cost nothing. Up to `EXACT_UP_TO` passages are compared one by one, in memory. A larger collection
has a base on disk (see `retrieval.base`), and beside it in memory what came after; what was removed is passed over.
When the part beside it, or what is passed over, has grown too large, the base is due to be built anew; until that is
done, searches are as right as before, and slower.

Measured on one core of an AMD EPYC with AVX-512, 384 dimensions, 50 of the nearest: exact search takes 0.2 ms for
10,000 passages, 0.4 ms for 20,000 and 1.4 ms for 50,000, in float16 less than in float32 (2.5 ms) and int8 (1.7 ms).

Limits: not thread-safe; the library holds a lock. The vectors of removed documents stay in the base's file, never to be
found, until it is built anew.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from retrieval.base import Bases, Part
from retrieval.inverted import Check
from retrieval.segment import Scored, Segment, Vectors

EXACT_UP_TO = 50_000
_MOST_DEAD = 0.25
"""Share of a base that may be passed over."""


@dataclass(slots=True)
class _Shelf:
    """One collection: what is on disk, and what came after."""

    base: Segment | None
    recent: Segment | None = None

    def segments(self) -> Iterator[Segment]:
        yield from (segment for segment in (self.base, self.recent) if segment)

    def holder(self, document_id: str) -> Segment | None:
        return next((segment for segment in self.segments() if document_id in segment.documents()), None)

    def __len__(self) -> int:
        return sum(map(len, self.segments()))


class DenseIndex:
    """Vectors of passages under their ids. All vectors have length 1, so the inner product is the cosine.

    `exact_up_to` is the number of passages up to which a collection, or what came after a base, is searched one by one.
    """

    def __init__(self, folder: Path, exact_up_to: int = EXACT_UP_TO):
        self._bases = Bases(folder)
        self._shelves: dict[str, _Shelf] = {}
        self._exact_up_to = exact_up_to

    def load(self, collection: str, epoch: str) -> None:
        """Begins with what is on disk of a collection, which may be nothing or out of date; see `documents`."""
        self._shelves[collection] = _Shelf(self._bases.open(collection, epoch))

    def loaded(self) -> Collection[str]:
        """The collections that were loaded."""
        return self._shelves.keys()

    def documents(self, collection: str) -> set[str]:
        """The documents that it holds of a loaded collection."""
        return {document for segment in self._shelves[collection].segments() for document in segment.documents()}

    def add(self, collection: str, document_id: str, ids: Sequence[int], vectors: Vectors) -> None:
        """Adds a document to a loaded collection: `vectors` is float32 of shape (len(ids), dimensions).

        One that it holds already is left as it is: the vectors of a document never change.
        """
        shelf = self._shelves[collection]
        if not ids or shelf.holder(document_id):
            return
        if shelf.recent is None:
            shelf.recent = Segment.exact(vectors.shape[1])
        shelf.recent.add(document_id, ids, vectors)

    def remove(self, collection: str, document_id: str) -> None:
        """Forgets a document of a loaded collection; an unknown one is ignored."""
        shelf = self._shelves[collection]
        segment = shelf.holder(document_id)
        if segment is None:
            return
        segment.remove(document_id)
        if segment is shelf.recent and segment.dead > len(segment):
            shelf.recent = _tightened(segment)

    def search(
        self, collection: str, vector: Vectors, k: int, documents: Collection[str] | None = None
    ) -> list[Scored]:
        """The `k` passages of a loaded collection nearest to `vector` (dimensions,), best first, ties by id.

        With `documents`, of these only. Scores are cosines.
        """
        found = [item for segment in self._segments(collection) for item in segment.search(vector, k, documents)]
        return sorted(found, key=lambda item: (-item.score, item.id))[:k]

    def holds(self, ids: Collection[int]) -> bool:
        """Whether any of these passages could be found in any loaded collection."""
        return any(segment.holds(ids) for collection in self._shelves for segment in self._segments(collection))

    def due(self) -> dict[str, int]:
        """The loaded collections whose base should be built anew, with the number of their passages."""
        return {collection: len(shelf) for collection, shelf in self._shelves.items() if self._is_due(shelf)}

    def has_outgrown(self, collection: str, epoch: str, passages: int) -> bool:
        """Whether the base of a collection that is not loaded lacks so many of its `passages` that it is due."""
        if collection in self._shelves:
            return False
        return passages - self._bases.size(collection, epoch) > self._exact_up_to

    def compact(
        self, collection: str, epoch: str, total: int, parts: Callable[[], Iterable[Part]], check: Check
    ) -> None:
        """Builds the base of a collection of `total` passages anew, or drops it where the collection is small by now.

        Takes long, and touches nothing that a search uses: `load` the collection afterwards. `check` is called again
        and again; what it raises ends the work. Raises OSError, RuntimeError where the base cannot be written.
        """
        if total > self._exact_up_to:
            self._bases.write(collection, epoch, total, parts, check)
        else:
            self._bases.drop(collection)

    def clear(self) -> None:
        """Forgets everything, on disk too."""
        self._shelves.clear()
        self._bases.clear()

    def __len__(self) -> int:
        return sum(map(len, self._shelves.values()))

    def _segments(self, collection: str) -> Iterator[Segment]:
        return self._shelves[collection].segments()

    def _is_due(self, shelf: _Shelf) -> bool:
        if shelf.recent is not None and len(shelf.recent) > self._exact_up_to:
            return True
        return shelf.base is not None and shelf.base.dead > _MOST_DEAD * (len(shelf.base) + shelf.base.dead)


def _tightened(segment: Segment) -> Segment | None:
    """The same without what was removed."""
    fresh: Segment | None = None
    for document_id, ids, vectors in segment.contents():
        fresh = fresh or Segment.exact(vectors.shape[1])
        fresh.add(document_id, ids, vectors)
    return fresh

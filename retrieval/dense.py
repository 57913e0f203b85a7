"""The vector leg: exact inner-product search with FAISS, in memory, one index per collection.

It is filled from SQLite when a library is opened, so it cannot disagree with it. Each collection has its own, rather
than a filter over one: k results always come back from inside the collection, and other collections cost nothing.

Limits: exact search is linear in the passages of the collection. Not thread-safe; the library holds a lock.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]


class DenseIndex:
    """Vectors of passages under their ids. All vectors have length 1, so the inner product is the cosine."""

    def __init__(self) -> None:
        self._indexes: dict[str, Any] = {}

    def add(self, collection: str, ids: Sequence[int], vectors: Vectors) -> None:
        """Adds `vectors`, float32 of shape (len(ids), dimensions)."""
        import faiss

        if not ids:
            return
        index = self._indexes.get(collection)
        if index is None:
            index = self._indexes[collection] = faiss.IndexIDMap2(faiss.IndexFlatIP(vectors.shape[1]))
        index.add_with_ids(np.ascontiguousarray(vectors), np.asarray(ids, dtype=np.int64))

    def remove(self, collection: str, ids: Sequence[int]) -> None:
        """Forgets `ids`; unknown ones are ignored."""
        index = self._indexes.get(collection)
        if index is not None and ids:
            index.remove_ids(np.asarray(ids, dtype=np.int64))
            if index.ntotal == 0:
                del self._indexes[collection]

    def search(self, collection: str, vector: Vectors, k: int) -> list[int]:
        """Ids of the `k` passages of `collection` nearest to `vector` (dimensions,), best first, ties by id."""
        index = self._indexes.get(collection)
        if index is None:
            return []
        scores, ids = index.search(np.ascontiguousarray(vector[None, :]), min(k, index.ntotal))
        found = [(-float(score), int(id_)) for score, id_ in zip(scores[0], ids[0], strict=True) if id_ >= 0]
        return [id_ for _, id_ in sorted(found)]

    def holds(self, ids: Sequence[int]) -> bool:
        """Whether any of `ids` is in any collection."""
        import faiss

        return any(
            bool(np.isin(faiss.vector_to_array(index.id_map), np.asarray(ids, dtype=np.int64)).any())
            for index in self._indexes.values()
        )

    def clear(self) -> None:
        """Forgets everything."""
        self._indexes.clear()

    def __len__(self) -> int:
        return sum(int(index.ntotal) for index in self._indexes.values())

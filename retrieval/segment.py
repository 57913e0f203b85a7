"""A run of vectors in one FAISS index, with what tells which passages and documents they belong to.

A segment is added to at its end, and a document is forgotten by a mark: searches pass over its vectors by a bitmap. The
two kinds answer alike: `exact` compares with every vector; one with inverted lists (see `retrieval.base`) with those in
the lists nearest to the question, the more lists the fewer vectors are allowed. Both hold float16, the form in which
SQLite keeps the vectors, so that a score is the cosine of what is stored.

Limits: not thread-safe.
"""

from array import array
from collections.abc import Collection, Iterator, Sequence
from math import ceil
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]

_LISTED_PER_WANTED = 4
"""Vectors compared for each that is wanted, at least: a search for many must look into more lists."""


class Scored(NamedTuple):
    """A passage and its score in one leg."""

    id: int
    score: float


class Segment:
    """Vectors of length 1 under the ids of their passages; the passages of a document stand together."""

    def __init__(self, index: Any, ids: NDArray[np.int64], documents: dict[str, tuple[int, int]]):
        """`documents` gives the first place and the number of the vectors of each document."""
        self._index = index
        self._ids = array("q", ids.astype(np.int64).tobytes())
        self._documents = documents
        self._live = bytearray(b"\1") * len(self._ids)
        self._dead = 0

    @classmethod
    def exact(cls, dimensions: int) -> Self:
        """An empty one."""
        import faiss

        kind = faiss.ScalarQuantizer.QT_fp16
        return cls(faiss.IndexScalarQuantizer(dimensions, kind, faiss.METRIC_INNER_PRODUCT), np.zeros(0, np.int64), {})

    def add(self, document_id: str, ids: Sequence[int], vectors: Vectors) -> None:
        """Adds a document that it does not hold: `vectors` is float32 of shape (len(ids), dimensions)."""
        self._documents[document_id] = (len(self._ids), len(ids))
        self._index.add(np.ascontiguousarray(vectors))
        self._ids.extend(ids)
        self._live.extend(b"\1" * len(ids))

    def remove(self, document_id: str) -> None:
        """Forgets a document that it holds."""
        first, count = self._documents.pop(document_id)
        self._live[first : first + count] = bytes(count)
        self._dead += count

    def search(self, vector: Vectors, k: int, documents: Collection[str] | None = None) -> list[Scored]:
        """The `k` nearest to `vector` (dimensions,), best first, ties by id; of `documents` only, if given."""
        mask = self._mask(documents)
        allowed = len(self) if mask is None else int(np.count_nonzero(mask))
        if not allowed:
            return []
        # The bitmap must outlive the search: FAISS keeps no copy of it.
        bits = None if mask is None else np.packbits(mask, bitorder="little")
        wanted = min(k, allowed)
        found = self._index.search(vector[None, :], wanted, params=self._parameters(bits, allowed, wanted))
        scores, places = (part[0] for part in found)
        ranked = [
            Scored(self._ids[place], float(score))
            for score, place in zip(scores, places.tolist(), strict=True)
            if place >= 0
        ]
        return sorted(ranked, key=lambda item: (-item.score, item.id))

    def documents(self) -> Collection[str]:
        """The documents that it holds."""
        return self._documents.keys()

    def holds(self, ids: Collection[int]) -> bool:
        """Whether it would find any of these passages."""
        live = np.frombuffer(self._live, dtype=bool)
        held = np.frombuffer(self._ids, dtype=np.int64)[live]
        return bool(np.isin(held, np.fromiter(ids, dtype=np.int64)).any())

    def contents(self) -> Iterator[tuple[str, list[int], Vectors]]:
        """Its documents with the ids and vectors of their passages; of an exact segment only."""
        for document_id, (first, count) in self._documents.items():
            yield document_id, self._ids[first : first + count].tolist(), self._index.reconstruct_n(first, count)

    @property
    def dead(self) -> int:
        """Vectors that are passed over."""
        return self._dead

    def __len__(self) -> int:
        return len(self._ids) - self._dead

    def _mask(self, documents: Collection[str] | None) -> NDArray[np.bool_] | None:
        """Which places may be found; None where all may."""
        if documents is None:
            return np.frombuffer(self._live, dtype=bool) if self._dead else None
        mask = np.zeros(len(self._ids), dtype=bool)
        for document_id in documents:
            first, count = self._documents.get(document_id, (0, 0))
            mask[first : first + count] = True
        return mask

    def _parameters(self, bits: NDArray[np.uint8] | None, allowed: int, wanted: int) -> Any:
        import faiss

        bitmap: Any = faiss.IDSelectorBitmap  # the types of FAISS do not know what may be given
        exact: Any = faiss.SearchParameters
        selector = None if bits is None else bitmap(bits)
        if not isinstance(self._index, faiss.IndexIVF):
            return selector and exact(sel=selector)
        lists, total = self._index.nlist, len(self._ids)
        # The share of the lists in which as many allowed vectors are compared as all would be without a filter.
        probes = max(ceil(self._index.nprobe * total / allowed), ceil(_LISTED_PER_WANTED * wanted * lists / allowed))
        return inverted_parameters(min(probes, lists), selector)


def inverted_parameters(probes: int, selector: Any = None) -> Any:
    """How an inverted file is searched: in so many lists, passing over what `selector` does not allow."""
    import faiss

    kind: Any = faiss.SearchParametersIVF
    return kind(sel=selector, nprobe=probes)

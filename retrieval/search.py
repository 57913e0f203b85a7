"""A search: both legs, their fusion, near-duplicates folded, and, where asked for, reranking and diversity."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from retrieval.embed import Embedder
from retrieval.errors import LibraryError
from retrieval.filters import matching
from retrieval.fuse import Fused, fuse
from retrieval.held import vectors_of
from retrieval.indexes import Indexes
from retrieval.near import diversified, fold
from retrieval.rerank import Reranker
from retrieval.segment import Vectors
from retrieval.store import Store, StoredPassage
from retrieval.types import LEGS, Filters, Hit, Leg

_LONGEST_QUERY = 10_000
_MOST_HITS = 1_000
_LEAST_CANDIDATES = 50
_CANDIDATES_PER_HIT = 4
_MOST_CANDIDATES = 4_000
_POOL = 50
"""Passages, at least, among which a reranker or a wish for diversity chooses."""


@dataclass(frozen=True, slots=True)
class Query:
    """What to look for, checked: `text` is not empty, `k` is from 1 to 1,000, `diversity` from 0 to 1."""

    text: str
    k: int
    collection: str
    filters: Filters
    diversity: float = 0.0
    leg: Leg = "hybrid"

    def __post_init__(self) -> None:
        if not 1 <= self.k <= _MOST_HITS:
            raise LibraryError(f"k is {self.k}; ask for 1 to {_MOST_HITS:,} passages.")
        if not self.text.strip():
            raise LibraryError("the query is empty; write what to look for.")
        if len(self.text) > _LONGEST_QUERY:
            raise LibraryError(
                f"the query has {len(self.text):,} characters; at most {_LONGEST_QUERY:,} can be looked for."
            )
        if not 0 <= self.diversity <= 1:
            raise LibraryError(f"diversity is {self.diversity}; give a number from 0 to 1.")
        first, last = self.filters.added_from, self.filters.added_to
        if first and last and first > last:
            raise LibraryError(f"no day is from {first} on and up to {last}; give the earlier day as the first.")
        if self.leg not in LEGS:
            raise LibraryError(f"leg is {self.leg!r}; give one of {', '.join(LEGS)}.")


class Search:
    """Answers queries from the indexes of one library; `lock` guards them."""

    def __init__(
        self,
        store: Store,
        indexes: Indexes,
        embedder: Embedder,
        lock: AbstractContextManager[object],
        reranker: Reranker | None = None,
    ):
        self._store = store
        self._indexes = indexes
        self._embedder = embedder
        self._lock = lock
        self._reranker = reranker

    def __call__(self, query: Query) -> list[Hit]:
        """The passages that answer `query` best by keywords and vectors, best first."""
        vector = None if query.leg == "sparse" else self._embedder.encode_query(query.text)
        most = max(query.k, _POOL) if self._reranker or query.diversity else query.k
        with self._lock:
            hits = self._enough(query, vector, most)
            vectors = vectors_of(self._store, (hit.passage_id for hit in hits)) if query.diversity else {}
        if self._reranker:
            hits = _reranked(self._reranker, query.text, hits)
        if query.diversity:
            hits = _spread(hits, vectors, query.diversity)
        return hits[: query.k]

    def _enough(self, query: Query, vector: Vectors | None, most: int) -> list[Hit]:
        """`most` hits, or as many as there are: more candidates are fetched where near-duplicates took the places."""
        wanted = max(_LEAST_CANDIDATES, _CANDIDATES_PER_HIT * query.k)
        while True:
            found = self.candidates(query, vector, wanted)
            hits = self._read(found, most)
            if len(hits) >= min(most, query.k) or len(found) < wanted or wanted >= _MOST_CANDIDATES:
                return hits
            wanted = min(wanted * _CANDIDATES_PER_HIT, _MOST_CANDIDATES)

    def candidates(self, query: Query, vector: Vectors | None, wanted: int) -> list[Fused]:
        """The passages that the legs bring, `wanted` of each, fused; without a vector by keywords alone.

        Call it with the lock held.
        """
        self._indexes.refresh()
        documents = matching(self._store, query.collection, query.filters) if query.filters != Filters() else None
        return self._fused(query, vector, wanted, documents)

    def _fused(
        self, query: Query, vector: Vectors | None, wanted: int, documents: Collection[str] | None
    ) -> list[Fused]:
        dense = [] if vector is None else self._indexes.nearest(query.collection, vector, wanted, documents)
        if query.leg == "dense":
            return fuse([item.id for item in dense], [], dict(dense), {}, weight=1.0)
        sparse = self._indexes.sparse.search(query.collection, query.text, wanted, documents)
        if vector is None:
            return fuse([], [item.id for item in sparse], {}, dict(sparse), weight=0.0)
        cosine, coverage = (dict[int, float](leg) for leg in (dense, sparse))
        missing = vectors_of(self._store, coverage.keys() - cosine.keys())
        coverage |= self._indexes.sparse.scores(query.collection, query.text, cosine.keys() - coverage.keys())
        cosine |= {id_: float(stored @ vector) for id_, stored in missing.items()}
        return fuse([item.id for item in dense], [item.id for item in sparse], cosine, coverage)

    def _read(self, found: Sequence[Fused], most: int) -> list[Hit]:
        """The first `most` passages that say something new; those deleted by another process meanwhile are left out."""
        items = {item.id: item for item in found}
        passages: dict[int, StoredPassage] = {}

        def texts() -> Iterator[tuple[int, str]]:
            for passage in self._store.passages(items):
                passages[passage.id] = passage
                yield passage.id, passage.text

        folded = fold(texts(), most)
        return [_hit(items[id_], passages[id_], tuple(duplicates)) for id_, duplicates in folded.items()]


def _reranked(reranker: Reranker, text: str, hits: Sequence[Hit]) -> list[Hit]:
    scores = reranker.scores(text, [hit.passage for hit in hits])
    again = [replace(hit, score=score) for hit, score in zip(hits, scores, strict=True)]
    return sorted(again, key=lambda hit: (-hit.score, hit.passage_id))


def _spread(hits: Sequence[Hit], vectors: Mapping[int, Vectors], diversity: float) -> list[Hit]:
    by_id = {hit.passage_id: hit for hit in hits}
    return [by_id[id_] for id_ in diversified({id_: hit.score for id_, hit in by_id.items()}, vectors, diversity)]


def _hit(item: Fused, passage: StoredPassage, duplicates: tuple[int, ...]) -> Hit:
    return Hit(
        passage_id=item.id,
        passage=passage.text,
        document=passage.document,
        document_id=passage.document_id,
        page=passage.page,
        start=passage.start,
        end=passage.end,
        score=item.score,
        dense_rank=item.dense_rank,
        sparse_rank=item.sparse_rank,
        heading=passage.heading,
        duplicates=duplicates,
    )

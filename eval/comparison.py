"""Whether keywords and vectors together find more than each alone: hit@1, hit@5, MRR@10 and their differences.

MRR@10 is the mean of 1 / rank of the first right document, 0 where none is among the first ten.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.bootstrap import CONFIDENCE, RESAMPLES, Difference, paired_differences
from eval.legs import DEPTH, Rankings
from eval.paragraphs import Query, SearchTask
from eval.ranking import hit, reciprocal_rank, usual_names


@dataclass(frozen=True, slots=True)
class Found:
    """Means over all questions, from 0 to 1."""

    hit_at_1: float
    hit_at_5: float
    mrr_at_10: float


@dataclass(frozen=True, slots=True)
class Gain:
    """What one way of searching has over another in each measure, question by question."""

    hit_at_1: Difference
    hit_at_5: Difference
    mrr_at_10: Difference


@dataclass(frozen=True, slots=True)
class Comparison:
    """The measures of each leg and of both, and by how much both are better, with intervals of `confidence`."""

    questions: int
    documents: int
    bm25: Found
    vectors: Found
    both: Found
    both_minus_bm25: Gain
    both_minus_vectors: Gain
    seed: int
    depth: int = DEPTH
    confidence: float = CONFIDENCE
    resamples: int = RESAMPLES

    def as_dict(self) -> dict[str, Any]:
        """The fields, with the measures called as is usual: `hit@1`."""
        return usual_names(asdict(self))


def compare(task: SearchTask, rankings: Rankings, seed: int = 1) -> Comparison:
    """The measures of `rankings`, which hold each query of `task` under each leg; `seed` draws the resamples."""
    return compare_found(task.queries, len(task.paragraphs), rankings, seed)


def compare_found(queries: Sequence[Query], documents: int, rankings: Rankings, seed: int) -> Comparison:
    """The same, of queries that were asked of so many documents."""
    bm25, vectors, both = (_measured(queries, rankings[leg]) for leg in ("bm25", "vectors", "both"))
    groups = [min(query.judged) for query in queries]
    return Comparison(
        questions=len(queries),
        documents=documents,
        bm25=_mean(bm25),
        vectors=_mean(vectors),
        both=_mean(both),
        both_minus_bm25=Gain(*paired_differences(both - bm25, groups, seed)),
        both_minus_vectors=Gain(*paired_differences(both - vectors, groups, seed)),
        seed=seed,
    )


def _measured(queries: Sequence[Query], rankings: Mapping[str, list[str]]) -> NDArray[np.float64]:
    """hit@1, hit@5 and the reciprocal rank of each query: shape (queries, 3)."""
    return np.array([_measures(query, rankings[query.id]) for query in queries])


def _measures(query: Query, ranking: list[str]) -> tuple[float, float, float]:
    return hit(ranking, query.judged, 1), hit(ranking, query.judged, 5), reciprocal_rank(ranking, query.judged)


def _mean(measured: NDArray[np.float64]) -> Found:
    return Found(*map(float, measured.mean(axis=0)))

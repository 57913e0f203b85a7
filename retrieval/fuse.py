"""Joins the two legs into one ranking, by their scores:

    score(p) = w · cosine(p) + (1 − w) · coverage(p),   w = 0.3

`coverage` is BM25 as a share of the most that it can give for the query (see `retrieval.sparse`). Both are absolute: a
passage's score does not depend on what else was found. Every passage that either leg brings gets both scores, so each
leg alone can bring a passage into the results, and neither decides alone.

Chosen on 346 answerable questions of SQuAD 2.0 (articles by the parity of a hash), reported on what was left out: 416
questions of its other articles, 600 of FairytaleQA (validation), 600 of PubMedQA; 568, 410 and 1,000 paragraphs, cut
into 3,759 passages, 50 of each leg. hit@1 / hit@5 / MRR@10 of the paragraph, in per cent:

                              SQuAD, chosen on      SQuAD, held out       FairytaleQA           PubMedQA
    vectors                   69.1 / 92.5 / 78.7    67.8 / 91.3 / 77.7    26.7 / 53.8 / 37.9    96.7 / 99.3 / 97.8
    keywords                  83.8 / 95.7 / 88.9    78.1 / 93.8 / 85.0    46.2 / 78.0 / 59.3    95.8 / 98.7 / 97.1
    reciprocal ranks, k = 60  82.4 / 96.8 / 88.6    77.9 / 96.9 / 85.8    37.7 / 73.7 / 52.5    97.7 / 99.5 / 98.5
    the best of them *        84.7 / 97.1 / 90.3    79.8 / 96.2 / 87.0    45.2 / 79.7 / 59.6    97.2 / 99.2 / 98.1
    w = 0.2                   87.3 / 96.8 / 91.7    80.5 / 96.9 / 87.5    50.0 / 80.3 / 62.7    97.3 / 99.3 / 98.2
    w = 0.3                   88.2 / 97.7 / 92.4    82.0 / 97.8 / 88.5    48.8 / 80.7 / 62.0    97.7 / 99.3 / 98.4
    w = 0.4                   86.4 / 98.3 / 91.5    82.2 / 98.1 / 88.8    47.7 / 80.2 / 61.2    98.0 / 99.5 / 98.6

* By the questions chosen on: k = 5, with half the weight on vectors. Fusion of ranks (G. Cormack, C. Clarke, S.
Büttcher: Reciprocal rank fusion outperforms Condorcet, SIGIR 2009) forgets by how much one passage is better than the
next, and loses to keywords alone on names and numbers. Fusion of scores: S. Bruch, S. Gai, A. Ingber: An analysis of
fusion functions for hybrid retrieval, ACM TOIS 42, 2023.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

COSINE_WEIGHT = 0.3


@dataclass(frozen=True, slots=True)
class Fused:
    """One passage with its fused score and its rank (from 1) in each leg, None where the leg did not bring it."""

    id: int
    score: float
    dense_rank: int | None
    sparse_rank: int | None


def fuse(
    dense: Sequence[int],
    sparse: Sequence[int],
    cosine: Mapping[int, float],
    coverage: Mapping[int, float],
    *,
    weight: float = COSINE_WEIGHT,
) -> list[Fused]:
    """Both rankings (passage ids, best first) as one, best first; of equal scores the smaller id goes first.

    `cosine` and `coverage` hold the scores of the passages of both rankings; what is missing counts 0.
    """
    dense_ranks, sparse_ranks = _ranks(dense), _ranks(sparse)
    fused = [
        Fused(
            id_,
            weight * cosine.get(id_, 0.0) + (1 - weight) * coverage.get(id_, 0.0),
            dense_ranks.get(id_),
            sparse_ranks.get(id_),
        )
        for id_ in dense_ranks.keys() | sparse_ranks.keys()
    ]
    return sorted(fused, key=lambda item: (-item.score, item.id))


def _ranks(ids: Sequence[int]) -> dict[int, int]:
    return {id_: rank for rank, id_ in reversed(list(enumerate(ids, start=1)))}

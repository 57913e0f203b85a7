"""Reciprocal rank fusion: one ranking out of several whose scores cannot be compared.

    score(d) = Σ over rankings r of 1 / (k + rank_r(d)),   k = 60

G. V. Cormack, C. L. A. Clarke, S. Büttcher: Reciprocal rank fusion outperforms Condorcet and individual rank learning
methods, SIGIR 2009, section 2. A passage that one ranking lacks gets nothing from it, so every ranking contributes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

K = 60


@dataclass(frozen=True, slots=True)
class Fused:
    """One passage with its fused score and its rank (from 1) in each leg, None where the leg did not bring it."""

    id: int
    score: float
    dense_rank: int | None
    sparse_rank: int | None


def reciprocal_rank_fusion(dense: Sequence[int], sparse: Sequence[int], *, k: int = K) -> list[Fused]:
    """Both rankings (passage ids, best first) as one, best first; of equal scores the smaller id goes first."""
    dense_ranks = _ranks(dense)
    sparse_ranks = _ranks(sparse)
    fused = []
    for id_ in dense_ranks.keys() | sparse_ranks.keys():
        ranks = dense_ranks.get(id_), sparse_ranks.get(id_)
        fused.append(Fused(id_, sum(1 / (k + rank) for rank in ranks if rank), *ranks))
    return sorted(fused, key=lambda item: (-item.score, item.id))


def _ranks(ids: Sequence[int]) -> dict[int, int]:
    ranks: dict[int, int] = {}
    for rank, id_ in enumerate(ids, start=1):
        ranks.setdefault(id_, rank)
    return ranks

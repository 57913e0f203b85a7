"""How far two aspects are scored alike: Spearman's rank correlation over what was rated in both, by means over raters.

What is rated is an item as one system made it. Near 1, two aspects measure one thing, and one of them can go.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from eval.agreement import mid_ranks
from eval.bootstrap import Codes, Floats
from eval.likert_file import Scores

_FEWEST_TEXTS = 3
_NO_RHO = f"fewer than {_FEWEST_TEXTS} texts have both aspects, or all have the same mean in one of them"


@dataclass(frozen=True, slots=True)
class Correlation:
    """Spearman's rho of two aspects over `texts`; None where it cannot be had."""

    aspects: tuple[str, str]
    texts: int
    rho: float | None
    note: str | None


def correlations(scores: Scores) -> Iterator[Correlation]:
    """Spearman's rho of every two aspects."""
    texts, text = np.unique(scores.text(), return_inverse=True)
    means = {aspect: _text_means(scores, text, aspect, len(texts)) for aspect in np.unique(scores.aspect)}
    for one, other in combinations(means, 2):
        both = np.isfinite(means[one]) & np.isfinite(means[other])
        names = (scores.names["aspect"][one], scores.names["aspect"][other])
        rho = spearman(means[one][both], means[other][both])
        yield Correlation(names, int(both.sum()), rho, None if rho is not None else _NO_RHO)


def _text_means(scores: Scores, text: Codes, aspect: int, size: int) -> Floats:
    """The mean over raters of each text in an aspect, not a number where it has no score."""
    kept = scores.aspect == aspect
    number = np.bincount(text[kept], minlength=size)
    sums = np.bincount(text[kept], weights=scores.score[kept], minlength=size)
    means: Floats = np.divide(sums, number, out=np.full(size, np.nan), where=number > 0)
    return means


def spearman(one: Floats, other: Floats) -> float | None:
    """Pearson's correlation of the mid-ranks; None below three pairs, or where all values of a side are equal."""
    if len(one) < _FEWEST_TEXTS:
        return None
    ranks = [_ranks(each) for each in (one, other)]
    centred = [each - each.mean() for each in ranks]
    spread = np.sqrt((centred[0] ** 2).sum() * (centred[1] ** 2).sum())
    return float((centred[0] * centred[1]).sum() / spread) if spread > 0 else None


def _ranks(values: Floats) -> Floats:
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: Floats = mid_ranks(counts.astype(np.float64))[place]
    return ranks

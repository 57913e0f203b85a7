"""How sure a difference between two systems is, when both were asked the same questions: the paired bootstrap.

The questions are drawn anew, with replacement, `resamples` times; the interval holds the middle share `confidence` of
the mean differences so found (Efron, Tibshirani 1993, chapter 13, percentiles; for retrieval: Sakai 2006, SIGIR).
Questions on one paragraph succeed and fail together, so whole groups of them are drawn (Davison, Hinkley 1997, 3.8):
with single questions the interval would be too narrow.

Limits: percentiles are too narrow for a dozen groups or fewer, and an interval says nothing of other sets of questions.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 10_000
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Difference:
    """A mean difference and its interval; where `ci` leaves out 0, the one system is better than by chance."""

    difference: float
    ci: tuple[float, float]


def paired_differences(
    differences: NDArray[np.float64], groups: Sequence[str], seed: int, resamples: int = RESAMPLES
) -> list[Difference]:
    """A Difference for each column of `differences`, of shape (questions, columns), question i being of `groups[i]`."""
    _, group = np.unique(np.asarray(groups), return_inverse=True)
    sizes = np.bincount(group)
    sums = np.zeros((len(sizes), differences.shape[1]))
    np.add.at(sums, group, differences)
    rng = np.random.default_rng(seed)
    means = np.empty((resamples, differences.shape[1]))
    for mean in means:
        times = np.bincount(rng.integers(len(sizes), size=len(sizes)), minlength=len(sizes))
        mean[:] = times @ sums / (times @ sizes)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(means, (tail, 1 - tail), axis=0)
    middle = sums.sum(axis=0) / sizes.sum()
    return [Difference(float(d), (float(a), float(b))) for d, a, b in zip(middle, low, high, strict=True)]

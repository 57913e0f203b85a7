"""How sure a figure is, or the difference of two systems that were asked the same questions: the bootstrap.

The questions are drawn anew, with replacement, `resamples` times; the interval holds the middle share `confidence` of
the figures so found (Efron, Tibshirani 1993, chapter 13, percentiles; for retrieval: Sakai 2006, SIGIR). Two systems
are compared by the differences of each question, the paired bootstrap. Questions on one paragraph succeed and fail
together, so whole groups of them are drawn (Davison, Hinkley 1997, 3.8): with single questions the interval would be
too narrow. A mean is thus a ratio of two sums over the groups drawn, and every figure here is made of such sums.

More than `MOST_GROUPS` groups are thrown together by chance into as many (the random groups of Wolter 2007, chapter 2):
the width of the interval is then off by 1 % or so, and a million groups take no longer than these.

Limits: percentiles are too narrow for a dozen groups or fewer, and an interval says nothing of other sets of questions.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 10_000
CONFIDENCE = 0.95
MOST_GROUPS = 5_000
FEW_GROUPS = 12
"""With so many groups or fewer an interval is too narrow."""
TOO_NARROW = f"the interval is too narrow: there are {FEW_GROUPS} items or fewer"
ALIKE = "all came out alike, so there is no interval: chance cannot be read from what does not vary"
_DRAWN_TOGETHER = 100
_ROUNDING = 1e-9
_LEAST_DEFINED = 0.95
Interval = tuple[float, float]
Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Difference:
    """A mean difference and its interval; where `ci` leaves out 0, the one system is better than by chance."""

    difference: float
    ci: Interval


def paired_differences(
    differences: Floats, groups: Sequence[str], seed: int, resamples: int = RESAMPLES
) -> list[Difference]:
    """A Difference for each column of `differences`, of shape (questions, columns), question i being of `groups[i]`."""
    _, group = np.unique(np.asarray(groups), return_inverse=True)
    parts = group_sums(np.column_stack([differences, np.ones(len(differences))]), group, seed)
    sums = resampled_sums(parts, seed, resamples)
    middle = parts.sum(axis=0)
    return [
        Difference(float(middle[column] / middle[-1]), interval(sums[:, column] / sums[:, -1]))
        for column in range(differences.shape[1])
    ]


def group_sums(values: Floats, groups: Codes, seed: int) -> Floats:
    """The sums of `values`, of shape (questions, columns), over each of `groups`, numbers from 0 without gaps."""
    groups = at_most(groups, seed)
    return np.column_stack([np.bincount(groups, weights=column) for column in values.T])


def at_most(groups: Codes, seed: int) -> Codes:
    """`groups`, numbers from 0 without gaps; where they are too many, thrown together by chance into `MOST_GROUPS`."""
    number = int(groups.max()) + 1
    if number <= MOST_GROUPS:
        return groups
    together: Codes = np.random.default_rng((seed, number)).permutation(number)[groups] % MOST_GROUPS
    return together


def resampled_sums(parts: Floats, seed: int, resamples: int = RESAMPLES) -> Floats:
    """The sums of the columns over each resample, of shape (resamples, columns); `parts` has a row for each group."""
    rng = np.random.default_rng(seed)
    size = len(parts)
    sums = np.empty((resamples, parts.shape[1]))
    for start in range(0, resamples, _DRAWN_TOGETHER):
        drawn = [rng.integers(size, size=size) for _ in range(min(_DRAWN_TOGETHER, resamples - start))]
        times = np.array([np.bincount(each, minlength=size) for each in drawn], dtype=np.float64)
        sums[start : start + len(drawn)] = times @ parts
    return sums


def interval(values: Floats) -> Interval:
    """The middle share `CONFIDENCE` of the figures of the resamples."""
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(values, (tail, 1 - tail))
    return float(low), float(high)


def interval_where_defined(values: Floats) -> Interval | None:
    """The interval of the figures that are numbers.

    None where too many resamples left nothing to compute one from, and where all came out `alike`.
    """
    defined = values[np.isfinite(values)]
    if len(defined) < _LEAST_DEFINED * len(values) or alike(values):
        return None
    return interval(defined)


def alike(values: Floats) -> bool:
    """Whether the figures of all resamples that are numbers are one: what does not vary says nothing of chance."""
    defined = values[np.isfinite(values)]
    return len(defined) > 0 and bool(np.ptp(defined) <= _ROUNDING)

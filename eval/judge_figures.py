"""Figures that judges and people, or a panel of judges, are compared by."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eval.agreement import Alpha, Metric, Ratings, krippendorff
from eval.bootstrap import Codes, Floats, Interval, group_sums, interval_where_defined, resampled_sums


@dataclass(frozen=True, slots=True)
class Rated:
    """One rating of something: its number, the group with which it is drawn anew, and the value."""

    unit: int
    group: int
    value: float


def alpha_of(rated: Sequence[Rated], metric: Metric, seed: int) -> Alpha:
    """Krippendorff's alpha of ratings."""
    if not rated:
        return Alpha(None, None, "there is nothing to compare")
    units, unit = np.unique([each.unit for each in rated], return_inverse=True)
    scale, value = np.unique([each.value for each in rated], return_inverse=True)
    group_of = {each.unit: each.group for each in rated}
    groups = np.unique([group_of[int(number)] for number in units], return_inverse=True)[1]
    return krippendorff(Ratings(unit, value, groups, scale), metric, seed)


def share_interval(equal: Floats, groups: Codes, seed: int) -> Interval | None:
    """The interval of the mean of `equal`, groups drawn anew; None for one group."""
    parts = group_sums(np.column_stack([equal, np.ones(len(equal))]), np.unique(groups, return_inverse=True)[1], seed)
    if len(parts) < 2:
        return None
    sums = resampled_sums(parts, seed)
    return interval_where_defined(sums[:, 0] / sums[:, 1])

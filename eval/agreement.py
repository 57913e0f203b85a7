"""Krippendorff's alpha: how far raters agree beyond chance, for any number of raters, with missing ratings.

    alpha = 1 − (n − 1) Σ o(c,k) δ²(c,k) / Σ n(c) n(k) δ²(c,k)      (Krippendorff 2011, Computing Krippendorff's
                                                                   Alpha-Reliability)
    o(c,k)    coincidences: of the pairs of ratings of an item with m ratings, each counts 1 / (m − 1)
    n(c)      Σ over k of o(c,k), the ratings of value c; n is their sum. An item with one rating counts nowhere
    nominal   δ² = 1 where c and k differ;   interval   δ² = (c − k)²
    ordinal   δ = the difference of the mid-ranks of c and k among all n ratings, which is the δ of the paper

1 is perfect agreement, 0 what chance gives, below 0 disagreement of a system. Intervals draw whole items anew, with all
their ratings, and compute both sums again (Zapf et al. 2016, BMC Medical Research Methodology 16:93).

Limits: an interval holds for these raters and other items. With more than `MOST_VALUES` different values nominal and
ordinal alpha have none.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Literal

import numpy as np

from eval.bootstrap import (
    ALIKE,
    FEW_GROUPS,
    TOO_NARROW,
    Codes,
    Floats,
    Interval,
    alike,
    at_most,
    group_sums,
    interval_where_defined,
    resampled_sums,
)

Metric = Literal["nominal", "ordinal", "interval"]
METRICS: tuple[Metric, ...] = ("nominal", "ordinal", "interval")
MOST_VALUES = 20
_TOO_MANY = f"there are more than {MOST_VALUES} different values; an interval is drawn for the metric interval only"


@dataclass(frozen=True, slots=True)
class Alpha:
    """An alpha with its interval; where one of them is None, or not to be trusted, `note` says why."""

    alpha: float | None
    ci: Interval | None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Ratings:
    """One entry for each rating: its item and its value, numbers from 0; `scale` holds the values in ascending order.

    `clusters` has an entry for each item: the group, a number from 0, with which it is drawn.
    """

    items: Codes
    values: Codes
    clusters: Codes
    scale: Floats

    def pairable(self) -> "Ratings":
        """Without the items that have one rating; items, values and clusters are numbered anew."""
        kept = np.bincount(self.items, minlength=1)[self.items] > 1
        items, item = np.unique(self.items[kept], return_inverse=True)
        values, value = np.unique(self.values[kept], return_inverse=True)
        cluster = np.unique(self.clusters[items], return_inverse=True)[1]
        return Ratings(item, value, cluster, self.scale[values])


def krippendorff(ratings: Ratings, metric: Metric, seed: int) -> Alpha:
    """Alpha by `metric` with its interval, which `seed` draws."""
    ratings = ratings.pairable()
    if not len(ratings.items):
        return Alpha(None, None, "no item has the ratings of two raters")
    if len(ratings.scale) == 1:
        return Alpha(None, None, "all ratings are the same, so there is no chance to compare agreement with")
    if len(ratings.scale) <= MOST_VALUES:
        parts = _coincidences(ratings, seed)
        return _with_interval(parts, lambda sums: _of_coincidences(sums, metric, ratings.scale), seed)
    if metric == "nominal":
        return Alpha(_of_many_values(ratings), None, _TOO_MANY)
    counts = np.bincount(ratings.values).astype(np.float64)
    places = ratings.scale if metric == "interval" else mid_ranks(counts)
    parts = _moments(ratings, places - places.mean(), seed)
    if metric == "ordinal":
        return Alpha(float(_of_moments(parts.sum(axis=0))), None, _TOO_MANY)
    return _with_interval(parts, _of_moments, seed)


def mid_ranks(counts: Floats) -> Floats:
    """The middle of the ranks of each value, from the counts of the values in ascending order, along the last axis."""
    ranks: Floats = np.cumsum(counts, axis=-1) - counts / 2
    return ranks


def _with_interval(parts: Floats, statistic: Callable[[Floats], Floats], seed: int) -> Alpha:
    alpha = float(statistic(parts.sum(axis=0)))
    if len(parts) == 1:
        return Alpha(alpha, None, "there is one item, so nothing says how others would be rated")
    drawn = statistic(resampled_sums(parts, seed))
    ci = interval_where_defined(drawn)
    if ci is None and alike(drawn):
        return Alpha(alpha, None, ALIKE)
    if ci is None:
        return Alpha(alpha, None, "nearly all ratings are the same, so other items might leave nothing to compare")
    return Alpha(alpha, ci, TOO_NARROW if len(parts) <= FEW_GROUPS else None)


def _coincidences(ratings: Ratings, seed: int) -> Floats:
    """The coincidence matrices of the clusters, of shape (clusters, values · values)."""
    size = len(ratings.scale)
    counts = np.bincount(ratings.items * size + ratings.values, minlength=len(ratings.clusters) * size)
    each = counts.reshape(-1, size)
    others = each.sum(axis=1) - 1
    groups = at_most(ratings.clusters, seed)
    found = np.empty((int(groups.max()) + 1, size, size))
    for c, k in combinations_with_replacement(range(size), 2):
        pairs = each[:, c] * (each[:, k] - (c == k)) / others
        found[:, c, k] = found[:, k, c] = np.bincount(groups, weights=pairs)
    return found.reshape(len(found), -1)


def _of_coincidences(sums: Floats, metric: Metric, scale: Floats) -> Floats:
    """Alpha from sums of coincidences, of shape (…, values · values); not a number where all values are the same."""
    size = len(scale)
    observed = sums.reshape(*sums.shape[:-1], size, size)
    counts = observed.sum(axis=-1)
    if metric == "nominal":
        squares = 1 - np.eye(size)
    else:
        places = mid_ranks(counts) if metric == "ordinal" else scale
        squares = (places[..., :, None] - places[..., None, :]) ** 2
    expected = (counts[..., :, None] * counts[..., None, :] * squares).sum(axis=(-2, -1))
    return _alpha((observed * squares).sum(axis=(-2, -1)), counts.sum(axis=-1), expected)


def _of_many_values(ratings: Ratings) -> float:
    """Nominal alpha without a matrix of values by values."""
    sizes = np.bincount(ratings.items)
    item, same = np.unique(ratings.items * len(ratings.scale) + ratings.values, return_counts=True)
    together = np.bincount(item // len(ratings.scale), weights=same.astype(np.float64) ** 2)
    observed = ((sizes.astype(np.float64) ** 2 - together) / (sizes - 1)).sum()
    counts = np.bincount(ratings.values).astype(np.float64)
    return float(_alpha(observed, counts.sum(), counts.sum() ** 2 - (counts**2).sum()))


def _moments(ratings: Ratings, places: Floats, seed: int) -> Floats:
    """For each cluster Σ δ² of its coincidences, and of its ratings the number, the sum and the sum of squares."""
    at = places[ratings.values]
    number = np.bincount(ratings.items).astype(np.float64)
    total, squares = np.bincount(ratings.items, weights=at), np.bincount(ratings.items, weights=at**2)
    observed = 2 * (number * squares - total**2) / (number - 1)
    return group_sums(np.column_stack([observed, number, total, squares]), ratings.clusters, seed)


def _of_moments(sums: Floats) -> Floats:
    observed, number, total, squares = np.moveaxis(sums, -1, 0)
    return _alpha(observed, number, 2 * (number * squares - total**2))


def _alpha(observed: Floats, number: Floats, expected: Floats) -> Floats:
    defined = np.asarray(expected > 0)
    ratio = np.divide(observed * (number - 1), expected, out=np.full(defined.shape, np.nan), where=defined)
    alpha: Floats = 1 - ratio
    return alpha

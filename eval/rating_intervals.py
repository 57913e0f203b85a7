"""How sure the ratings of Bradley and Terry's model are: an interval for each, and what cannot be said.

The interval of a model is that of its difference from the mean of its class (`eval.connections`), at 95 %. Three cases:

    usual               rating ± 1.96 se, se of the sandwich; beside it the percentiles of each bootstrap
    nothing but ties    within its class, where the sandwich would be 0: the curvature H⁻¹ stands in, an upper bound
                        where ties count as half
    split off           the model, or its class, won all battles across, or lost them: the best fit has no finite
                        difference, its se is None, and the side that nothing holds is open (None). The limit on the
                        other side is where all its battles with the anchor class (`eval.connections`) would still end
                        alike with a chance of 2.5 % (Clopper, Pearson 1934, Biometrika 26, 404), the ratings of that
                        class taken as they are; where a group has no such class, its battles with all others. The
                        battles count as so many as there are independent judgements (`eval.units`).

`widest` is the hull of the interval and all bootstraps; ranks and tiers go by it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import log_expit
from scipy.stats import norm

from eval.battles import Floats
from eval.bradley_terry import MEAN, POINTS, Fit, Pairs
from eval.connections import Connections

CONFIDENCE = 0.95
TAIL = (1 - CONFIDENCE) / 2
Z = float(norm.ppf(1 - TAIL))
Flags = NDArray[np.bool_]
_FAR = 100.0
"""Log odds beyond which a battle is certain in 64 bits."""


@dataclass(frozen=True, slots=True, eq=False)
class Intervals:
    """In rating points, a row for each model. NaN: cannot be said; infinite: open on this side.

    `inner` is the widest interval within the class; `ci` and `widest` also hold the place of the class in its group.
    """

    ratings: Floats
    se: Floats
    ci: Floats
    bootstrap: dict[str, Floats]
    widest: Floats
    inner: Floats


def intervals(pairs: Pairs, found: Fit, linked: Connections, draws: Mapping[str, Floats]) -> Intervals:
    """Intervals of the ratings of a fit; `draws` holds θ of the rounds of each bootstrap, of shape (rounds, models)."""
    ratings, centring = MEAN + POINTS * found.theta, _centring(linked)
    se = POINTS * _errors(pairs, found, linked, centring)
    usual = ratings[:, None] + np.outer(Z * se, (-1, 1))
    bootstrap = {way: ratings[:, None] + POINTS * _around(theta, found, centring) for way, theta in draws.items()}
    inner = _hull([usual, *bootstrap.values()])
    split = ~linked.anchor
    se[split] = np.nan
    for ends in bootstrap.values():
        ends[split] = np.nan
    moved = POINTS * _shifts(pairs, found.theta, linked)
    return Intervals(ratings, se, usual + moved, bootstrap, inner + moved, inner)


def _centring(linked: Connections) -> Floats:
    """The matrix that takes the mean of its class from each model."""
    same = linked.strong[:, None] == linked.strong
    return np.asarray(np.eye(len(same)) - same / same.sum(axis=1, keepdims=True))


def _errors(pairs: Pairs, found: Fit, linked: Connections, centring: Floats) -> Floats:
    sandwich, curvature = (
        np.sqrt(np.maximum(np.diag(centring @ covariance @ centring.T), 0))
        for covariance in (found.sandwich, found.curvature)
    )
    return np.asarray(np.where(only_ties(pairs, linked), curvature, sandwich))


def only_ties(pairs: Pairs, linked: Connections) -> Flags:
    """Whether nothing but ties is known of each model within its class, which may be it alone.

    What a class won from others does not count: it says nothing of who is the better within it.
    """
    decided = np.zeros(pairs.models)
    inside = linked.strong[pairs.first] == linked.strong[pairs.second]
    for models in (pairs.first, pairs.second):
        np.add.at(decided, models, np.where(inside, pairs.counts()[:, ::2].sum(axis=1), 0.0))
    return np.asarray(decided == 0)


def _around(theta: Floats, found: Fit, centring: Floats) -> Floats:
    """Percentiles of the rounds' differences from the mean of the class, less that of the fit."""
    ends = np.quantile(theta @ centring.T, (TAIL, 1 - TAIL), axis=0)
    return (ends - centring @ found.theta).T


def _hull(ends: list[Floats]) -> Floats:
    table = np.stack(ends)
    return np.stack((table[:, :, 0].min(axis=0), table[:, :, 1].max(axis=0)), axis=1)


def _shifts(pairs: Pairs, theta: Floats, linked: Connections) -> Floats:
    """How far down and up the class of each model could lie, in log odds; 0 for models of the anchor."""
    shifts = np.zeros((pairs.models, 2))
    for number in np.unique(linked.strong[~linked.anchor]):
        own = linked.strong == number
        group = linked.group == linked.group[own][0]
        against = linked.anchor & group if (linked.anchor & group).any() else ~own
        shifts[own] = -_shift(pairs, theta, own, against), _shift(pairs, theta, against, own)
    return shifts


def _shift(pairs: Pairs, theta: Floats, winners: Flags, losers: Flags) -> float:
    """By how much the winners can be nearer to the losers so that all wins together still have a chance of TAIL."""
    counts, ahead = pairs.counts(), theta[pairs.first] - theta[pairs.second]
    above = winners[pairs.first] & losers[pairs.second] & (counts[:, 0] > 0)
    below = winners[pairs.second] & losers[pairs.first] & (counts[:, 2] > 0)
    some = above | below
    if not some.any():
        return np.inf
    ahead, wins = np.where(above, ahead, -ahead)[some], np.where(above, counts[:, 0], counts[:, 2])[some]
    wins *= pairs.units_among(some) / wins.sum()

    def excess(shift: float) -> float:
        return float(wins @ log_expit(ahead - shift) - np.log(TAIL))

    return float(brentq(excess, ahead.min() - _FAR, ahead.max() + _FAR))

"""What may be concluded from ratings: ranks, tiers, and how many more votes would tell two models apart.

    rank     1 + the number of models of the group whose whole interval lies above, so that models share a rank as long
             as their intervals overlap (Chiang et al. 2024, Chatbot Arena, section 5, there with intervals that hold
             for all models at once); groups are ranked apart. Models that the votes split are
             held apart also where the one beat the other six times or more and never else: chance 0.5^6 < 2.5 %.
    tier     by the half width of the interval: provisional over ±60 points, established under ±30, usable between; and
             by votes: provisional under 100, established from 500. From 100 to 200 votes a rating begins to be
             usable. The tier is the lower of both.
    told     whether 0 lies outside the interval of the difference of two models. Intervals of two models may overlap
             although it does (Schenker, Gentleman 2001): so two models can share a rank and yet be told apart.
    votes    battles of the two that would make it 80 % sure that a difference as large as the estimated one is told:
             1 / v + m g / e = ((z.975 + z.80) / d)², d the difference, v its variance, g = p (1 − p) what one battle
             tells, e by how much v exceeds the variance of independent votes: new votes come from raters and on prompts
             that agree as little as those so far (the design effect of Kish 1965, Survey Sampling, section 8.2)

Limits: intervals are of 95 % each, not of all models at once, and differences are compared one by one: among many
equal models some will look different. `votes` takes the estimated difference for the true one: a guide.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from eval.battles import Floats, Ints
from eval.bradley_terry import POINTS, Fit, Pairs
from eval.connections import Connections
from eval.rating_intervals import TAIL, Intervals, Z, only_ties

TIERS = ("provisional", "usable", "established")
HALF_WIDTHS = (60.0, 30.0)
"""Points: usable from the first, established under the second."""
VOTES = (100, 500)
_POWER = float(norm.ppf(0.8))
_MOST_VOTES = 1e9
_EQUAL = 1e-9
"""Log odds that are no difference but rounding."""


@dataclass(frozen=True, slots=True)
class Tier:
    """How far a rating can be relied on. `votes_to_next` is about how many more lift it, None where nothing can say."""

    tier: str
    by_interval: str
    by_votes: str
    votes_to_next: int | None


@dataclass(frozen=True, slots=True)
class Difference:
    """How far two models lie apart, `difference` and `se` in points.

    `more_votes` between the two would tell them apart, 0 where they are told; None where nothing can say: where the two
    are equal so far, or all that joins them went one way.
    """

    difference: float
    se: float | None
    told: bool
    more_votes: int | None


def above(pairs: Pairs, found: Intervals, linked: Connections) -> NDArray[np.bool_]:
    """Whether model i surely stands above model j of the same group, of shape (models, models)."""
    low, high = found.widest.T
    inner_low, inner_high = found.inner.T
    won = pairs.won()
    swept = (won * np.log(2) >= -np.log(TAIL)) & (won.T == 0)
    # Without an anchor, intervals rest on ratings that the ridge alone holds, and say nothing of each other.
    anchored = np.isin(linked.group, linked.group[linked.anchor])
    across = ((low[:, None] > high) & anchored) | swept
    sure = np.where(linked.strong[:, None] == linked.strong, inner_low[:, None] > inner_high, across)
    return np.asarray(sure & (linked.group[:, None] == linked.group))


def ranks(surely_above: NDArray[np.bool_]) -> Ints:
    """The rank of each model within its group."""
    return np.asarray(1 + surely_above.sum(axis=0))


def tier(width: float, votes: int) -> Tier:
    """The tier of a model after so many votes, `width` being half of its interval, infinite where it is open."""
    by_interval = 0 if width > HALF_WIDTHS[0] else 1 if width >= HALF_WIDTHS[1] else 2
    by_votes = sum(votes >= needed for needed in VOTES)
    reached = min(by_interval, by_votes)
    return Tier(TIERS[reached], TIERS[by_interval], TIERS[by_votes], _to_next(width, votes, reached))


def _to_next(width: float, votes: int, reached: int) -> int | None:
    """The width falls with the root of the votes."""
    if reached == len(HALF_WIDTHS):
        return 0
    if not math.isfinite(width):
        return None
    needed = max(VOTES[reached], math.ceil(votes * (width / HALF_WIDTHS[reached]) ** 2))
    return max(1, needed - votes)


def compared(
    pairs: Pairs,
    found: Fit,
    linked: Connections,
    better: int,
    worse: int,
    draws: Mapping[str, Floats],
    surely_above: NDArray[np.bool_],
) -> Difference:
    """The difference of two models of one group, by the larger of the variances of the sandwich and the bootstraps."""
    d = float(found.theta[better] - found.theta[worse])
    if linked.strong[better] != linked.strong[worse]:
        return Difference(d * POINTS, None, told=bool(surely_above[better, worse]), more_votes=None)
    v, alone = _variances(pairs, found, linked, better, worse, draws)
    told = abs(d) > max(Z * math.sqrt(v), _EQUAL)
    more = 0 if told else _more_votes(abs(d), v, alone)
    return Difference(d * POINTS, math.sqrt(v) * POINTS, told=told, more_votes=more)


def _variances(
    pairs: Pairs, found: Fit, linked: Connections, better: int, worse: int, draws: Mapping[str, Floats]
) -> tuple[float, float]:
    """The largest variance of the difference, and that of votes that are independent of each other."""
    tied = only_ties(pairs, linked)[[better, worse]].any()
    table = found.curvature if tied else found.sandwich
    v = float(table[better, better] + table[worse, worse] - 2 * table[better, worse])
    return max(v, *(float(np.var(theta[:, better] - theta[:, worse])) for theta in draws.values()), 0.0), v


def _more_votes(d: float, v: float, alone: float) -> int | None:
    if d < _EQUAL or alone <= 0:
        return None
    p = 1 / (1 + math.exp(-d))
    told = p * (1 - p) * min(1.0, alone / v)
    votes = (((Z + _POWER) / d) ** 2 - 1 / v) / told
    return max(1, math.ceil(votes)) if votes < _MOST_VOTES else None

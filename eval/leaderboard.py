"""What may be concluded from ratings: ranks, tiers, and how many more votes would tell two models apart.

    rank     1 + the number of models of the group whose whole interval lies above, so that models share a rank as long
             as their intervals overlap (Chiang et al. 2024, Chatbot Arena, section 5, there with intervals that hold
             for all models at once); groups are ranked apart. Models that the votes split are
             held apart also where the one beat the other in six independent judgements (`eval.units`) or more and never
             else: chance 0.5^6 < 2.5 %.
    tier     by the half width of the interval: provisional over ±60 points, established under ±30, usable between; and
             by votes: provisional under 100, established from 500. From 100 to 200 votes a rating begins to be
             usable. The tier is the lower of both.
    told     whether 0 lies outside the interval of the difference of two models. Intervals of two models may overlap
             although it does (Schenker, Gentleman 2001): so two models can share a rank and yet be told apart.
    votes    battles of the two that would make it 80 % sure that a difference as large as the estimated one is told
             (`eval.votes_needed`)

Limits: intervals are of 95 % each, not of all models at once, and differences are compared one by one: among many
equal models some will look different.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eval.battles import Floats, Ints
from eval.bradley_terry import POINTS, Fit, Pairs
from eval.connections import Connections
from eval.rating_intervals import TAIL, Intervals, Z, only_ties
from eval.votes_needed import EQUAL, spread, votes_needed

TIERS = ("provisional", "usable", "established")
HALF_WIDTHS = (60.0, 30.0)
"""Points: usable from the first, established under the second."""
VOTES = (100, 500)
SWEEP = math.ceil(-math.log2(TAIL))
"""Independent judgements, all one way, whose chance is below TAIL if the two are alike: 6."""


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
    swept = (pairs.units() >= SWEEP) & (won > 0) & (won.T == 0)
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
    ties = bool(only_ties(pairs, linked)[[better, worse]].any())
    known = spread(found, better, worse, draws, ties=ties)
    told = abs(d) > max(Z * math.sqrt(known.largest), EQUAL)
    more = 0 if told else votes_needed(pairs, found, better, worse, known)
    return Difference(d * POINTS, math.sqrt(known.largest) * POINTS, told=told, more_votes=more)

"""The ratings of all models of a set of battles, with everything that is said of them: `footnote eval elo` prints it.

Elo is a tally that depends on the order (`eval.elo`). The record is Bradley and Terry's model (`eval.bradley_terry`),
with intervals (`eval.rating_intervals`), ranks and tiers (`eval.leaderboard`), and the effects of side and length
(`eval.effects`). All is a function of the votes and the settings: the same again, to the last digit.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from assistant.errors import InputError
from eval.battles import Battles, Floats, Ints
from eval.bradley_terry import RIDGE, Fit, Pairs, fit, pairs_of
from eval.connections import Connections, connections
from eval.effects import Effects, effects
from eval.elo import INITIAL, SHUFFLES, K, check, elo, order_spread
from eval.rating_intervals import Intervals, intervals
from eval.resampling import ROUNDS, resampled

TIES = ("half", "davidson")
_MOST_ROUNDS = 100_000


@dataclass(frozen=True, slots=True)
class Settings:
    """How to rate. Raises InputError on values out of range."""

    initial: float = INITIAL
    """Elo: the rating that all start from."""
    k: float = K
    """Elo: the most that one battle moves a rating."""
    shuffles: int = SHUFFLES
    """Elo: orders tried, to show how much depends on it."""
    ties: str = "half"
    """Bradley and Terry: ties as half a win for each, or Davidson's model."""
    ridge: float = RIDGE
    """Bradley and Terry: the weight λ that keeps ratings finite."""
    rounds: int = ROUNDS
    """Rounds of each bootstrap."""
    seed: int = 1
    """Draws the resamples and the orders."""

    def __post_init__(self) -> None:
        check(self.initial, self.k)
        if self.ties not in TIES:
            raise InputError(f"--ties is {self.ties!r}; it must be one of {', '.join(TIES)}")
        if not 2 <= self.rounds <= _MOST_ROUNDS:
            raise InputError(f"--rounds is {self.rounds}; it must be from 2 to {_MOST_ROUNDS:,}")
        if not 1 <= self.shuffles <= _MOST_ROUNDS:
            raise InputError(f"--shuffles is {self.shuffles}; it must be from 1 to {_MOST_ROUNDS:,}")
        if self.seed < 0:
            raise InputError(f"--seed is {self.seed}; it must be from 0")
        if not (math.isfinite(self.ridge) and self.ridge > 0):
            raise InputError(f"the ridge is {self.ridge:g}; it must be a number above 0")


@dataclass(frozen=True, slots=True, eq=False)
class Ratings:
    """All results; arrays have a row, or a column, for each of `battles.names`.

    `clusters` holds how many votes, prompts and raters there are; `draws` θ of each round of the bootstraps by them,
    of which there are none where there is only one to draw.
    """

    battles: Battles
    settings: Settings
    elo: Floats
    orders: Floats
    pairs: Pairs
    fit: Fit
    linked: Connections
    clusters: dict[str, int]
    draws: dict[str, Floats]
    intervals: Intervals
    effects: Effects

    def order(self) -> Ints:
        """The models group by group, the best first."""
        return np.lexsort((-self.fit.theta, self.linked.group))


def rate(battles: Battles, settings: Settings, progress: Callable[[float], None] = lambda _: None) -> Ratings:
    """Rate the models; `progress` is called with the share done of each step, several times from 0 to 1."""
    pairs = pairs_of(battles)
    linked = connections(pairs.won())
    found = fit(pairs, davidson=settings.ties == "davidson", ridge=settings.ridge)
    groupings: dict[str, Ints | None] = {"vote": None, **battles.groupings}
    clusters = {way: len(battles.score) if of is None else int(of.max()) + 1 for way, of in groupings.items()}
    draws = {way: _draws(pairs, found, of, settings, progress) for way, of in groupings.items() if clusters[way] > 1}
    return Ratings(
        battles=battles,
        settings=settings,
        elo=elo(battles, settings.initial, settings.k),
        orders=order_spread(battles, settings.initial, settings.k, settings.shuffles, settings.seed, progress),
        pairs=pairs,
        fit=found,
        linked=linked,
        clusters=clusters,
        draws=draws,
        intervals=intervals(pairs, found, linked, draws),
        effects=effects(battles),
    )


def _draws(
    pairs: Pairs, found: Fit, groups: Ints | None, settings: Settings, progress: Callable[[float], None]
) -> Floats:
    davidson = found.log_nu is not None
    start = found.theta if found.log_nu is None else np.append(found.theta, found.log_nu)
    return resampled(
        pairs,
        groups,
        settings.rounds,
        settings.seed,
        davidson=davidson,
        ridge=settings.ridge,
        start=start,
        progress=progress,
    )

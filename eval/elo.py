"""Elo ratings: the running tally of a game, kept after every battle.

    expected score    E = 1 / (1 + 10^((R_other − R) / 400))
    after a battle    R ← R + k (S − E),   S = 1 won, ½ tie, 0 lost

(Elo 1978, The Rating of Chessplayers, Past and Present, chapters 1 and 8; in the logistic form that chess uses today.)
What one side wins the other loses, so the sum stays. k is how far one battle can move a rating: 32 is quick, 4 steady.

Limits: the ratings depend on the order of the battles, and later ones count for more. Models do not learn from battles,
so this is noise; `order_spread` shows how much of it. The record is Bradley and Terry's model, `eval.bradley_terry`.
"""

import math
from collections.abc import Callable

import numpy as np

from assistant.errors import InputError
from eval.battles import Battles, Floats

SCALE = 400.0
"""Points by which the better one wins ten times as often as it loses."""
INITIAL = 1500.0
K = 32.0
SHUFFLES = 100
_MOST_INITIAL = 100_000.0
_MOST_CELLS = 20_000_000
"""Votes of all shuffles that are held in memory at once."""


def expected(rating: float, other: float) -> float:
    """The score that `rating` is expected to take from `other`, from 0 to 1."""
    return 1 / (1 + math.pow(10, (other - rating) / SCALE))


def updated(left: float, right: float, score: float, k: float = K) -> tuple[float, float]:
    """Both ratings after a battle in which the left side took `score`: 1, 0.5 or 0."""
    gained = k * (score - expected(left, right))
    return left + gained, right - gained


def elo(battles: Battles, initial: float = INITIAL, k: float = K) -> Floats:
    """The rating of each model after all battles, in the order of the file. Raises InputError on bad settings."""
    check(initial, k)
    ratings = [initial] * len(battles.names)
    votes = zip(battles.left.tolist(), battles.right.tolist(), battles.score.tolist(), strict=True)
    for left, right, score in votes:
        ratings[left], ratings[right] = updated(ratings[left], ratings[right], score, k)
    return np.array(ratings)


def order_spread(
    battles: Battles,
    initial: float = INITIAL,
    k: float = K,
    shuffles: int = SHUFFLES,
    seed: int = 1,
    progress: Callable[[float], None] = lambda _: None,
) -> Floats:
    """The final ratings of the same battles in seeded orders, of shape (shuffles, models).

    Fewer shuffles are made, at least one, where all of them would hold more than twenty million votes.
    """
    check(initial, k)
    votes = len(battles.score)
    shuffles = max(1, min(shuffles, _MOST_CELLS // votes))
    rng = np.random.default_rng(seed)
    orders = np.array([rng.permutation(votes).astype(np.int32) for _ in range(shuffles)]).T
    ratings = np.full(shuffles * len(battles.names), initial)
    begin = np.arange(shuffles) * len(battles.names)
    for number, order in enumerate(orders):
        if number % 10_000 == 0:
            progress(number / votes)
        left, right = begin + battles.left[order], begin + battles.right[order]
        gained = k * (battles.score[order] - 1 / (1 + 10.0 ** ((ratings[right] - ratings[left]) / SCALE)))
        ratings[left] += gained
        ratings[right] -= gained
    progress(1)
    return ratings.reshape(shuffles, -1)


def check(initial: float, k: float) -> None:
    """Raises InputError where a setting is out of range."""
    if not math.isfinite(initial) or abs(initial) > _MOST_INITIAL:
        raise InputError(f"--initial is {initial:g}; it must be a number within ±{_MOST_INITIAL:,.0f}")
    if not 0 < k <= SCALE:
        raise InputError(f"--k is {k:g}; it must be above 0 and at most {SCALE:g}; usual are 4 (steady) to 32 (quick)")

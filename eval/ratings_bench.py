"""`footnote bench ratings`: how long ratings with intervals take, on made-up votes."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from eval.battles import Battles
from eval.bradley_terry import fit, pairs_of
from eval.elo import elo, order_spread
from eval.ratings import Settings, rate
from eval.resampling import resampled

_STRENGTH = 0.6
"""Standard deviation of the made-up models in log odds, about 100 points."""
_TIES = 0.2
_PROMPTS, _RATERS = 500, 30


@dataclass(frozen=True, slots=True)
class RatingSpeed:
    """One part of the work."""

    name: str
    case: str
    elapsed_s: float


def made_up(votes: int, models: int, seed: int = 1) -> Battles:
    """Votes between models of random strength, a fifth of them ties, on 500 prompts and of 30 raters."""
    rng = np.random.default_rng(seed)
    strength = rng.normal(0, _STRENGTH, models)
    left = rng.integers(models, size=votes)
    right = (left + rng.integers(1, models, size=votes)) % models
    won = rng.random(votes) < 1 / (1 + np.exp(strength[right] - strength[left]))
    score = np.where(rng.random(votes) < _TIES, 0.5, won)
    groupings = {"prompt": rng.integers(_PROMPTS, size=votes), "rater": rng.integers(_RATERS, size=votes)}
    # Only the groups that came up, numbered from 0.
    groupings = {name: np.unique(group, return_inverse=True)[1] for name, group in groupings.items()}
    return Battles(tuple(f"model-{number}" for number in range(models)), left, right, score, groupings)


def measure(votes: int, models: int, rounds: int) -> Iterator[RatingSpeed]:
    """Seconds of the parts, then of all together, with bootstraps by vote, by prompt and by rater."""
    battles = made_up(votes, models)
    pairs = pairs_of(battles)
    fitted = fit(pairs)
    parts: dict[str, Callable[[], object]] = {
        "elo": lambda: elo(battles),
        "elo in shuffled orders": lambda: order_spread(battles),
        "bradley-terry": lambda: fit(pairs),
        "bootstrap by vote": lambda: resampled(pairs, None, rounds, 1, start=fitted.theta),
        "all of eval elo": lambda: rate(battles, Settings(rounds=rounds)),
    }
    for name, work in parts.items():
        start = time.perf_counter()
        work()
        elapsed = time.perf_counter() - start
        yield RatingSpeed(name, f"{votes:,} votes, {models} models, {rounds:,} rounds", round(elapsed, 3))

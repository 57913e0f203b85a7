"""The bootstrap of ratings: the same fit on votes drawn anew, with replacement (Efron, Tibshirani 1993, chapter 13).

By vote, as if votes were independent; by prompt and by rater, whole groups of votes are drawn together, since what is
alike in them varies together (Davison, Hinkley 1997, 3.8; Field, Welsh 2007): then the interval also speaks of other
prompts, or other raters. Votes are added up to counts of each pair's outcomes, and many rounds are fitted at once.

Limits: percentiles are too narrow for a dozen groups or fewer, and raters and prompts are not drawn both at once.
"""

from collections.abc import Callable, Iterator

import numpy as np
from scipy.sparse import csr_array

from eval.battles import Floats, Ints
from eval.bradley_terry import RIDGE, Pairs, solve

ROUNDS = 1_000
_MANY = 10
"""Votes for each kind of outcome from which on the kinds are drawn, not the votes."""
_MOST_CELLS = 500_000
"""Numbers in the largest table of a block of rounds, few enough for the processor's cache."""


def resampled(
    pairs: Pairs,
    groups: Ints | None,
    rounds: int,
    seed: int,
    *,
    davidson: bool = False,
    ridge: float = RIDGE,
    start: Floats | None = None,
    progress: Callable[[float], None] = lambda _: None,
) -> Floats:
    """θ of each round in log odds, of shape (rounds, models); `groups` numbers the votes' groups, or is None."""
    found = np.empty((rounds, pairs.models))
    done = 0
    for counts in _drawn(pairs, groups, rounds, np.random.default_rng(seed)):
        fitted = solve(pairs, counts, davidson=davidson, ridge=ridge, start=start)
        found[done : done + len(counts)] = fitted[:, : pairs.models]
        done += len(counts)
        progress(done / rounds)
    return found


def _drawn(pairs: Pairs, groups: Ints | None, rounds: int, rng: np.random.Generator) -> Iterator[Floats]:
    """Counts of resampled votes in blocks, each of shape (sets, pairs, 3)."""
    cells = 3 * len(pairs.first)
    block = max(1, _MOST_CELLS // max(cells, pairs.models**2))
    table = None if groups is None else _table(pairs, groups)
    for begin in range(0, rounds, block):
        size = min(block, rounds - begin)
        counts = _by_vote(pairs, size, rng) if table is None else _by_group(table, size, rng)
        yield counts.reshape(size, -1, 3)


def _by_vote(pairs: Pairs, size: int, rng: np.random.Generator) -> Floats:
    votes, kinds = len(pairs.outcome), 3 * len(pairs.first)
    if votes > _MANY * kinds:  # one draw for each kind of outcome, the same distribution, is faster
        return rng.multinomial(votes, pairs.counts().ravel() / votes, size=size).astype(float)
    drawn = (pairs.outcome[rng.integers(votes, size=votes)] for _ in range(size))
    return np.array([np.bincount(outcomes, minlength=kinds) for outcomes in drawn], dtype=float)


def _by_group(table: csr_array, size: int, rng: np.random.Generator) -> Floats:
    groups = table.shape[0]
    times = (np.bincount(rng.integers(groups, size=groups), minlength=groups) for _ in range(size))
    return np.array([table.T @ drawn for drawn in times], dtype=float)


def _table(pairs: Pairs, groups: Ints) -> csr_array:
    """How often each outcome stands in each group, of shape (groups, 3 pairs)."""
    shape = int(groups.max()) + 1, 3 * len(pairs.first)
    return csr_array((np.ones(len(groups)), (groups, pairs.outcome)), shape=shape)

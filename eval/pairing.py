"""Which two contestants meet next: the pair whose vote would tell most, and now and then any pair.

    P(pair) = ε / pairs + (1 − ε) w(pair) / Σ w         ε is the session's `uniform`
    w(pair) = √(v / (n + 1)) − √(v / (n + 2))           n votes on the pair so far, v = p (1 − p),
                                                        p the chance by Bradley and Terry's model of all votes

w is by how much one more vote narrows the interval of the pair's win rate (Chiang et al. 2024, Chatbot Arena,
arXiv 2403.04132, section 5, equation 9), with v from the model, so that a pair that never met is judged by what
the others say of the two. The share ε keeps every pair possible, so that votes can be weighed by their probability.

Every draw is a function of the session's seed, the rater and the number of their battle, and of the votes until then.
"""

import hashlib
import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from eval.battles import Battles
from eval.bradley_terry import fit, pairs_of

Pair = tuple[int, int]
"""Two contestants by number, the smaller first."""


@dataclass(frozen=True, slots=True)
class Draw:
    """A battle: `left` and `right` are contestants, `probability` is that of their pair."""

    prompt: int
    left: int
    right: int
    probability: float


def rng_of(*parts: object) -> random.Random:
    """A generator that depends on `parts` alone, on every machine the same."""
    return random.Random(hashlib.sha256("\n".join(map(str, parts)).encode()).digest())


def draw(
    contestants: int,
    prompts: int,
    shown: Collection[tuple[int, int]],
    votes: Mapping[Pair, Sequence[float]],
    uniform: float,
    rng: random.Random,
) -> Draw | None:
    """The next battle of a rater, None where they have seen all.

    `shown` are the answers that they were shown, as contestant and prompt; `votes` the scores of the first of each
    pair, 1, ½ or 0. An answer is shown to a rater once: after a vote its name was told, so that it is blind no more.
    """
    seen = set(shown)
    fresh = {
        pair: [prompt for prompt in range(prompts) if not {(pair[0], prompt), (pair[1], prompt)} & seen]
        for pair in combinations(range(contestants), 2)
    }
    possible = [pair for pair, left in fresh.items() if left]
    if not possible:
        return None
    chances = probabilities(possible, contestants, votes, uniform)
    pair, probability = rng.choices(list(zip(possible, chances, strict=True)), weights=chances)[0]
    left, right = pair if rng.random() < 0.5 else pair[::-1]
    return Draw(rng.choice(fresh[pair]), left, right, min(probability, 1.0))


def probabilities(
    possible: Sequence[Pair], contestants: int, votes: Mapping[Pair, Sequence[float]], uniform: float
) -> list[float]:
    """The probability of each pair; they sum to 1."""
    theta = _strengths(contestants, votes)
    weights = np.array([_gain(theta[i] - theta[j], len(votes.get((i, j), ()))) for i, j in possible])
    return [float(p) for p in uniform / len(possible) + (1 - uniform) * weights / weights.sum()]


def _gain(d: float, votes: int) -> float:
    p = 1 / (1 + np.exp(-d))
    v = p * (1 - p)
    return float(np.sqrt(v / (votes + 1)) - np.sqrt(v / (votes + 2)))


def _strengths(contestants: int, votes: Mapping[Pair, Sequence[float]]) -> list[float]:
    """Log odds by Bradley and Terry's model; 0 for who has no vote yet."""
    rows = [(i, j, score) for (i, j), scores in sorted(votes.items()) for score in scores]
    if not rows:
        return [0.0] * contestants
    met = sorted({side for i, j, _ in rows for side in (i, j)})
    place = {contestant: at for at, contestant in enumerate(met)}
    left = np.array([place[i] for i, _, _ in rows], np.intp)
    right = np.array([place[j] for _, j, _ in rows], np.intp)
    scores = np.array([score for _, _, score in rows], float)
    found = fit(pairs_of(Battles(tuple(map(str, met)), left, right, scores, {})))
    return [float(found.theta[place[each]]) if each in place else 0.0 for each in range(contestants)]

"""Votes that the tests of ratings share."""

import numpy as np
import pytest

from eval.battles import Battles


@pytest.fixture(scope="session")
def battles():
    """Makes Battles of (left, right, left's score); models are numbered by their names' order."""

    def made(votes, lengths=None, **groupings):
        names = tuple(sorted({name for vote in votes for name in vote[:2]}))
        left, right = (np.array([names.index(vote[side]) for vote in votes]) for side in (0, 1))
        groups = {name: np.array(group) for name, group in groupings.items()}
        lengths = None if lengths is None else np.array(lengths, float)
        return Battles(names, left, right, np.array([vote[2] for vote in votes], float), groups, lengths)

    return made


@pytest.fixture(scope="session")
def connected():
    """Makes votes among the first letters, A the strongest, in which all beat each other so that fits are finite."""

    def made(seed, votes=300, models=5, ties=0.2):
        rng = np.random.default_rng(seed)
        names = "ABCDEFGH"[:models]
        found = [(a, b, 1.0) for a in names for b in names if a != b]
        for _ in range(votes):
            a, b = rng.choice(models, 2, replace=False)
            won = rng.random() < 1 / (1 + np.exp((a - b) * 0.4))
            found.append((names[a], names[b], 0.5 if rng.random() < ties else float(won)))
        return found

    return made

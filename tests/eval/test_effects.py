"""Effects of side and length: found where they were put in, absent where they were not, None where nothing can tell."""

import numpy as np
import pytest

from eval.bradley_terry import POINTS
from eval.effects import effects

STRENGTH = {"A": 0.6, "B": 0.0, "C": -0.6}


@pytest.fixture
def drawn(battles):
    """Battles in which standing left and being longer were worth so many points."""

    def made(position, length, votes=6000, seed=1):
        rng = np.random.default_rng(seed)
        found, lengths = [], []
        for _ in range(votes):
            left, right = rng.choice(list("ABC"), 2, replace=False)
            sizes = 2.0 ** rng.integers(3, 8, size=2) - 1
            odds = STRENGTH[left] - STRENGTH[right]
            odds += (position + length * np.log2((sizes[0] + 1) / (sizes[1] + 1))) / POINTS
            found.append((str(left), str(right), float(rng.random() < 1 / (1 + np.exp(-odds)))))
            lengths.append(sizes)
        return battles(found, lengths=lengths)

    return made


def test_effects_are_found_where_they_are(drawn):
    found = effects(drawn(position=50, length=30))
    for name, truth in (("position", 50), ("length", 30)):
        effect = found.found[name]
        assert abs(effect.points - truth) < 3 * effect.se
        assert 0 < effect.ci[0] < effect.points < effect.ci[1]
        assert effect.se < 6
    np.testing.assert_allclose(found.adjusted, 1500 + POINTS * np.array([0.6, 0, -0.6]), atol=20)


def test_effects_are_not_found_where_they_are_not(drawn):
    for effect in effects(drawn(position=0, length=0, seed=5)).found.values():
        assert effect.ci[0] < 0 < effect.ci[1]


def test_the_position_alone_has_a_closed_form(battles):
    """Two equal models in both orders: the left won 30 of 40, log odds ln 3."""
    votes = [("A", "B", 1), ("B", "A", 1)] * 15 + [("A", "B", 0), ("B", "A", 0)] * 5
    found = effects(battles(votes)).found
    assert set(found) == {"position"}
    assert found["position"].points == pytest.approx(POINTS * np.log(3), rel=1e-3)
    assert found["position"].se == pytest.approx(POINTS * np.sqrt(1 / 30 + 1 / 10), rel=1e-3)


@pytest.mark.parametrize(
    "votes",
    [
        [("A", "B", 1)] * 30 + [("A", "B", 0)] * 20,  # A always stood left
        [("A", "B", 1), ("B", "A", 1)] * 30,  # the left always won
        [("A", "B", 1)],
    ],
)
def test_what_cannot_be_told_is_none(battles, votes):
    found = effects(battles(votes))
    assert found.found == {"position": None}
    assert found.adjusted is None


def test_equal_lengths_tell_nothing_of_length(battles):
    votes = [("A", "B", 1), ("B", "A", 0), ("A", "B", 0), ("B", "A", 1)] * 10
    found = effects(battles(votes, lengths=[(7, 7)] * 40))
    assert found.found["length"] is None
    assert found.found["position"] is not None

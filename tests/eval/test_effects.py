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
        [("A", "B", 1)] * 30,  # A always stood left, and won
        [("A", "B", 1)],
        [("A", "B", 1), ("C", "A", 1), ("C", "B", 1)],  # the left always won, but so did the better one
        [("A", "B", 0.5)] * 3,
        [("A", "B", 0.5), ("B", "A", 0.5)] * 30,
        [("A", "B", 0.5), ("B", "A", 0.5), ("A", "C", 1), ("C", "A", 0)],  # all that is not certain are ties
    ],
)
def test_what_cannot_be_told_is_none(battles, votes):
    found = effects(battles(votes))
    assert found.found == {"position": None}
    assert found.adjusted is None


def limit(count):
    """The log odds with which so many would all go one way with a chance of 2.5 %, in points."""
    chance = 0.025 ** (1 / count)
    return POINTS * np.log(chance / (1 - chance))


@pytest.mark.parametrize(("times", "raters", "expected"), [(15, None, 30), (15, 10, 10), (3, 6, 6), (1, None, 2)])
def test_a_side_that_won_every_battle_has_one_limit(battles, times, raters, expected):
    groups = {} if raters is None else {"rater": [n % raters for n in range(2 * times)]}
    for score, always, ends in ((1, "left", (limit(expected), None)), (0, "right", (None, -limit(expected)))):
        found = effects(battles([("A", "B", score), ("B", "A", score)] * times, **groups))
        effect = found.found["position"]
        assert (found.always, found.adjusted, effect.points, effect.se) == (always, None, None, None)
        assert effect.ci == pytest.approx(ends, abs=0.1)


def test_the_limit_allows_for_what_ratings_could_explain(battles):
    """A stood left 29 times of 30: had the sides no effect, such a sweep has a chance of 29^29 / 30^30 at most."""
    lopsided = effects(battles([("A", "B", 1)] * 29 + [("B", "A", 1)])).found["position"].ci[0]
    assert 0 < lopsided < limit(30) / 4
    beside = [("A", "B", 1), ("B", "A", 1)] * 15 + [("A", "C", 1)] * 300  # C might lose to all
    assert effects(battles(beside)).found["position"].ci == pytest.approx((limit(30), None), abs=0.1)


def test_five_models_on_both_sides(battles):
    rng = np.random.default_rng(2)
    pairs = [rng.choice(list("ABCDE"), 2, replace=False) for _ in range(500)]
    votes = [(str(left), str(right), 1) for left, right in pairs]
    found = effects(battles(votes, rater=[n % 20 for n in range(500)]))
    assert 0.9 * limit(20) < found.found["position"].ci[0] <= limit(20) + 0.1


def test_a_longer_answer_may_explain_what_the_side_does(battles):
    votes = [("A", "B", 1), ("B", "A", 1)] * 15
    longer = effects(battles(votes, lengths=[(20, 10)] * 30))
    assert longer.found == {"position": None, "length": None}
    mixed = effects(battles(votes, lengths=[(20, 10), (20, 10), (10, 20), (10, 20)] * 7 + [(9, 9)] * 2))
    assert mixed.found["length"] is None
    assert mixed.found["position"].ci == pytest.approx((limit(30), None), abs=0.1)


def test_few_decided_votes_among_ties_keep_their_interval(battles):
    votes = [("A", "B", 0.5), ("B", "A", 0.5)] * 100 + [("A", "B", 1), ("B", "A", 0), ("A", "B", 0), ("B", "A", 1)]
    low, high = effects(battles(votes)).found["position"].ci
    assert low < -1 < 1 < high


def test_equal_lengths_tell_nothing_of_length(battles):
    votes = [("A", "B", 1), ("B", "A", 0), ("A", "B", 0), ("B", "A", 1)] * 10
    found = effects(battles(votes, lengths=[(7, 7)] * 40))
    assert found.found["length"] is None
    assert found.found["position"] is not None

"""Intervals hold what they promise, and say open where the votes put no limit."""

import numpy as np
import pytest
from scipy.stats import binom

from eval.bradley_terry import POINTS, fit, pairs_of
from eval.connections import connections
from eval.rating_intervals import intervals
from eval.resampling import resampled


def found_of(battles, votes, rounds=0):
    pairs = pairs_of(battles(votes))
    fitted, linked = fit(pairs), connections(pairs.won())
    draws = {"vote": resampled(pairs, None, rounds, 1, start=fitted.theta)} if rounds else {}
    return intervals(pairs, fitted, linked, draws)


def both_ways(a, b, times=20):
    return [(a, b, 1)] * times + [(a, b, 0)] * times


def test_sandwich_and_bootstrap_agree_on_many_votes(battles, connected):
    found = found_of(battles, connected(seed=6, votes=2000), rounds=1000)
    np.testing.assert_allclose(found.ratings.mean(), 1500)
    np.testing.assert_allclose(found.ci.mean(axis=1), found.ratings)
    np.testing.assert_allclose(found.ci[:, 1] - found.ratings, 1.959964 * found.se, rtol=1e-6)
    np.testing.assert_allclose(found.bootstrap["vote"], found.ci, atol=4)
    assert (found.widest[:, 0] <= found.ci[:, 0]).all()
    assert (found.widest[:, 1] >= found.bootstrap["vote"][:, 1]).all()


def test_intervals_cover_the_truth(battles):
    """Of 400 made-up experiments about 95 % of the intervals hold the true rating, ties or no ties."""
    rng = np.random.default_rng(8)
    truth = np.array([0.5, 0.2, 0.0, -0.7])
    covered = []
    for _ in range(400):
        left = rng.integers(4, size=200)
        right = (left + rng.integers(1, 4, size=200)) % 4
        won = rng.random(200) < 1 / (1 + np.exp(truth[right] - truth[left]))
        votes = [("ABCD"[a], "ABCD"[b], float(w)) for a, b, w in zip(left, right, won, strict=True)]
        found = found_of(battles, votes)
        covered.append(np.abs(found.ratings - 1500 - POINTS * truth) < 1.959964 * found.se)
    low, high = binom.ppf((1e-6, 1 - 1e-6), 1600, 0.95) / 1600
    assert low <= np.mean(covered) <= high


def test_what_a_class_won_from_others_does_not_make_its_ties_certain(battles):
    """All that is known of A against B is three ties, however often both beat C."""
    ties = [("A", "B", 0.5)] * 3
    alone = found_of(battles, ties)
    found = found_of(battles, ties + [(name, "C", 1.0) for name in "AB" for _ in range(300)], rounds=100)
    np.testing.assert_allclose(np.diff(found.widest[:2]), np.diff(alone.ci), rtol=0.01)
    assert (np.diff(found.widest[:2]) > 300).all()


def test_only_ties_give_no_false_certainty(battles):
    found = found_of(battles, [("A", "B", 0.5)] * 3, rounds=100)
    np.testing.assert_allclose(found.ratings, 1500)
    # Half of the standard error of the log odds of three even votes, √(4/3).
    np.testing.assert_allclose(found.se, POINTS * np.sqrt(4 / 3) / 2, rtol=0.01)


def test_a_model_that_won_all_has_a_lower_limit_only(battles):
    votes = both_ways("B", "C") + [("A", "B", 1)] * 10 + [("A", "C", 1)] * 10
    found = found_of(battles, votes, rounds=200)
    a, b, c = range(3)
    assert np.isnan(found.se[a])
    assert np.isnan(found.bootstrap["vote"][a]).all()
    assert found.ci[a, 1] == np.inf
    # Twenty wins over two models of one rating: the chance of each is the 20th root of 2.5 %.
    chance = 0.025 ** (1 / 20)
    assert found.ci[a, 0] - found.ratings[b] == pytest.approx(POINTS * np.log(chance / (1 - chance)))
    # The others know their difference as if A were not there.
    alone = found_of(battles, both_ways("B", "C"))
    np.testing.assert_allclose(found.se[[b, c]], alone.se, rtol=1e-3)


def test_a_model_that_lost_all_has_an_upper_limit_only(battles):
    found = found_of(battles, both_ways("A", "B") + [("A", "C", 1)] * 4)
    assert found.ci[2, 0] == -np.inf
    assert np.isfinite(found.ci[2, 1])


def test_a_class_that_beat_another_in_all_battles_is_open_above(battles):
    votes = both_ways("A", "B") + both_ways("C", "D") + both_ways("D", "E") + [("A", "C", 1)]
    found = found_of(battles, votes)
    assert np.isnan(found.se[:2]).all()
    assert (found.ci[:2, 1] == np.inf).all()
    assert np.isfinite(found.inner[:2]).all()
    assert np.isfinite(found.ci[2:]).all()


def test_groups_and_classes():
    won = np.zeros((6, 6))
    won[0, 1] = won[1, 0] = 0.5  # a tie
    won[2, 0] = 1
    won[3, 4] = won[4, 5] = won[5, 3] = 1  # a circle
    linked = connections(won)
    assert linked.group.tolist() == [0, 0, 0, 1, 1, 1]
    assert linked.strong[0] == linked.strong[1] != linked.strong[2]
    assert linked.strong[3] == linked.strong[4] == linked.strong[5]
    assert linked.anchor.tolist() == [True, True, False, True, True, True]
    assert linked.groups == 2

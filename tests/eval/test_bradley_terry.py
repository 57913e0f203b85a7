"""Bradley and Terry's model: closed forms, evalica and a general optimiser as second implementations, properties."""

import evalica
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from eval.bradley_terry import POINTS, fit, pairs_of, solve
from eval.resampling import resampled

WINNER = {1.0: evalica.Winner.X, 0.5: evalica.Winner.Draw, 0.0: evalica.Winner.Y}
VOTE = st.tuples(st.sampled_from("ABCDEF"), st.sampled_from("ABCDEF"), st.sampled_from((0.0, 0.5, 1.0)))
VOTES = st.lists(VOTE.filter(lambda vote: vote[0] != vote[1]), min_size=1, max_size=40)


def ratings(battles, votes, **settings):
    return POINTS * fit(pairs_of(battles(votes)), **settings).theta


def test_two_models_have_a_closed_form(battles):
    votes = [("A", "B", 1)] * 30 + [("B", "A", 1)] * 10
    found = fit(pairs_of(battles(votes)), ridge=1e-9)
    assert found.theta[0] - found.theta[1] == pytest.approx(np.log(3))
    difference = np.array([1, -1])
    # Var(log odds) = 1/30 + 1/10; without ties the model's own variance and the sandwich are one.
    assert difference @ found.sandwich @ difference == pytest.approx(1 / 30 + 1 / 10)
    assert difference @ found.curvature @ difference == pytest.approx(1 / 30 + 1 / 10)


def test_ties_make_the_sandwich_narrower_than_the_curvature(battles):
    votes = [("A", "B", 1)] * 10 + [("A", "B", 0)] * 10 + [("A", "B", 0.5)] * 60
    found = fit(pairs_of(battles(votes)))
    difference = np.array([1, -1])
    assert difference @ found.curvature @ difference == pytest.approx(1 / (80 / 4), rel=1e-3)
    # The variance of the mean score, 20 · ¼ / 80², by the slope of the score in the log odds, ¼.
    assert difference @ found.sandwich @ difference == pytest.approx(20 / 4 / 80**2 * 16, rel=1e-3)


def test_evalica_agrees_with_ties_as_half(battles, connected):
    for seed in range(3):
        votes = connected(seed)
        left, right, scores = zip(*votes, strict=True)
        winners = [WINNER[score] for score in scores]
        other = evalica.bradley_terry(left, right, winners, tie_weight=0.5, tolerance=1e-12, limit=10_000).scores
        theta = np.log(other.sort_index())
        np.testing.assert_allclose(ratings(battles, votes, ridge=1e-12), POINTS * (theta - theta.mean()), atol=1e-4)
        np.testing.assert_allclose(ratings(battles, votes), POINTS * (theta - theta.mean()), atol=0.05)


def test_a_general_optimiser_agrees_with_davidson(battles, connected):
    votes = connected(seed=2, ties=0.3)
    pairs = pairs_of(battles(votes))
    names = sorted({vote[0] for vote in votes})

    def loss(x):
        nu, total = np.exp(x[-1]), 0.0
        for left, right, score in votes:
            a, b = np.exp(x[names.index(left)]), np.exp(x[names.index(right)])
            top = {1: a, 0: b, 0.5: nu * np.sqrt(a * b)}[score]
            total -= np.log(top / (a + b + nu * np.sqrt(a * b)))
        return total + 1e-3 / 2 * x @ x

    other = minimize(loss, np.zeros(6), method="BFGS", options={"gtol": 1e-6}).x
    found = fit(pairs, davidson=True)
    np.testing.assert_allclose(found.theta, other[:5] - other[:5].mean(), atol=1e-4)
    assert found.log_nu == pytest.approx(other[5], abs=1e-4)


def test_davidson_without_ties_is_the_plain_model(battles, connected):
    pairs = pairs_of(battles(connected(seed=5, ties=0)))
    plain, davidson = fit(pairs), fit(pairs, davidson=True)
    np.testing.assert_array_equal(plain.theta, davidson.theta)
    assert davidson.log_nu is None


def test_one_pair_of_two_models_by_davidson(battles):
    found = fit(pairs_of(battles([("A", "B", 1), ("A", "B", 0.5), ("A", "B", 0)])), davidson=True)
    np.testing.assert_allclose(found.theta, 0, atol=1e-9)
    assert found.log_nu == pytest.approx(0, abs=1e-6)  # win, tie and loss were equally frequent


@given(votes=VOTES)
def test_order_sides_and_names_do_not_matter_and_the_mean_is_zero(battles, votes):
    found = ratings(battles, votes)
    assert found.mean() == pytest.approx(0, abs=1e-6)
    np.testing.assert_allclose(ratings(battles, votes[::-1]), found, atol=1e-6)
    swapped = [(right, left, 1 - score) for left, right, score in votes]
    np.testing.assert_allclose(ratings(battles, swapped), found, atol=1e-6)
    other = dict(zip("ABCDEF", "FEDCBA", strict=True))
    renamed = [(other[left], other[right], score) for left, right, score in votes]
    np.testing.assert_allclose(ratings(battles, renamed)[::-1], found, atol=1e-6)


@given(votes=VOTES)
def test_one_more_win_never_lowers(battles, votes):
    left, right, _ = votes[0]
    place = battles(votes).names.index(left)
    assert ratings(battles, [*votes, (left, right, 1)])[place] > ratings(battles, votes)[place] - 1e-6


@given(votes=VOTES)
def test_the_slope_is_zero_at_the_fit(battles, votes):
    """At the maximum each model took as much as was expected of it, but for the ridge."""
    theta = ratings(battles, votes) / POINTS
    found = battles(votes)
    surplus = np.zeros(len(theta))
    for left, right, score in zip(found.left, found.right, found.score, strict=True):
        excess = score - 1 / (1 + np.exp(theta[right] - theta[left]))
        surplus[left] += excess
        surplus[right] -= excess
    np.testing.assert_allclose(surplus, 1e-3 * theta, atol=1e-5)


@pytest.mark.parametrize("davidson", [False, True])
def test_many_sets_at_once_are_fitted_as_each_alone(battles, connected, davidson):
    pairs = pairs_of(battles(connected(seed=7, votes=40)))
    rng = np.random.default_rng(1)
    counts = rng.poisson(1.0, (60, len(pairs.first), 3)).astype(float)
    alone = np.concatenate([solve(pairs, one[None], davidson=davidson) for one in counts])
    start = solve(pairs, counts.mean(axis=0)[None], davidson=davidson)[0]
    np.testing.assert_allclose(solve(pairs, counts, davidson=davidson), alone, atol=1e-5)
    np.testing.assert_allclose(solve(pairs, counts, davidson=davidson, start=start), alone, atol=1e-4)


def test_the_bootstrap_fits_votes_drawn_anew(battles, connected):
    votes = battles(connected(seed=4, votes=500))
    pairs = pairs_of(votes)
    found = fit(pairs)
    draws = resampled(pairs, None, 400, seed=1, start=found.theta)
    np.testing.assert_array_equal(draws, resampled(pairs, None, 400, seed=1, start=found.theta))
    np.testing.assert_allclose(draws.mean(axis=0), found.theta, atol=0.03)
    np.testing.assert_allclose(draws.var(axis=0), _centred_variance(found), rtol=0.25)


def test_many_votes_are_drawn_by_outcome_with_the_same_spread(battles):
    votes = battles([("A", "B", 1)] * 900 + [("A", "B", 0)] * 600)
    pairs = pairs_of(votes)
    draws = resampled(pairs, None, 1000, seed=2)
    assert (draws[:, 0] - draws[:, 1]).std() == pytest.approx(np.sqrt(1 / 900 + 1 / 600), rel=0.1)


def test_groups_are_drawn_whole(battles):
    """Ten raters who never waver carry the information of ten votes, however often they vote."""
    votes = [("A", "B", float(rater < 6)) for rater in range(10) for _ in range(50)]
    raters = np.array([rater for rater in range(10) for _ in range(50)])
    pairs = pairs_of(battles(votes))
    by_vote, by_rater = (_shares(resampled(pairs, groups, 4000, seed=1)) for groups in (None, raters))
    assert by_rater.std() / by_vote.std() == pytest.approx(np.sqrt(50), rel=0.1)
    np.testing.assert_allclose(by_rater * 10, np.round(by_rater * 10), atol=0.01)  # whole raters only


def _shares(draws):
    return 1 / (1 + np.exp(draws[:, 1] - draws[:, 0]))


def _centred_variance(found):
    centring = np.eye(len(found.theta)) - 1 / len(found.theta)
    return np.diag(centring @ found.sandwich @ centring)

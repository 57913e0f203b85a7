"""Elo: the worked example, evalica as second implementation, and what must hold of any battles."""

import evalica
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.errors import InputError
from eval.elo import elo, expected, order_spread, updated

EXAMPLE = [("A", "B", 1), ("C", "A", 1), ("C", "B", 1)]
WINNER = {1.0: evalica.Winner.X, 0.5: evalica.Winner.Draw, 0.0: evalica.Winner.Y}
VOTE = st.tuples(st.sampled_from("ABCDEF"), st.sampled_from("ABCDEF"), st.sampled_from((0.0, 0.5, 1.0)))
VOTES = st.lists(VOTE.filter(lambda vote: vote[0] != vote[1]), min_size=1, max_size=40)


def test_the_worked_example_rounded_at_each_step():
    ratings = dict.fromkeys("ABC", 1500)
    for left, right, score in EXAMPLE:
        ratings[left], ratings[right] = map(round, updated(ratings[left], ratings[right], score, k=32))
    assert ratings == {"A": 1499, "B": 1470, "C": 1531}


def test_the_worked_example_exactly(battles):
    ratings = elo(battles(EXAMPLE), initial=1500, k=32)
    np.testing.assert_allclose(ratings, [1499.2636932065, 1469.5031170912, 1531.2331897023], rtol=0, atol=1e-9)
    assert [round(rating) for rating in ratings] == [1499, 1470, 1531]


def test_expected_scores():
    assert expected(1500, 1500) == 0.5
    assert expected(1900, 1500) == pytest.approx(10 / 11)
    assert expected(1e6, -1e5) == 1


@pytest.mark.parametrize("k", [4, 32])
def test_evalica_agrees(battles, connected, k):
    votes = connected(seed=3)
    left, right, scores = zip(*votes, strict=True)
    other = evalica.elo(left, right, [WINNER[score] for score in scores], initial=1500, k=k).scores
    np.testing.assert_allclose(elo(battles(votes), k=k), other.sort_index(), atol=1e-9)


@given(votes=VOTES)
def test_the_sum_stays_and_sides_do_not_matter(battles, votes):
    found = elo(battles(votes))
    assert found.sum() == pytest.approx(1500 * len(found))
    swapped = [(right, left, 1 - score) for left, right, score in votes]
    np.testing.assert_allclose(elo(battles(swapped)), found, atol=1e-9)


@given(votes=VOTES)
def test_names_do_not_matter(battles, votes):
    other = dict(zip("ABCDEF", "FEDCBA", strict=True))
    renamed = [(other[left], other[right], score) for left, right, score in votes]
    np.testing.assert_allclose(elo(battles(renamed))[::-1], elo(battles(votes)), atol=1e-9)


@given(votes=VOTES)
def test_one_more_win_raises_the_winner_alone(battles, votes):
    left, right, _ = votes[0]
    before, after = battles(votes), battles([*votes, (left, right, 1)])
    gained = elo(after) - elo(before)
    place = before.names.index(left)
    assert gained[place] > 0
    assert gained[before.names.index(right)] == pytest.approx(-gained[place])
    assert np.count_nonzero(gained) == 2


def test_the_order_matters_and_the_spread_says_how_much(battles, connected):
    votes = battles(connected(seed=1))
    orders = order_spread(votes, shuffles=50, seed=4)
    assert orders.shape == (50, 5)
    assert (orders.std(axis=0) > 5).all()
    np.testing.assert_allclose(orders.sum(axis=1), 5 * 1500)
    np.testing.assert_array_equal(order_spread(votes, shuffles=50, seed=4), orders)
    assert (order_spread(votes, shuffles=50, seed=5) != orders).any()
    # A battle alone has one order, and both ways of computing give the same.
    one = battles(EXAMPLE[:1])
    np.testing.assert_allclose(order_spread(one, k=16, shuffles=3), [elo(one, k=16)] * 3)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"k": 0}, "--k is 0"),
        ({"k": float("nan")}, "--k is nan"),
        ({"k": 401}, "--k is 401"),
        ({"initial": float("inf")}, "--initial is inf"),
        ({"initial": 1e9}, "--initial is 1e"),
    ],
)
def test_settings_out_of_range(battles, settings, named):
    with pytest.raises(InputError, match=named):
        elo(battles(EXAMPLE), **settings)

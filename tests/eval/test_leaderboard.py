"""Ranks, tiers and numbers of votes, worked by hand."""

import numpy as np
import pytest

from eval.bradley_terry import POINTS, fit, pairs_of
from eval.connections import connections
from eval.leaderboard import above, compared, ranks, tier
from eval.rating_intervals import intervals


def ranked(battles, votes):
    pairs = pairs_of(battles(votes))
    fitted, linked = fit(pairs), connections(pairs.won())
    found = above(pairs, intervals(pairs, fitted, linked, {}), linked)
    return ranks(found).tolist()


def apart(battles, votes, draws=None, *, davidson=False):
    pairs = pairs_of(battles(votes))
    fitted, linked = fit(pairs, davidson=davidson), connections(pairs.won())
    sure = above(pairs, intervals(pairs, fitted, linked, {}), linked)
    return compared(pairs, fitted, linked, 0, 1, draws or {}, sure)


def test_models_share_a_rank_while_their_intervals_overlap(battles):
    def votes(times):
        won = [("A", "B", 1), ("B", "C", 1), ("A", "C", 1), ("A", "C", 1)] * 3
        return (won + [("B", "A", 1), ("C", "B", 1), ("C", "A", 1)] * 2) * times

    assert ranked(battles, votes(1)) == [1, 1, 1]
    assert ranked(battles, votes(60)) == [1, 2, 3]


def test_groups_are_ranked_apart(battles):
    strong = [("A", "B", 1)] * 300 + [("A", "B", 0)] * 100
    weak = [("C", "D", 1)] * 100 + [("C", "D", 0)] * 300
    assert ranked(battles, strong + weak) == [1, 2, 2, 1]


@pytest.mark.parametrize(("wins", "expected"), [(5, [1, 1]), (6, [1, 2])])
def test_two_models_that_one_side_swept(battles, wins, expected):
    assert ranked(battles, [("A", "B", 1)] * wins) == expected


def test_a_chain_of_single_battles_ranks_nobody(battles):
    assert ranked(battles, [("A", "B", 1), ("B", "C", 1), ("C", "D", 1), ("A", "D", 1)]) == [1, 1, 1, 1]


@pytest.mark.parametrize(("wins", "expected"), [(2, [1, 1, 1]), (30, [1, 2, 2])])
def test_an_undefeated_model_stands_first_after_enough_battles(battles, wins, expected):
    core = [("B", "C", 1), ("C", "B", 1)] * 40
    assert ranked(battles, core + [("A", "B", 1), ("A", "C", 1)] * wins) == expected


def test_classes_are_ranked_within(battles):
    core = [("C", "D", 1), ("D", "C", 1), ("D", "E", 1), ("E", "D", 1)] * 40
    upper = [("A", "B", 1)] * 90 + [("B", "A", 1)] * 10 + [("B", "C", 1)]
    assert ranked(battles, core + upper) == [1, 2, 1, 1, 1]


@pytest.mark.parametrize(
    ("width", "votes", "expected"),
    [
        (100, 1000, ("provisional", "provisional", "established", 1778)),
        (60.01, 600, ("provisional", "provisional", "established", 1)),
        (60, 99, ("provisional", "usable", "provisional", 1)),
        (60, 100, ("usable", "usable", "usable", 400)),
        (30, 500, ("usable", "usable", "established", 1)),
        (29.9, 500, ("established", "established", "established", 0)),
        (29.9, 499, ("usable", "established", "usable", 1)),
        (np.inf, 900, ("provisional", "provisional", "established", None)),
    ],
)
def test_tiers(width, votes, expected):
    found = tier(width, votes)
    assert (found.tier, found.by_interval, found.by_votes, found.votes_to_next) == expected


def test_votes_that_would_tell_two_models_apart(battles):
    found = apart(battles, [("A", "B", 1)] * 22 + [("A", "B", 0)] * 18)
    d, p, v = np.log(22 / 18), 22 / 40, 1 / 22 + 1 / 18
    assert found.difference == pytest.approx(POINTS * d, rel=1e-3)
    assert found.se == pytest.approx(POINTS * np.sqrt(v), rel=1e-3)
    assert not found.told
    # In all (2.8016 / d)² / (p (1 − p)) votes, 40 of which are there.
    assert found.more_votes == pytest.approx((2.801585 / d) ** 2 / (p * (1 - p)) - 40, abs=2)


def test_with_so_many_votes_about_80_percent_of_experiments_tell(battles):
    more = apart(battles, [("A", "B", 1)] * 22 + [("A", "B", 0)] * 18).more_votes
    wins = np.random.default_rng(3).binomial(more + 40, 0.55, size=20_000)
    losses = more + 40 - wins
    told = np.log(wins / losses) > 1.96 * np.sqrt(1 / wins + 1 / losses)
    assert told.mean() == pytest.approx(0.8, abs=0.02)


@pytest.mark.parametrize("davidson", [False, True])
@pytest.mark.parametrize("mix", [(30, 20, 0), (55, 45, 0), (6, 4, 90), (30, 20, 50), (20, 12, 68), (60, 45, 10)])
def test_with_so_many_votes_about_80_percent_of_experiments_tell_ties_or_not(battles, mix, davidson):
    """Simulated with outcomes as often as they were; told by the sandwich of ties as half, or by Davidson's model."""
    won, lost, tied = mix
    votes = [("A", "B", 1)] * won + [("A", "B", 0)] * lost + [("A", "B", 0.5)] * tied
    n = len(votes) + apart(battles, votes, davidson=davidson).more_votes
    wins, losses, ties = np.random.default_rng(7).multinomial(n, np.array(mix) / len(votes), size=20_000).T
    p = (wins + ties / 2) / n
    if davidson:
        d, v = np.log(wins / losses), 1 / wins + 1 / losses
    else:
        d, v = np.log(p / (1 - p)), (p * (1 - p) - ties / n / 4) / (n * (p * (1 - p)) ** 2)
    assert (d > 1.96 * np.sqrt(v)).mean() == pytest.approx(0.8, abs=0.03)


def test_ties_elsewhere_do_not_change_how_many_votes_two_need(battles):
    """What the ties of two others say of these two is one vote's worth where ties are half."""
    votes = [("A", "B", 1)] * 30 + [("A", "B", 0)] * 20 + [("A", "B", 0.5)] * 50
    elsewhere = [("C", "D", 1), ("C", "D", 0)] * 200
    alone, beside = apart(battles, votes).more_votes, apart(battles, votes + elsewhere).more_votes
    assert beside == pytest.approx(alone, rel=0.03)


def test_disagreement_of_raters_needs_more_votes_and_that_of_few_votes_passes(battles):
    votes = [("A", "B", 1)] * 22 + [("A", "B", 0)] * 18
    alone = apart(battles, votes)
    deviation = alone.se / POINTS * np.sqrt(2)  # twice the variance
    twice = np.array([[-deviation, 0.0], [deviation, 0.0]])
    by_rater = apart(battles, votes, {"rater": twice}).more_votes
    by_vote = apart(battles, votes, {"vote": twice}).more_votes
    assert by_rater == pytest.approx(2 * (alone.more_votes + 40) - 40, abs=3)
    assert alone.more_votes < by_vote < alone.more_votes + 45


def test_what_no_number_of_votes_can_be_given_for(battles):
    even = apart(battles, [("A", "B", 1), ("A", "B", 0)])
    assert (even.told, even.more_votes) == (False, None)
    tied = apart(battles, [("A", "B", 0.5)] * 4)
    assert (tied.told, tied.more_votes) == (False, None)
    swept = apart(battles, [("A", "B", 1)] * 9)
    assert (swept.told, swept.se, swept.more_votes) == (True, None, None)


def test_models_that_are_told_need_no_more(battles):
    found = apart(battles, [("A", "B", 1)] * 300 + [("A", "B", 0)] * 100)
    assert (found.told, found.more_votes) == (True, 0)
    wide = {"rater": np.array([[-2.0, 0.0], [4.0, 0.0]])}
    assert not apart(battles, [("A", "B", 1)] * 300 + [("A", "B", 0)] * 100, wide).told

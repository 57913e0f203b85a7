"""Votes that all went one way count as often as they are independent: never one rater on one prompt."""

import numpy as np
import pytest

from eval.bradley_terry import pairs_of
from eval.changes_of_records import of_battles
from eval.connections import connections
from eval.ratings import Settings, rate
from eval.ratings_report import report
from eval.units import units, units_of_all

QUICK = Settings(rounds=50, shuffles=5)
SWEPT = [("A", "B", 1.0), ("B", "A", 0.0)] * 3
OTHERS = [("C", "D", 1.0), ("D", "C", 1.0)] * 6
"""Of other prompts and raters, so that neither grouping is of one group alone."""


@pytest.mark.parametrize(
    ("groupings", "expected"),
    [
        ({}, 6),
        ({"prompt": range(6)}, 6),
        ({"prompt": [0, 0, 1, 1, 2, 2]}, 3),
        ({"prompt": range(6), "rater": [0, 0, 0, 0, 1, 1]}, 2),
        ({"prompt": range(6), "rater": [0] * 6}, 6),  # one rater only: said of this rater
        ({"prompt": [0] * 6, "rater": range(6)}, 6),  # one prompt only: said of this prompt
        ({"prompt": [0] * 6, "rater": [0] * 6}, 1),
        ({"rater": [0] * 6}, 6),
    ],
)
def test_the_fewest_of_votes_prompts_and_raters(groupings, expected):
    assert units_of_all({way: np.array(of) for way, of in groupings.items()}, 6) == expected


def test_each_part_counts_its_own():
    groupings = {"prompt": np.array([0, 1, 2, 3, 4, 4]), "rater": np.array([0, 1, 2, 2, 2, 2])}
    assert units(groupings, np.array([0, 0, 0, 2, 2, 2]), 3).tolist() == [3, 0, 1]


def told(battles, prompt, rater, more=()):
    """Whether A is told from B, its p, its limit, and the notes, where the votes of A and B are of these groups."""
    votes = [*SWEPT, *more]
    made = battles(votes, prompt=prompt, rater=rater)
    found = report(rate(made, QUICK))
    (pair,) = (pair for pair in found["neighbours"] if {pair["better"], pair["worse"]} == {"A", "B"})
    (change,) = of_battles("p", made, ["A", "B"], QUICK)
    return pair["told"], change.p, found["bradley_terry"]["A"]["ci"][0], " ".join(found["notes"])


def test_six_of_six_by_different_prompts_and_raters_are_told(battles):
    sure, p, _, notes = told(battles, range(6), range(6))
    assert (sure, p) == (True, 2 * 0.5**6)
    assert "won every battle between them" not in notes


def test_one_rater_on_one_prompt_tells_nothing(battles):
    sure, p, limit, notes = told(battles, [0] * 6, [0] * 6)
    assert (sure, p) == (False, 1.0)
    assert limit < 1500
    assert "won every battle between them" in notes
    assert "There is one rater only" in notes


def test_one_rater_on_one_prompt_among_others_tells_nothing(battles):
    others = [n % 6 + 1 for n in range(12)]
    sure, p, _, notes = told(battles, [0] * 6 + others, [0] * 6 + others, OTHERS)
    assert (sure, p) == (False, 1.0)
    assert "under 6 do not tell the two apart" in notes


def test_one_rater_on_many_prompts_is_told_of_this_rater(battles):
    sure, p, _, notes = told(battles, range(6), [0] * 6)
    assert (sure, p) == (True, 2 * 0.5**6)
    assert "There is one rater only: nothing can be said of other raters." in notes


def test_two_models_beaten_by_one_rater_on_one_prompt_are_not_surely_below(battles):
    """The limit of an undefeated model is that of one battle, not of sixty."""
    core = [("B", "C", 1.0), ("C", "B", 1.0)] * 40
    swept = [("A", "B", 1.0), ("A", "C", 1.0)] * 30
    groups = [n % 20 for n in range(80)]
    wide, narrow = (
        report(rate(battles(core + swept, prompt=[*groups, *of], rater=[*groups, *of]), QUICK))
        for of in ([0] * 60, list(range(60)))
    )
    assert [row["rank"] for row in wide["bradley_terry"].values()] == [1, 1, 1]
    assert [row["rank"] for row in narrow["bradley_terry"].values()] == [1, 2, 2]


def test_pairs_know_their_units(battles):
    pairs = pairs_of(battles(SWEPT + OTHERS, prompt=[0, 0, 1, 1, 2, 2] + [3] * 12))
    assert pairs.units()[0].tolist() == pairs.units()[:, 0].tolist() == [0, 3, 0, 0]
    assert pairs.units()[2, 3] == 1
    assert pairs.units_among(np.array([True, True])) == 4
    assert connections(pairs.won()).groups == 2

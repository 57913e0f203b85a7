"""Words for many comparisons: never by chance more often than promised, and honest where nothing can be said."""

import numpy as np
import pytest

from eval.changes import Compared, judged
from eval.changes_of_records import of_battles, of_scores
from eval.likert_file import Scores
from eval.paired import Paired
from eval.ratings import Settings

QUICK = Settings(rounds=200, shuffles=10)


def row(p, difference=0.1, *, lower=False):
    return Compared("text", "m", "a", "b", difference, (0.0, 0.2), p, lower)


def words(*rows):
    return [each["verdict"] for each in judged(rows)["rows"]]


def test_words_go_by_the_corrected_p_and_the_good_direction():
    assert words(row(0.001), row(0.001, -0.1)) == ["better", "worse"]
    assert words(row(0.001, lower=True), row(0.001, -0.1, lower=True)) == ["worse", "better"]
    assert words(row(0.03)) == ["better"]
    assert words(row(0.03), row(0.9)) == ["no difference shown"] * 2, "two comparisons double it"
    assert words(row(0.001, 0.0)) == ["no difference shown"]


def test_what_cannot_be_said_is_not_counted():
    found = judged([row(0.03), Compared("text", "m", "a", "c", None, None, None)])
    assert found["comparisons"] == 1
    assert [each["verdict"] for each in found["rows"]] == ["better", "cannot be said"]
    assert judged([])["rows"] == []


def test_alike_models_are_seldom_told_apart():
    """Twelve figures of two models that are alike: of 60 such reports, about three may hold a wrong word."""
    rng = np.random.default_rng(2)
    wrong = 0
    for trial in range(60):
        systems = [{f"m{n}": (rng.normal(size=25), [1.0] * 25) for n in range(12)} for _ in range(2)]
        changes = Paired(systems, range(25), seed=trial, resamples=50).changes(1, 0)
        rows = [Compared("x", name, "a", "b", each.value, each.ci, each.p) for name, each in changes.items()]
        wrong += any(word != "no difference shown" for word in words(*rows))
    assert wrong <= 8


def test_ratings_are_compared_with_the_first_contestant(battles):
    votes = [("A", "B", 1.0)] * 60 + [("B", "A", 1.0)] * 20 + [("A", "C", 1.0)] * 15 + [("C", "A", 1.0)] * 14
    votes += [("D", "E", 0.5)] * 4
    found = {each.other: each for each in of_battles("p", battles(votes), list("ABCDEF"), QUICK)}
    assert set(found) == set("BCDEF")
    assert found["B"].difference == pytest.approx(-400 * np.log10(3), abs=8)
    assert found["B"].ci[0] < found["B"].difference < found["B"].ci[1] < 0
    assert found["B"].p < 0.001
    assert found["C"].ci[0] < 0 < found["C"].ci[1]
    assert found["C"].p > 0.5
    for name in "DEF":  # D and E are not connected with A; F has no vote
        assert (found[name].difference, found[name].p) == (None, None)


def test_a_contestant_that_never_won_is_told_by_the_sign_test(battles):
    votes = [("A", "B", 1.0), ("B", "A", 0.0)] * 5
    (found,) = of_battles("p", battles(votes), ["A", "B"], QUICK)
    assert found.ci is None
    assert found.difference < 0
    assert found.p == pytest.approx(2 * 0.5**10)
    assert words(found) == ["worse"]


def scores(rows):
    """Scores of (item, system, score) by one person in one aspect."""
    items, systems = sorted({r[0] for r in rows}), sorted({r[1] for r in rows})
    item, system, score = (
        np.array(column, dtype=np.int64)
        for column in zip(*((items.index(i), systems.index(s), score) for i, s, score in rows))
    )
    zero = np.zeros(len(rows), dtype=np.int64)
    names = {"item": tuple(map(str, items)), "rater": ("ann",), "system": tuple(systems), "aspect": ("clear",)}
    return Scores(item, zero, system, zero, score, names, ("person",))


def test_scores_are_compared_on_common_items():
    rows = [(n, "v1", -1 + n % 2) for n in range(12)] + [(n, "v2", n % 2) for n in range(2, 14)]
    (found, none) = of_scores("f", scores(rows), ["v1", "v2", "v3"], seed=1)
    assert (found.metric, found.difference) == ("clear", 1)
    assert found.p == pytest.approx(2 / 2**10, abs=0.002)
    assert found.ci is None, "all ten differ by 1"
    assert (none.difference, none.p) == (None, None)

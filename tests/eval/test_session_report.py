"""Reports of sessions: a function of the rows, people and models apart, with what they cannot say."""

from dataclasses import replace

import pytest

from eval.ratings import Settings, rate
from eval.ratings_report import report
from eval.replay import as_text, replay
from eval.session_report import battle_report, history
from eval.sessions import add_rater
from eval.votes import Vote, as_battles, cast, votes_of

QUICK = Settings(rounds=20, shuffles=5)


def test_votes_of_people_are_rated_as_elo_would(records, fight, session):
    fight(["left", "tie", "skip"])
    fight(["right", "right", "bad"], rater="bob")
    found = battle_report(records, "first", QUICK)
    votes = votes_of(records, session.id)
    assert found["people"] == report(rate(as_battles(votes), QUICK))
    assert found["votes"]["people"] == {
        **{"all": 6, "left": 1, "right": 2, "tie": 1, "bad": 1, "skip": 1, "unreadable": 0}
    }
    assert found["votes"]["models"]["all"] == 0
    assert found["models"] is None
    assert {name: rater["all"] for name, rater in found["raters"].items()} == {"ann": 3, "bob": 3}
    assert found["raters"]["ann"]["seconds_median"] == 1.5
    assert [each["answers"] for each in found["contestants"].values()] == [3, 3]
    assert "both bad counts as a tie in the ratings" in found["notes"]


def test_models_are_rated_apart(records, fight, contest, session):
    fight(["left"])
    with records.transaction():
        add_rater(records, "judge", "model")
        records.all("UPDATE battles SET rater = 'judge'")
    found = battle_report(records, "first", QUICK)
    assert found["people"] is None
    assert found["models"]["votes"] == 1
    assert found["history"] == []


def test_without_a_vote_it_says_so(records, session):
    found = battle_report(records, "first", QUICK)
    assert (found["people"], found["models"], found["history"]) == (None, None, [])
    assert found["notes"] == ["no person has voted yet"]


def test_votes_that_prefer_nothing_rate_nothing(records, fight):
    fight(["skip", "skip"])
    found = battle_report(records, "first", QUICK)
    assert found["people"] is None
    assert found["notes"] == ["of the votes of people, none says which answer is better"]


def test_verdicts_that_could_not_be_read_are_counted(records, contest):
    with records.transaction():
        add_rater(records, "judge", "model")
    battle = contest.next("ann")
    records.all("UPDATE battles SET rater = 'judge'")
    cast(records, battle.id, "unreadable")
    found = battle_report(records, "first", QUICK)
    assert found["votes"]["models"]["unreadable"] == 1
    assert "1 of 1 verdicts of models could not be read; they rate nothing" in found["notes"]


def test_the_history_ends_with_the_present_ratings(records, fight, session):
    fight(["left", "right", "tie"])
    fight(["left", "left", "left"], rater="bob")
    fight(["right", "tie", "left"], rater="eve")
    votes = votes_of(records, session.id)
    steps = history(votes)
    assert [step["votes"] for step in steps] == [5, 9]
    found = report(rate(as_battles(votes), QUICK))["bradley_terry"]
    for name, row in steps[-1]["ratings"].items():
        assert row["rating"] == pytest.approx(found[name]["rating"])
        assert row["low"] < row["rating"] < row["high"]


def test_the_same_rows_give_the_same_bytes(records, fight):
    fight(["left", "right", "tie"])
    first = as_text(replay(records, (), QUICK))
    assert as_text(replay(records, (), QUICK)) == first
    assert as_text(replay(records, (), Settings(rounds=20, shuffles=5, seed=2))) != first
    assert '"seed": 1' in first


def test_the_history_has_no_ends_that_the_votes_do_not_give():
    """Who won all of 40 has no upper end, and 40 ties say something, not everything."""
    vote = Vote(1, "ann", "person", 1, "Who?", "A", "B", "left", 1.0, 1.0, "", 1, 1)
    won = history([vote] * 40)[-1]["ratings"]
    assert won["A"]["high"] is None
    assert won["A"]["low"] < 1500 < won["B"]["high"]
    tied = history([replace(vote, winner="tie")] * 40)[-1]["ratings"]
    assert tied["A"]["low"] < 1490
    assert tied["A"]["high"] > 1510

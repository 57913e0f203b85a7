"""Versions over sessions: the same name with other weights or settings is another, rated on one scale."""

import json
from dataclasses import replace

import pytest

from assistant.fingerprint import fingerprint
from eval.contest import Contest
from eval.contestants import Contestant
from eval.exchange import export_session
from eval.ratings import Settings
from eval.sessions import create_session
from eval.takein import import_session
from eval.versions import versions_report

QUICK = Settings(rounds=20, shuffles=5)


@pytest.fixture
def fought(records, assistant, two):
    """Plays all battles of a session of two prompts; the winners are by contestant's name."""

    def play(name, contestants, better):
        contest = Contest(records, create_session(records, name, ["Who?", "Where?"], contestants), assistant)
        while (matchup := contest.next("ann")) is not None:
            list(contest.play(matchup))
            left = contest.session.contestants[matchup.left].name
            contest.vote(matchup, "left" if left == better else "right")

    return play


def test_one_version_keeps_its_name(records, fought, two):
    fought("first", two, "greedy")
    fought("second", two, "drawn")
    found = versions_report(records, QUICK)
    assert [version["label"] for version in found["versions"]] == ["drawn", "greedy"]
    assert found["people"]["votes"] == 4
    assert [version["votes"] for version in found["versions"]] == [4, 4]
    assert found["versions"][0]["rating"] == pytest.approx(1500)


def test_other_settings_are_another_version_on_the_same_scale(records, fought, two):
    fought("first", two, "greedy")
    colder = replace(two[1], sampling=replace(two[1].sampling, temperature=0.5))
    fought("second", (two[0], colder), "drawn")
    found = versions_report(records, QUICK)
    greedy = [version for version in found["versions"] if version["name"] == "greedy"]
    drawn = [version for version in found["versions"] if version["name"] == "drawn"]
    assert [version["label"] for version in greedy] == ["greedy"]
    assert len({version["label"] for version in drawn}) == 2
    assert all(version["label"].startswith(f"drawn · {version['checkpoint'][:8]}") for version in drawn)
    assert drawn[0]["first_at"] < drawn[1]["first_at"]
    assert {version["group"] for version in found["versions"]} == {1}
    assert drawn[0]["rating"] < greedy[0]["rating"] < drawn[1]["rating"]


def test_other_weights_under_the_same_name_are_another_version(records, fought, two):
    fought("first", two, "greedy")
    fought("second", two, "drawn")
    records.all("UPDATE generations SET checkpoint = 'feedc0de12' WHERE session_id = 2 AND contestant = 1")
    found = versions_report(records, QUICK)
    labels = [version["label"] for version in found["versions"]]
    assert labels[1:] == ["drawn · feedc0de", "greedy"]
    assert labels[0].startswith("drawn · ")
    assert [version["votes"] for version in found["versions"]] == [2, 2, 4]


def test_a_contestant_called_like_a_version_is_a_row_of_its_own(records, fought, two, tiny_checkpoint):
    fought("first", two, "greedy")
    checkpoint = fingerprint(tiny_checkpoint)
    impostor = replace(two[1], name=f"drawn · {checkpoint[:8]}", sampling=replace(two[1].sampling, temperature=0.7))
    fought("second", (two[0], replace(two[1], sampling=replace(two[1].sampling, temperature=0.5))), "drawn")
    fought("third", (two[0], impostor), "greedy")
    found = versions_report(records, QUICK)
    assert [(version["label"], version["name"], version["votes"]) for version in found["versions"]] == [
        (f"{impostor.name} · 2", "drawn", 2),
        (f"{impostor.name} · 3", "drawn", 2),
        (impostor.name, impostor.name, 2),
        ("greedy", "greedy", 6),
    ]
    assert len(found["people"]["bradley_terry"]) == 4


def test_what_no_battle_connects_is_not_on_one_scale(records, fought, two):
    fought("first", two, "greedy")
    model = two[0].model
    others = (Contestant("x", model, sampling=two[0].sampling), Contestant("y", model, sampling=two[1].sampling))
    fought("second", others, "x")
    assert sorted(version["group"] for version in versions_report(records, QUICK)["versions"]) == [1, 1, 2, 2]


def test_without_votes_there_are_no_versions(records, session):
    assert versions_report(records, QUICK) == {"versions": [], "votes_left_out": 0, "people": None}


def test_a_vote_counts_once_in_however_many_sessions_it_is(records, fought, two, tmp_path):
    fought("first", two, "greedy")
    alone = versions_report(records, QUICK)
    export_session(records, "first", "jsonl", tmp_path / "first.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "first.jsonl").read_text().splitlines()]
    for name, winner in (("second", "tie"), ("third", "right" if rows[-1]["winner"] == "left" else "left")):
        rows[-1]["winner"] = winner
        (tmp_path / "first.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        import_session(records, tmp_path / "first.jsonl", name)
    found = versions_report(records, QUICK)
    assert (alone["votes_left_out"], alone["people"]["votes"]) == (0, 2)
    assert (found["votes_left_out"], found["people"]["votes"]) == (2, 4)
    assert [version["votes"] for version in found["versions"]] == [4, 4]


def test_the_same_text_in_two_sessions_is_one_prompt(records, fought, two):
    fought("first", two, "greedy")
    fought("second", two, "drawn")
    assert versions_report(records, QUICK)["people"]["clusters"]["prompt"] == 2

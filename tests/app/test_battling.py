"""The handlers of the battles over real records and a real tiny model."""

import json
import threading

import gradio as gr
import pytest

from app.battling import Battling
from app.new_session import NewSession
from assistant.pipeline import Assistant
from eval.contest import Contest
from eval.sessions import find_session, list_sessions
from eval.votes import votes_of

PROMPTS = "Why?\nHow?\n\nWhy?\n"


@pytest.fixture
def assistant(tmp_path, chat_checkpoint):
    with Assistant.open(tmp_path, model=str(chat_checkpoint)) as assistant:
        yield assistant


@pytest.fixture
def battling(assistant, records):
    return Battling(assistant, records)


@pytest.fixture
def new(assistant, records):
    return NewSession(assistant, records)


@pytest.fixture
def row(chat_checkpoint):
    """The row of a contestant, as the browser sends it."""

    def one(name, **fields):
        return {"name": name, "model": str(chat_checkpoint), "retrieval": "none", **fields}

    return one


@pytest.fixture
def trial(new, row):
    """A session of two contestants on two prompts."""
    rows = json.dumps([row("calm", temperature="0"), row("wild", temperature="0.9")])
    _, notice = new.create("trial", PROMPTS, rows, 3)
    assert "2 contestants, 2 prompts" in notice
    return "trial"


def voted(fight, winner, seconds=1.5):
    return gr.EventData(None, {"battle": fight.matchup.id, "winner": winner, "seconds": seconds})


def play(shown):
    """The last fight and HTML, and the notices, of what a handler yields."""
    shown = list(shown)
    fights = [each[0] for each in shown if not isinstance(each[0], dict)]
    return (fights or [None])[-1], shown[-1][1], [each[2] for each in shown if isinstance(each[2], str)]


def test_a_battle_is_played_voted_told_and_gone_on_with(battling, trial, records):
    fight, html, _ = play(battling.begin(None, trial, "Ada"))
    assert fight.state == "ready"
    assert "calm" not in html
    told, html, _ = play(battling.vote(fight, voted(fight, "left")))
    assert {told.revealed.left, told.revealed.right} == {"calm", "wild"}
    assert "calm" in html
    second, _, _ = play(battling.onward(told))
    assert (second.matchup.number, second.progress.voted) == (2, 1)
    play(battling.vote(second, voted(second, "tie", float("nan"))))
    done, html, _ = play(battling.onward(second))
    assert done.state == "done"
    votes = votes_of(records, find_session(records, trial).id)
    assert [(vote.winner, vote.seconds) for vote in votes] == [("left", 1.5), ("tie", None)]


def test_a_reload_goes_on_with_the_battle_that_was_left_open(battling, trial):
    fight, html, _ = play(battling.begin(None, trial, "Ada"))
    again, same, _ = play(battling.resume(None, [trial, "Ada"]))
    assert again.matchup == fight.matchup
    assert same == html
    for before, kept in ((fight, [trial, "Ada"]), (None, []), (None, {"x": 1}), (None, ["", "Ada"])):
        assert play(battling.resume(before, kept))[0] is None


def test_a_vote_from_another_window_is_told_and_counts_once(battling, trial, records):
    first, _, _ = play(battling.begin(None, trial, "Ada"))
    second, _, _ = play(battling.begin(None, trial, "Ada"))
    assert first.matchup == second.matchup
    play(battling.vote(first, voted(first, "left")))
    after, _, notices = play(battling.vote(second, voted(second, "right")))
    assert "has your vote already" in notices[-1]
    assert after.matchup.number == 2
    assert [vote.winner for vote in votes_of(records, find_session(records, trial).id)] == ["left"]


def test_a_vote_on_a_battle_that_is_not_on_the_page_is_refused(battling, trial, records):
    fight, _, _ = play(battling.begin(None, trial, "Ada"))
    for data in ({"battle": 99, "winner": "left"}, {}, None, {"battle": str(fight.matchup.id), "winner": "left"}):
        _, _, (notice,) = play(battling.vote(fight, gr.EventData(None, data)))
        assert "no longer the one on the page" in notice
    _, _, notices = play(battling.vote(fight, voted(fight, "unheard of")))
    assert "a vote is one of" in notices[-1]
    assert votes_of(records, find_session(records, trial).id) == []


def test_a_skip_need_not_wait_for_the_answers_and_ends_them(battling, trial, records):
    playing = battling.begin(None, trial, "Ada")
    fight, *_ = next(playing)
    assert fight.state == "writing"
    after, _, _ = play(battling.vote(fight, voted(fight, "skip", None)))
    assert fight.stop.is_set()
    assert after.matchup.number == 2
    playing.close()
    assert [vote.winner for vote in votes_of(records, find_session(records, trial).id)] == ["skip"]


def test_leaving_the_page_ends_the_answers(battling, trial):
    playing = battling.begin(None, trial, "Ada")
    fight, *_ = next(playing)
    playing.close()
    assert fight.stop.is_set()
    assert not [each for each in threading.enumerate() if each.name.startswith("stream ")]


@pytest.mark.parametrize(
    ("session", "rater", "said"),
    [(None, "Ada", "no session chosen"), ("gone", "Ada", "no session called"), ("trial", " ", "name must be")],
)
def test_what_cannot_begin_is_said(battling, trial, session, rater, said):
    _, _, (notice,) = play(battling.begin(None, session, rater))
    assert said in notice


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": " "}, "name must be"),
        ({"model": "no-such-model"}, "no-such-model"),
        ({"retrieval": "magic"}, "retrieval must be one of"),
        ({"retrieval": "hybrid"}, "no documents"),
        ({"prompt": "unsaved"}, "no saved prompt"),
        ({"temperature": "hot"}, "temperature must be a number"),
        ({"temperature": "9"}, "temperature must be from 0 to 2"),
        ({"name": "calm", "temperature": "0.5"}, "two contestants are called"),
        ({"colour": "red"}, "a contestant has no"),
    ],
)
def test_a_contestant_that_cannot_answer_is_named_and_no_session_begun(new, row, records, change, said):
    rows = json.dumps([row("calm"), {**row("other"), **change}])
    _, notice = new.create("bad", PROMPTS, rows, 1)
    assert said in notice
    assert "alert" in notice
    assert list_sessions(records) == []


@pytest.mark.parametrize(("rows", "seed"), [("nonsense", 1), ("[1]", 1), ("[]", 1), ("[]", 1.5), ("[]", None)])
def test_a_form_that_makes_no_sense_is_refused(new, rows, seed):
    assert "alert" in new.create("bad", PROMPTS, rows, seed)[1]


def test_what_is_offered(battling, trial, chat_checkpoint):
    session, rater, offered = battling.look(None, "", ["trial", "Ada"])
    assert (session["value"], session["choices"], rater) == ("trial", ["trial"], "Ada")
    assert str(chat_checkpoint) in offered
    assert 'value="bundled"' in offered
    assert battling.look(None, "Grace", ["gone", "Ada"])[1] == "Grace"


def test_questions_are_taken_from_the_documents(new, assistant):
    assert "no documents" in new.suggest("default", 1)[1]
    assistant.library.submit(b"The otter eats fish.", "otter.txt")
    assistant.library.worker.run_until_idle()
    assert new.suggest("default", 1)[0] == "What is otter.txt about?"


def test_several_raters_see_the_same_answers(battling, trial, records, assistant):
    for rater in ("Ada", "Grace"):
        fight, _, _ = play(battling.begin(None, trial, rater))
        while fight.state == "ready":
            play(battling.vote(fight, voted(fight, "bad")))
            fight, _, _ = play(battling.onward(fight))
    contest = Contest(records, find_session(records, trial), assistant)
    assert contest.generations.make_all() == 0
    assert len(records.all("SELECT 1 FROM generations")) == 4
    assert len(votes_of(records, contest.session.id)) == 4

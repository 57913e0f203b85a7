"""Models as raters of sessions: what is stored, resumed, agreed on, and said of a judge that judges itself."""

import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from assistant.engine.remote import RemoteEngine
from assistant.errors import InputError, ModelError
from assistant.types import Answer, Citation
from eval.agreement import Ratings, krippendorff
from eval.contestants import Contestant
from eval.form_items import FormText
from eval.form_report import form_report
from eval.forms import create_form, store_scores
from eval.judge_agreement import judge_agreement
from eval.judging import judge_name, judge_session
from eval.rubric import find_rubric
from eval.session_report import battle_report
from eval.sessions import add_rater, create_session
from eval.votes import votes_of

NAMES = ("good", "plain", "bad")
PROMPTS = ("Who?", "Where?", "When?")
RUBRIC = find_rubric("summary")


@pytest.fixture
def session(records):
    made = create_session(records, "s", PROMPTS, [Contestant(name, f"m-{name}") for name in NAMES], seed=5)
    for contestant, name in enumerate(NAMES):
        for prompt in range(len(PROMPTS)):
            answered(records, made, contestant, prompt, f"The {name} answer.")
    return made


def answered(db, session, contestant, prompt, text, checkpoint=None):
    cited = (Citation(1, "d", "d", None, 0, 1, f"a passage that {NAMES[contestant]} cites"),)
    answer = Answer(session.prompts[prompt], text, False, 1.0, (), cited if contestant < 2 else (), (), "m")
    db.all(
        "INSERT INTO generations (session_id, contestant, prompt, answer, messages, draft, checkpoint, sampling,"
        " latency_ms, made_at) VALUES (?, ?, ?, ?, '[]', '', ?, '{}', 1, '')",
        *(session.id, contestant, prompt, json.dumps(asdict(answer)), checkpoint or f"hash-{NAMES[contestant]}"),
    )


def better(messages):
    """Good beats plain beats bad."""
    content = messages[-1].content
    places = [content.index(f"The {name} answer.") for name in NAMES if f"The {name} answer." in content]
    return f"VERDICT: {'A' if places[0] < places[1] else 'B'}"


def outcomes(db, session, judge):
    """Who won, by prompt and pair."""
    found = {}
    for vote in votes_of(db, session.id):
        if vote.rater == judge:
            sides = {"left": vote.left, "right": vote.right}
            found[vote.prompt, frozenset(sides.values())] = sides.get(vote.winner, vote.winner)
    return found


def test_every_pair_is_judged_on_every_prompt_and_all_of_it_is_stored(records, session, scripted):
    engine, shares = scripted(better, name="judge"), []
    found = judge_session(records, "s", engine, shares.append)
    assert (found["judge"], found["judged_now"], found["kind"]) == ("judge", 9, "battle")
    assert shares == [pytest.approx(n / 9) for n in range(1, 10)]
    won = outcomes(records, session, "judge")
    assert len(won) == 9
    assert all(winner == ("good" if "good" in pair else "plain") for (_, pair), winner in won.items())
    rows = records.all("SELECT part, reply, verdict, checkpoint, judge FROM judgements ORDER BY id")
    assert [row[0] for row in rows] == ["as shown", "swapped"] * 9
    assert {row[1] for row in rows} == {"VERDICT: A", "VERDICT: B"}
    assert all(
        (verdict, checkpoint, judge) == (reply[-1], "scripted", "judge")
        for _, reply, verdict, checkpoint, judge in rows
    )
    assert records.all("SELECT kind FROM raters WHERE name = 'judge'") == [("model",)]
    assert records.all("SELECT number FROM battles ORDER BY id") == [(n,) for n in range(1, 10)]
    sides = records.all("SELECT left_contestant < right_contestant FROM battles")
    assert 1 <= sum(straight for (straight,) in sides) <= 8, "sides are drawn"
    assert "[1] a passage that good cites\n[2] a passage that plain cites" in engine.asked[0][-1].content


def test_nothing_is_judged_twice_and_what_is_new_is(records, session, scripted):
    records.all("DELETE FROM generations WHERE prompt = 2 AND contestant = 0")
    found = judge_session(records, "s", scripted(better))
    assert (found["judged_now"], found["pairs_without_answers"]) == (7, 2)
    assert judge_session(records, "s", scripted(better))["judged_now"] == 0
    answered(records, session, 0, 2, "The good answer.")
    again = scripted(better)
    assert judge_session(records, "s", again)["judged_now"] == 2
    assert len(again.asked) == 4
    other = judge_session(records, "s", scripted(better), called="  another ")
    assert (other["judge"], other["judged_now"]) == ("another", 9)


def test_the_sides_are_the_seeds(records, session, scripted):
    judge_session(records, "s", scripted(better))
    sides = "SELECT prompt, left_contestant, right_contestant FROM battles ORDER BY id"
    first = records.all(sides)
    records.all("DELETE FROM battles")
    judge_session(records, "s", scripted(better))
    assert records.all(sides) == first


def test_a_fault_in_the_middle_keeps_what_was_judged(records, session, scripted):
    def fails(messages):
        if len(engine.asked) == 8:
            raise ModelError("the server is gone")
        return better(messages)

    engine = scripted(fails)
    with pytest.raises(ModelError, match="the server is gone"):
        judge_session(records, "s", engine)
    assert records.all("SELECT count(*) FROM votes") == [(3,)]
    assert records.all("SELECT count(*) FROM judgements") == [(6,)]
    assert judge_session(records, "s", scripted(better))["judged_now"] == 6


KILLED = """
import sys, time
from pathlib import Path
from assistant.records import open_records
from eval.judging import judge_session
class Slow:
    name, positions, checkpoint = "scripted", 100_000, "scripted"
    def length(self, messages): return 1
    def stream(self, messages, sampling, reply, stop=None):
        time.sleep(0.002)
        reply.text = "VERDICT: A"
        yield reply.text
judge_session(open_records(Path(sys.argv[1])), "s", Slow(), lambda share: print(share, flush=True))
"""


def test_a_kill_in_the_middle_leaves_whole_battles(records, session, scripted):
    command = [sys.executable, "-c", KILLED, str(records.path.parent)]
    root = str(Path(__file__).parents[2])
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as judging:
        assert judging.stdout.readline()
        assert judging.stdout.readline()
        os.kill(judging.pid, signal.SIGKILL)
    counts = "SELECT (SELECT count(*) FROM battles), (SELECT count(*) FROM votes), (SELECT count(*) FROM judgements)"
    ((battles, votes, judgements),) = records.all(counts)
    assert 2 <= battles == votes == judgements / 2
    assert judge_session(records, "s", scripted(better))["judged_now"] == 9 - battles
    assert records.all("SELECT count(*) FROM votes") == [(9,)]


def test_two_runs_of_one_judge_at_once_judge_nothing_twice(records, session, scripted):
    threads = [threading.Thread(target=judge_session, args=(records, "s", scripted(better))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert records.all("SELECT count(*), count(DISTINCT number) FROM battles") == [(9, 9)]
    assert records.all("SELECT count(*) FROM judgements") == [(18,)]


def test_unreadable_and_biased_verdicts_are_counted(records, session, scripted):
    said = iter(["VERDICT: A", "VERDICT: A", "VERDICT: B", "VERDICT: B", "who knows", "VERDICT: A"])
    found = judge_session(records, "s", scripted(lambda messages: next(said, None) or better(messages)))
    (figures,) = found["judges"].values()
    assert (figures["battles"], figures["unreadable"]) == (9, 1)
    assert figures["order"] == {
        **{"read": 8, "disagree": 2, "share": 0.25, "first_both_times": 1, "second_both_times": 1}
    }
    assert (figures["compared"], figures["equal"], figures["alpha"]) == (0, None, None)
    assert figures["note"] == "no pair of answers was voted on by both people and this judge"


def votes_by(db, session, rater, rows):
    """Votes of a person: prompt, left, right, winner."""
    with db.transaction():
        add_rater(db, rater, "person")
        for number, (prompt, left, right, winner) in enumerate(rows, start=1):
            ((battle,),) = db.all(
                "INSERT INTO battles (session_id, rater, number, prompt, left_contestant, right_contestant,"
                " probability, made_at) VALUES (?, ?, ?, ?, ?, ?, 1, '') RETURNING id",
                *(session.id, rater, number, prompt, left, right),
            )
            db.all("INSERT INTO votes VALUES (?, ?, 1, '')", battle, winner)


def test_agreement_with_the_majority_of_people(records, session, scripted):
    """Judge: 0 beats 1 beats 2, everywhere. Units with people: five; the judge and the majority are equal on three."""
    votes_by(records, session, "ann", [(0, 0, 1, "left"), (0, 1, 2, "right"), (1, 0, 1, "left"), (1, 0, 2, "bad")])
    votes_by(records, session, "bob", [(0, 1, 0, "right"), (0, 2, 1, "skip"), (1, 1, 0, "left"), (2, 0, 2, "left")])
    votes_by(records, session, "cem", [(1, 0, 1, "left")])
    judge_session(records, "s", scripted(better))
    found = judge_agreement(records, "s", seed=2)
    (figures,) = found["judges"].values()
    assert (figures["compared"], figures["equal"]) == (5, 3 / 5)
    # The same by hand, as the score of the first of each pair by name (bad < good < plain), prompt by prompt.
    judge = {("Who?", "gp"): 1, ("Who?", "bp"): 0, ("Where?", "gp"): 1, ("Where?", "bg"): 0, ("When?", "bg"): 0}
    people = {**judge, ("Who?", "bp"): 1, ("Where?", "bg"): 0.5}
    units = sorted(judge)
    values = [side[unit] for unit in units for side in (judge, people)]
    prompts = np.unique([unit[0] for unit in units], return_inverse=True)[1]
    scale, codes = np.unique(values, return_inverse=True)
    expected = krippendorff(Ratings(np.repeat(np.arange(5), 2), codes, prompts, scale), "nominal", 2)
    assert figures["alpha"] == pytest.approx(expected.alpha)
    assert figures["ci"] == pytest.approx(expected.ci)
    assert figures["equal_ci"][0] <= 0.6 <= figures["equal_ci"][1]
    assert found["people"]["pairs"] == 5
    assert found["people"]["by_several"] == 2
    assert found["people"]["alpha"] is not None
    assert battle_report(records, "s")["judges"].keys() == {"scripted"}


def test_a_judge_of_whom_nothing_can_be_read_is_named(records, session, scripted):
    figures = judge_session(records, "s", scripted(lambda _: "Both are fine."))["judges"]["scripted"]
    assert (figures["battles"], figures["unreadable"], figures["order"]["share"]) == (9, 9, None)
    assert "nothing that scripted said could be read" in figures["notes"][0]


def test_a_tie_among_people_is_a_tie(records, session, scripted):
    votes_by(records, session, "ann", [(0, 0, 1, "left")])
    votes_by(records, session, "bob", [(0, 0, 1, "right")])
    judge_session(records, "s", scripted(lambda _: "VERDICT: TIE"))
    (figures,) = judge_agreement(records, "s")["judges"].values()
    assert (figures["compared"], figures["equal"]) == (1, 1.0)
    assert figures["alpha"] is None
    assert "all ratings are the same" in figures["note"]


def test_a_judge_of_its_own_answers_is_named(records, session, scripted):
    found = judge_session(records, "s", scripted(better, checkpoint="hash-good"))
    assert found["judges"]["scripted"]["notes"] == [
        "scripted is the model behind good: models tend to prefer what they wrote themselves (self-preference), so its "
        "verdicts on these say less"
    ]
    records.all("DELETE FROM battles WHERE number > 5")
    changed = judge_session(records, "s", scripted(better, checkpoint="other"))["judges"]["scripted"]["notes"]
    assert "with 2 different checkpoints" in changed[-1]


@pytest.fixture
def form(records):
    texts = [
        FormText(f"item {n}", system, f"Text {n} of {system}.", f"Source {n}.") for n in range(4) for system in "xy"
    ]
    return create_form(records, "f", RUBRIC, texts, seed=1)


def test_a_form_is_judged_once_and_compared_with_people(records, form, scripted):
    scores = [2, 1, 0, -1, -2, 1, 0, 2]
    number = {f"Text {n} of {system}.": 2 * n + at for n in range(4) for at, system in enumerate("xy")}

    def say(messages):
        text = next(text for text in number if text in messages[-1].content)
        if RUBRIC.aspects[1].question in messages[-1].content and number[text] == 7:
            return "Hm."
        return f"SCORE: {scores[number[text]]}"

    aspects = [aspect.name for aspect in RUBRIC.aspects]
    for rater, shift in (("ann", 0), ("bob", -1)):
        for item in range(8):
            given = dict.fromkeys(aspects, max(-2, scores[item] + shift))
            store_scores(records, form, item, rater, {**given, aspects[2]: 0})
    engine = scripted(say)
    found = judge_session(records, "f", engine)
    assert (found["kind"], found["judged_now"]) == ("form", 8)
    assert len(engine.asked) == 8 * len(aspects)
    figures = found["judges"]["scripted"]
    assert (figures["texts"], figures["texts_scored"], figures["unreadable"]) == (8, 7, 1)
    first, second, third = (figures["aspects"][name] for name in aspects)
    assert (first["compared"], first["unreadable"], second["unreadable"]) == (7, 0, 1)
    assert first["spearman"] == pytest.approx(1.0)
    assert 0.8 < first["alpha"] < 1
    assert third["spearman"] is None
    assert "not all the same" in third["note"]
    assert third["alpha"] is not None
    stored = records.all(
        "SELECT item, score FROM scores WHERE rater = 'scripted' AND aspect = ? ORDER BY 1", aspects[0]
    )
    assert stored == list(enumerate(scores[:7]))
    assert records.all("SELECT count(*) FROM judgements") == [(24,)]
    assert judge_session(records, "f", scripted(say))["judged_now"] == 0
    assert form_report(records, "f")["judges"].keys() == {"scripted"}


def test_a_judge_that_made_the_texts_of_a_form_is_named(records, form, scripted):
    (figures,) = judge_session(records, "f", scripted(lambda _: "SCORE: 1", name="x"))["judges"].values()
    assert "x is the model behind x" in figures["notes"][0]
    assert figures["aspects"][RUBRIC.aspects[0].name]["note"] == "no text was scored by both people and this judge"


def test_names_of_judges(scripted, records, session):
    assert judge_name(scripted(better, name="bundled")) == "bundled"
    names = {judge_name(scripted(better, name=f"/{'long' * 40}/{end}")) for end in ("m1", "m2")}
    assert len(names) == 2
    assert all(len(name) <= 80 for name in names)
    with records.transaction():
        add_rater(records, "ann", "person")
    with pytest.raises(InputError, match="'ann' is the name of a person that rates"):
        judge_session(records, "s", scripted(better), called="ann")
    with pytest.raises(InputError, match="no session called 'none'"):
        judge_session(records, "none", scripted(better))


@pytest.fixture
def run(footnote):
    return partial(footnote, "eval")


def test_the_command_judges_through_a_server(run, records, session, scripted, serve_app, openai_app):
    votes_by(records, session, "ann", [(0, 0, 1, "left"), (0, 1, 2, "right"), (1, 0, 1, "left"), (1, 0, 2, "bad")])
    address = serve_app(openai_app(scripted(better), positions=8000))
    args = ("judge", "s", "--model", address, "--home", records.path.parent)
    code, out, err = run(*args, "--json")
    found = json.loads(out)
    assert (code, err) == (0, "")
    assert (found["judged_now"], found["judge"]) == (9, RemoteEngine(address).name)
    code, out, err = run(*args)
    assert (code, err) == (0, "")
    assert "0 battles judged now" in out
    assert "9 battles, 0 not readable" in out
    assert "with people, on 4 pairs: equal 0.500" in out
    assert records.all("SELECT count(*) FROM votes JOIN battles ON id = battle_id WHERE rater <> 'ann'") == [(9,)]


def test_the_command_judges_a_form(run, records, form, scripted, serve_app, openai_app):
    address = serve_app(openai_app(scripted(lambda _: "SCORE: 1"), positions=8000))
    code, out, err = run("judge", "f", "--model", address, "--as", "J", "--home", records.path.parent)
    assert (code, err) == (0, "")
    assert "8 texts judged now by J" in out
    assert "8 texts, 8 of them scored; 0 replies not readable" in out


def test_bad_use_of_judge_is_one_clear_line(run, records, session):
    for args, named in (
        (("none",), "there is no session called 'none'"),
        (("s", "--model", "http://127.0.0.1:9"), "cannot be reached"),
        (("s", "--model", "no/such/model/here"), "no such folder"),
    ):
        code, out, err = run("judge", *args, "--home", records.path.parent)
        assert (code, out) == (2, "")
        assert named in err
        assert len(err.splitlines()) == 1

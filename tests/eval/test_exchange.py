"""Sessions as files: whole to another home and back, votes for `eval elo`, preferences to train on."""

import json
from contextlib import closing
from dataclasses import replace

import pytest

from assistant.errors import InputError
from assistant.prompt_builder import PromptParts
from assistant.records import open_records
from eval.battles import read_battles
from eval.contest import Contest
from eval.contestants import Contestant
from eval.exchange import export_session, held_back, session_rows
from eval.ratings import Settings
from eval.replay import as_text, replay
from eval.same_votes import Held, held_elsewhere
from eval.saved_prompts import save_prompt
from eval.sessions import create_session, find_session, list_sessions, session_row
from eval.takein import import_session
from eval.votes import as_battles, votes_of

QUICK = Settings(rounds=20, shuffles=5)


@pytest.fixture
def other(tmp_path):
    """The records of another home."""
    (tmp_path / "other").mkdir()
    with closing(open_records(tmp_path / "other")) as db:
        yield db


@pytest.fixture
def file(records, fight, tmp_path):
    """A session with four votes of two raters, as JSON lines."""
    fight(["left", "bad", "skip"])
    fight(["right"], rater='Bob, "the" 🦉')
    path = tmp_path / "first.jsonl"
    export_session(records, "first", "jsonl", path)
    return path


def test_another_home_makes_the_same_reports_of_it(records, file, other):
    create_session(other, "before", ["x"], [Contestant("a"), Contestant("b", "m")])  # other ids than at home
    assert import_session(other, file) == "first"
    assert find_session(other, "first").contestants == find_session(records, "first").contestants
    both = [as_text(replay(db, ["first"], QUICK)) for db in (records, other)]
    assert both[0] == both[1]

    def told(db):
        ids = ("id", "session_id", "battle_id")
        return [{k: v for k, v in row.items() if k not in ids} for row in session_rows(db, "first")]

    assert told(records) == told(other)


def test_a_prompt_that_a_contestant_uses_goes_along(records, other, two, tmp_path):
    parts = PromptParts(task="Answer in one word.")
    save_prompt(records, "terse", parts)
    create_session(records, "told", ["Who?"], [two[0], Contestant("terse", two[0].model, prompt="terse")])
    export_session(records, "told", "jsonl", tmp_path / "told.jsonl")
    save_prompt(other, "terse", PromptParts(task="Something else."))
    with pytest.raises(InputError, match="another prompt is saved as 'terse' here"):
        import_session(other, tmp_path / "told.jsonl")
    other.all("DELETE FROM saved_prompts")
    import_session(other, tmp_path / "told.jsonl")
    assert json.loads(other.all("SELECT parts FROM saved_prompts")[0][0])["task"] == parts.task


def change(row, **values):
    return json.dumps({**json.loads(row), **values})


@pytest.mark.parametrize(
    ("mend", "message"),
    [
        (lambda rows: [], "empty; name a file that `footnote eval export"),
        (lambda rows: rows[1:], ":1: the first row must be that of the session"),
        (lambda rows: ["{", *rows], ":1: not JSON"),
        (lambda rows: [*rows, '{"table": "sqlite_master"}'], "no rows of 'sqlite_master' can be here"),
        (lambda rows: [*rows, rows[0]], "no rows of 'sessions' can be here"),
        (lambda rows: [change(rows[0], kind="party"), *rows[1:]], "'kind' must be battle or form"),
        (lambda rows: [change(rows[0], seed="1"), *rows[1:]], "'seed' of sessions cannot be '1'"),
        (lambda rows: [change(rows[0], more=1), *rows[1:]], "a row of sessions has no 'more'"),
        (lambda rows: [*rows[:-1], change(rows[-1], winner="lefty")], "does not fit the rows above"),
        (lambda rows: [*rows, rows[-1]], "does not fit the rows above"),
        (lambda rows: [*rows[:-1], change(rows[-1], battle_id=9_999)], "does not fit the rows above"),
        (lambda rows: [row for row in rows if '"contestants"' not in row], "does not fit the rows above"),
        (lambda rows: [change(r, answer="{}") if '"generations"' in r else r for r in rows], "its rows are no session"),
        (lambda rows: [change(r, settings='{"model": 3}') if "_contest" not in r and '"contestants"' in r else r
                       for r in rows], "its rows are no session"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_session_leaves_nothing(file, other, mend, message):
    rows = file.read_text().splitlines()
    file.write_text("".join(f"{row}\n" for row in mend(rows)))
    with pytest.raises(InputError, match=message):
        import_session(other, file)
    assert list_sessions(other) == []
    assert other.all("SELECT count(*) FROM raters") == [(0,)]


def test_a_taken_name_can_be_changed(records, file, other):
    with pytest.raises(InputError, match="there is a session called 'first' already"):
        import_session(records, file)
    import_session(other, file)
    export_session(records, "first", "jsonl", file.with_name("more.jsonl"))
    rows = file.with_name("more.jsonl").read_text().splitlines()
    rows[-1] = change(rows[-1], voted_at="2030-01-01T00:00:00.000+00:00")
    file.write_text("".join(f"{row}\n" for row in rows))
    assert import_session(other, file, "second") == "second"
    assert [each.votes for each in list_sessions(other)] == [4, 4]
    second = list_sessions(other)[0].name
    assert held_elsewhere(other, session_row(other, second)[0]) == Held(4, 3, ("first",))


def test_votes_that_are_all_here_are_not_taken_in_again(records, file):
    rows = file.read_text().splitlines()
    message = "each of its 4 votes is here already, in 'first', and nothing is counted twice"
    with pytest.raises(InputError, match=message):
        import_session(records, file, "second")
    file.write_text("".join(f"{row}\n" for row in rows[:-1]))
    with pytest.raises(InputError, match="each of its 3 votes is here already"):
        import_session(records, file, "second")
    assert [each.name for each in list_sessions(records)] == ["first"]
    file.write_text("".join(f"{row}\n" for row in rows if '"table": "votes"' not in row))
    assert import_session(records, file, "without votes") == "without votes"


def test_csv_is_what_elo_reads(records, file, tmp_path, session):
    path = tmp_path / "votes.csv"
    assert export_session(records, "first", "csv", path).rows == 3
    found, expected = read_battles(path), as_battles(votes_of(records, session.id))
    assert found.names == expected.names
    for name in ("left", "right", "score", "lengths"):
        assert getattr(found, name).tolist() == getattr(expected, name).tolist()
    assert {name: of.tolist() for name, of in found.groupings.items()} == {
        name: of.tolist() for name, of in expected.groupings.items()
    }
    assert found.columns_not_read == ("verdict", "kind", "probability")
    assert export_session(records, "first", "csv", tmp_path / "models.csv", raters="model").rows == 0


def test_names_that_look_like_a_missing_value_come_back(records, other, assistant, two, tmp_path):
    named = (replace(two[0], name="nan"), replace(two[1], name="NA"))
    contest = Contest(records, create_session(records, "null", ["NaN"], named), assistant)
    matchup = contest.next("Nan")
    list(contest.play(matchup))
    contest.vote(matchup, "left")
    export_session(records, "null", "csv", tmp_path / "votes.csv")
    found, expected = read_battles(tmp_path / "votes.csv"), as_battles(votes_of(records, contest.session.id))
    assert found.names == expected.names
    assert set(found.names) == {"nan", "NA"}
    export_session(records, "null", "jsonl", tmp_path / "null.jsonl")
    assert import_session(other, tmp_path / "null.jsonl") == "null"


def test_preferences_leave_out_the_prompts_to_evaluate_with(records, fight, tmp_path, session):
    battles = fight(["left", "right", "tie"])
    records.all("UPDATE generations SET draft = ' ' || contestant || ' on ' || prompt || char(10)")
    made = export_session(records, "first", "preference", tmp_path / "p.jsonl", hold_back=0.0)
    rows = [json.loads(line) for line in (tmp_path / "p.jsonl").read_text().splitlines()]
    assert made.rows == len(rows) == 2
    drafts = {
        (contestant, prompt): draft.strip()
        for contestant, prompt, draft in records.all("SELECT contestant, prompt, draft FROM generations")
    }
    for battle, row, winner in zip(battles, rows, ("left", "right")):
        loser = {"left": battle.right, "right": battle.left}[winner]
        assert row == {
            "prompt": session.prompts[battle.prompt],
            "chosen": drafts[getattr(battle, winner), battle.prompt],
            "rejected": drafts[loser, battle.prompt],
        }
    held = held_back(session.prompts, 0.5, 1)
    half = export_session(records, "first", "preference", tmp_path / "half.jsonl", hold_back=0.5)
    assert half.prompts_held_back == len(held)
    rows = [json.loads(line) for line in (tmp_path / "half.jsonl").read_text().splitlines()]
    assert not {row["prompt"] for row in rows} & held
    with pytest.raises(InputError, match="no vote of a person for one of two answers without documents"):
        export_session(records, "first", "preference", tmp_path / "none.jsonl", hold_back=0.999)
    assert not (tmp_path / "none.jsonl").exists()


def test_about_the_share_of_prompts_is_held_back_and_always_the_same():
    texts = [f"prompt {number}" for number in range(2_000)]
    held = held_back(texts, 0.2, 1)
    assert len(held) == pytest.approx(400, abs=60)
    assert held < held_back(texts, 0.4, 1)
    assert held != held_back(texts, 0.2, 2)
    assert held_back(texts[:50], 0.2, 1) == held & set(texts[:50])


def test_at_least_one_prompt_is_held_back():
    texts = [f"prompt {number}" for number in range(8)]
    assert all(held_back(texts, 1e-9, seed) for seed in range(20))
    assert held_back(texts, 1e-9, 1) <= held_back(texts, 0.9, 1)
    assert held_back(texts, 0, 1) == set()


def test_what_cannot_be_exported_is_refused(records, session, tmp_path):
    (tmp_path / "there").write_text("mine")
    for given, message in (
        (("nobody", "csv", tmp_path / "x"), "no session called 'nobody'"),
        (("first", "xml", tmp_path / "x"), "--format is 'xml'; it must be one of jsonl, csv, preference"),
        (("first", "csv", tmp_path / "there"), "there exists; name a new file"),
        (("first", "csv", tmp_path / "no folder" / "x"), "cannot be written"),
    ):
        with pytest.raises(InputError, match=message):
            export_session(records, *given)
    with pytest.raises(InputError, match="--hold-back is 1; it must be from 0 to below 1"):
        export_session(records, "first", "preference", tmp_path / "x", hold_back=1)
    assert (tmp_path / "there").read_text() == "mine"
    assert not (tmp_path / "x").exists()

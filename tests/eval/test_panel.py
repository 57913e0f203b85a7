"""A panel of three labels texts: the majority, a person's turn, and what is refused by file, line and setting."""

import json
import shutil
from contextlib import closing
from functools import partial

import pytest

from assistant.errors import InputError
from assistant.records import open_records
from assistant.rows import read_rows
from eval.panel import check_panel, majority, panel_report, read_texts
from eval.panel_runs import labelled_rows, panel_run

LABELS = ("joy", "anger", "fear")


@pytest.mark.parametrize(
    ("votes", "label"),
    [
        (["joy", "joy", "joy"], "joy"),
        (["joy", "anger", "joy"], "joy"),
        (["joy", "anger", "fear"], None),
        (["joy", "joy", None], "joy"),
        (["joy", "anger", None], None),
        (["joy", None, None], None),
        ([None, None, None], None),
    ],
)
def test_the_majority(votes, label):
    assert majority(votes) == label


@pytest.fixture
def texts(tmp_path):
    path = tmp_path / "texts.jsonl"
    rows = [{"text": text, "id": number} for number, text in enumerate(("fine day", "go away", "who is there", "hm"))]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def votes(*labels):
    """A judge that says `labels` one after another."""
    left = list(labels)
    return lambda _: f"LABEL: {left.pop(0)}"


def panel(scripted):
    return {
        "one": scripted(votes("joy", "anger", "fear", "?")),
        "two": scripted(votes("joy", "anger", "joy", "?")),
        "three": scripted(votes("joy", "fear", "anger", "joy")),
    }


def test_rows_are_labelled_or_left_to_a_person_and_keep_what_they_had(scripted, texts):
    shares = []
    made = labelled_rows(panel_run(list(read_rows(texts)), LABELS, panel(scripted), progress=shares.append))
    assert [(row["id"], row["label"], row["to_person"]) for row in made] == [
        *((0, "joy", False), (1, "anger", False), (2, None, True), (3, None, True))
    ]
    assert made[1]["votes"] == {"one": "anger", "two": "anger", "three": "fear"}
    assert made[3]["votes"] == {"one": None, "two": None, "three": "joy"}
    assert shares == [0.25, 0.5, 0.75, 1]
    found = panel_report(made, LABELS)
    assert (found["rows"], found["labelled"], found["to_person"]) == (4, 2, 2)
    assert found["labels"] == {"joy": 1, "anger": 1, "fear": 0}
    assert found["unreadable"] == {"one": 1, "two": 1, "three": 0}
    assert [(pair["judges"], pair["compared"]) for pair in found["pairs"]] == [
        *((("one", "two"), 3), (("one", "three"), 3), (("two", "three"), 3))
    ]
    assert [pair["equal"] for pair in found["pairs"]] == pytest.approx([2 / 3, 1 / 3, 1 / 3])
    assert -1 <= found["alpha"] <= 1


def test_what_cannot_be_compared_is_none_with_a_note(scripted, tmp_path):
    (tmp_path / "t.jsonl").write_text('{"text": "x"}\n')
    engines = {name: scripted(lambda _: "?") for name in ("one", "two", "three")}
    rows = list(read_rows(tmp_path / "t.jsonl"))
    found = panel_report(labelled_rows(panel_run(rows, LABELS, engines)), LABELS)
    assert (found["alpha"], found["ci"], found["note"]) == (None, None, "there is nothing to compare")
    assert found["pairs"][0]["equal"] is None


@pytest.mark.parametrize(
    ("labels", "judges", "named"),
    [
        (["joy"], ["a", "b", "c"], "labels: 1 of them"),
        (LABELS, ["a", "b"], "--judge: a panel has 3 judges, not 2"),
        (LABELS, ["a", "b", "a"], "--judge: 'a' is named twice"),
    ],
)
def test_a_panel_that_cannot_be(labels, judges, named):
    with pytest.raises(InputError, match=named):
        check_panel(labels, judges)


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("", "t.jsonl: no row"),
        ('{"text": "a"}\n{"text": ""}\n', "t.jsonl:2: 'text' must be a text"),
        ('{"text": "a"}\n{"text": "b", "label": "joy"}\n', "t.jsonl:2: has a 'label' already"),
        ('{"text": "a"}\nnot JSON\n', "t.jsonl:2: not JSON"),
        ('{"text": 5}\n', "t.jsonl:1: 'text' must be"),
    ],
)
def test_rows_that_cannot_be_labelled(tmp_path, content, named):
    (tmp_path / "t.jsonl").write_text(content)
    with pytest.raises(InputError, match=named):
        read_texts(tmp_path / "t.jsonl")


@pytest.fixture
def run(footnote):
    return partial(footnote, "eval", "label")


def test_the_command(run, footnote, scripted, serve_app, openai_app, texts, tmp_path):
    address = serve_app(openai_app(scripted(lambda messages: "LABEL: joy" if "fine" in messages[-1].content else "?")))
    judges = [f"{address}#{name}" for name in ("one", "two", "three")]
    args = (texts, "--labels", "joy, anger", *(arg for judge in judges for arg in ("--judge", judge)))
    code, out, err = run(*args, "--json")
    found = json.loads(out)
    assert (code, err) == (0, "")
    assert (found["rows"], found["labelled"], found["to_person"]) == (4, 1, 3)
    target = texts.with_name("texts.labelled.jsonl")
    assert found["file"] == str(target)
    rows = [row.values for row in read_rows(target)]
    assert rows[0] == {
        **{"text": "fine day", "id": 0, "label": "joy", "to_person": False},
        "votes": dict.fromkeys(judges, "joy"),
    }
    assert rows[1]["label"] is None
    code, out, err = run(*args)
    assert (code, out) == (2, "")
    assert "--to: " in err
    assert "texts.labelled.jsonl exists" in err
    code, out, err = run(*args, "--to", texts.with_name("new.jsonl"))
    assert (code, err) == (0, "")
    assert out.startswith("4 rows: 1 labelled, 3 left to a person; written to ")
    assert_votes_are_rows(found, footnote, tmp_path / "home")


def assert_votes_are_rows(found, footnote, home):
    """One of each judge on each text, with all that made it, from which the figures are made again."""
    with closing(open_records(home)) as db:
        rows = db.all(
            "SELECT number, reply, json_extract(outcome, '$.label'), checkpoint LIKE 'http%',"
            " json_extract(sampling, '$.seed'), json_extract(messages, '$[0].role'), latency_ms > 0"
            " FROM run_outcomes WHERE run_id = 1 ORDER BY number"
        )
    assert rows[:3] == [(0, "LABEL: joy", "joy", 1, 1, "system", 1)] * 3
    assert rows[3:] == [(number, "?", None, 1, 1, "system", 1) for number in (1, 2, 3) for _ in range(3)]
    code, out, err = footnote("eval", "replay")
    assert (code, err) == (0, "")
    assert json.loads(out)["labels"]["1"] == found


def test_a_copy_of_a_checkpoint_is_no_other_judge(run, tiny_checkpoint, texts, tmp_path):
    copy, link = tmp_path / "copy", tmp_path / "link"
    shutil.copytree(tiny_checkpoint, copy)
    link.symlink_to(copy)
    judges = [arg for judge in (tiny_checkpoint, link, copy) for arg in ("--judge", judge)]
    code, out, err = run(texts, "--labels", "joy,anger", *judges)
    assert (code, out) == (2, "")
    assert f"--judge: '{tiny_checkpoint}' and '{link}' are the same checkpoint, and would have two votes" in err
    assert [path.name for path in texts.parent.glob("*.jsonl")] == ["texts.jsonl"]


@pytest.mark.parametrize(
    ("args", "named"),
    [
        (("--labels", "joy"), "labels: 1 of them"),
        (("--labels", "joy,"), "label '' must be"),
        (("--judge", "one"), "a panel has 3 judges, not 4"),
        (("--to", "/no/such/folder/out.jsonl"), "--to: /no/such/folder is no folder"),
    ],
)
def test_bad_use_is_one_clear_line_and_no_model_is_asked(run, texts, args, named):
    given = ["--judge", "a", "--judge", "b", "--judge", "c", *args]
    given += [] if "--labels" in args else ["--labels", "joy,anger"]
    code, out, err = run(texts, *given)
    assert (code, out) == (2, "")
    assert named in err
    assert len(err.splitlines()) == 1
    assert [path.name for path in texts.parent.glob("*.jsonl")] == ["texts.jsonl"]

"""`footnote eval qa` as its user meets it."""

import json
from contextlib import closing

import pytest

from assistant.records import open_records

CONTEXT = "The Skerryvore lighthouse was lit in 1844. Its builder was Alan Stevenson."
ROWS = [
    {"question": "When was the lighthouse lit?", "answers": ["1844"], "answerable": True, "context": CONTEXT},
    {"question": "Who eats glue?", "answers": [], "answerable": False, "context": "Bananas are yellow."},
]


@pytest.fixture
def run(footnote, monkeypatch, tmp_path, tiny_checkpoint):
    """Run `footnote eval qa ARGS`, or another command, beside files; gives (exit code, stdout, stderr)."""
    for name, rows in (
        ("q", ROWS),
        ("bare", [{key: row[key] for key in ("question", "answers", "answerable")} for row in ROWS]),
        ("empty", []),
        ("bad", [ROWS[0], {**ROWS[1], "answerable": True}]),
        ("long", [{**ROWS[0], "question": "Why " * 600}]),
    ):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "notes.txt").write_text(CONTEXT)
    monkeypatch.chdir(tmp_path)

    def run_one(*args, command=("eval", "qa")):
        model = ("--model", tiny_checkpoint) if "--model" not in args and command == ("eval", "qa") else ()
        return footnote(*command, *args, *model)

    return run_one


def test_from_the_passages_of_the_file(run, tmp_path):
    code, out, err = run("q.jsonl", "--seed", 3, "--write", "out.jsonl", "--json")
    found = json.loads(out)
    assert (code, err) == (0, "")
    assert (found["questions"], found["answerable"], found["unanswerable"]) == (2, 1, 1)
    assert (found["collection"], found["seed"]) == (None, 3)
    assert any("the passages of the file itself" in note for note in found["notes"])
    assert found["grounded"]["holds_answer"] == 1
    assert set(found["grounded"]["seconds"]) == {"mean", "p50", "p95"}
    assert {"exact_match", "f1"} <= set(found["overall"])
    assert not list((tmp_path / "home" / "library").iterdir()), "a temporary library leaves that of the home alone"
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [line["question"] for line in lines] == [row["question"] for row in ROWS]
    code, out, err = run("q.jsonl", "--write", "out.jsonl")
    assert (code, out) == (2, "")
    assert "--write: out.jsonl exists; name a new file" in err


def test_every_answer_is_a_row_and_the_figures_are_made_again_of_them(run, tmp_path, tiny_checkpoint):
    first = [run("q.jsonl", "--seed", seed, "--json")[1] for seed in (3, 4)]
    with closing(open_records(tmp_path / "home")) as db:
        rows = db.all(
            "SELECT json_extract(item, '$.text'), way, system, length(checkpoint),"
            " json_extract(sampling, '$.max_tokens'), json_extract(messages, '$[1].role'),"
            " json_extract(outcome, '$.answer.answer'), json_extract(outcome, '$.scored'), latency_ms > 0"
            " FROM run_outcomes JOIN run_items USING (run_id, part, number) WHERE run_id = 1 ORDER BY number, way"
        )
    asked = [row["question"] for row in ROWS]
    assert [row[:2] for row in rows] == [(text, way) for text in asked for way in ("grounded", "ungrounded")]
    assert {row[2:6] for row in rows} == {(str(tiny_checkpoint), 64, 160, "user")}
    assert rows[0][6].startswith("The Skerryvore lighthouse was lit in 1844.")
    assert rows[0][7]
    assert (rows[2][7], rows[2][8]) == ("", 1)
    code, out, err = run("--seed", 9, command=("eval", "replay"))
    assert (code, err) == (0, "")
    assert [json.dumps(found) for found in json.loads(out)["qa"].values()] == [
        json.dumps(json.loads(text), sort_keys=True) for text in first
    ]
    assert run("--seed", 9, command=("eval", "replay"))[1] == out


def test_from_the_documents_of_the_home(run):
    assert run("notes.txt", "--collection", "sea", command=("ingest",))[0] == 0
    code, out, err = run("bare.jsonl", "--collection", "sea")
    assert (code, err) == (0, "")
    shown = {line[:24].strip(): line[24:].split() for line in out.splitlines()}
    assert shown["holds answer"][:2] == ["1.000", "-"]
    assert "seconds a question" in out
    code, out, err = run("bare.jsonl", "--collection", "land")
    assert (code, out) == (2, "")
    assert "no documents in 'land'; the home's collections are sea" in err


@pytest.mark.parametrize(
    ("args", "named"),
    [
        (("none.jsonl",), "none.jsonl: cannot be read"),
        (("empty.jsonl",), "empty.jsonl: no question"),
        (("bad.jsonl",), "bad.jsonl:2: 'answers' holds no word"),
        (("bare.jsonl",), "bare.jsonl:1: no 'context'"),
        (("long.jsonl",), "long.jsonl:1: The question takes"),
        (("q.jsonl", "--collection", "x"), "the home's collections are none; add documents"),
        (("q.jsonl", "--model", "no/such/folder"), "no/such/folder"),
        (("q.jsonl", "--write", "no/folder.jsonl"), "--write: there is no folder"),
        (("q.jsonl", "--limit", -1), "--limit"),
    ],
)
def test_bad_use_is_one_clear_line_and_exit_2(run, args, named):
    code, out, err = run(*args)
    assert (code, out) == (2, "")
    assert named in err
    assert len(err.splitlines()) == 1, err

"""`footnote eval report`, as its user meets it, with two tiny models; and the page that it makes."""

import json
import re
import shutil
from contextlib import closing
from html.parser import HTMLParser

import pytest

from assistant.records import now, open_records
from eval.contestants import Contestant
from eval.form_items import FormText
from eval.forms import create_form, store_scores
from eval.report_html import page
from eval.rubric import find_rubric
from eval.sessions import add_rater, create_session, remove_session

HOSTILE = '<script>alert("1")</script> & "v2"'
CONTEXTS = ["The Skerryvore lighthouse was lit in 1844.", "Bananas are rich in potassium."]
QUESTIONS = [
    {"question": "When was the lighthouse lit?", "answers": ["1844"], "answerable": True, "context": CONTEXTS[0]},
    {"question": "What are bananas rich in?", "answers": ["potassium"], "answerable": True, "context": CONTEXTS[1]},
    {"question": "Who eats glue?", "answers": [], "answerable": False, "context": CONTEXTS[1]},
]
INSTRUCTIONS = [{"instruction": f"Say {word}.", "solution": f"{word} it is"} for word in ("yes", "no", "sea", "cat")]
TEXTS = [{"text": f"The cat sat on mat number {number}."} for number in range(6)]


@pytest.fixture(scope="module")
def other_checkpoint(tmp_path_factory, tiny_tokenizer):
    """A model like the tiny one with other weights."""
    import torch

    from finetune.base import new_model
    from finetune.config import ModelShape

    torch.manual_seed(1)
    folder = tmp_path_factory.mktemp("other") / "other"
    shape = ModelShape(layers=2, width=32, heads=2, positions=256, vocabulary=400)
    new_model(shape, tiny_tokenizer).eval().save_pretrained(folder)
    tiny_tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def run(footnote, monkeypatch, tmp_path, tiny_checkpoint, other_checkpoint):
    """Run `footnote eval report ARGS` beside files; A and B stand for the models. Gives (code, stdout, stderr)."""
    for name, rows in (("q", QUESTIONS), ("i", INSTRUCTIONS), ("t", TEXTS), ("empty", [])):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "bare.jsonl").write_text('{"question": "Who?", "answers": ["I"], "answerable": true}\n')
    (tmp_path / "dots.jsonl").write_text('{"instruction": "Say it.", "solution": "…"}\n')
    (tmp_path / "full").mkdir()
    monkeypatch.chdir(tmp_path)
    models = {"A": tiny_checkpoint, "B": other_checkpoint}

    def run_one(*args):
        return footnote("eval", "report", *(str(models.get(arg, arg)) for arg in args))

    return run_one


@pytest.fixture
def records(tmp_path):
    """A home with a session of battles and a form, whose names are hostile."""
    home = tmp_path / "home"
    home.mkdir()
    db = open_records(home)
    session = create_session(db, "duel", ["Who?", "What?"], [Contestant("base"), Contestant(HOSTILE, model="m")])
    add_rater(db, "ann", "person")
    with db.transaction():
        db.many(
            "INSERT INTO battles VALUES (?, ?, 'ann', ?, ?, ?, ?, 1.0, ?)",
            [(n + 1, session.id, n + 1, n, 0, 1, now()) for n in range(2)],
        )
        db.many("INSERT INTO votes VALUES (?, ?, NULL, ?)", [(1, "left", now()), (2, "right", now())])
    rubric = find_rubric("summary")
    texts = [FormText(f"item {n}", system, "Text.", "The source.") for n in range(3) for system in ("base", HOSTILE)]
    form = create_form(db, "read", rubric, texts)
    for number in range(6):
        store_scores(db, form, number, "ann", {aspect.name: number % 3 - 1 for aspect in rubric.aspects})
    db.close()
    return home


FILES = ("--text", "t.jsonl", "--instructions", "i.jsonl", "--questions", "q.jsonl")
EVERYTHING = ("--model", "A", "--model", "B", *FILES)


class Page(HTMLParser):
    """What a page holds: its tags with attributes, and its text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.words = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)


def test_everything_is_compared_and_the_same_twice(run, footnote, records, tmp_path):
    args = (*EVERYTHING, "--session", "duel", "--form", "read", "--seed", 2, "--home", records)
    code, out, err = run(*args, "--json")
    found = json.loads(out)
    assert (code, err) == (0, "")
    assert {"text", "instructions", "questions", "retrieval", "battles", "forms"} <= set(found)
    rows = found["changes"]["rows"]
    assert [row["metric"] for row in rows if row["part"] == "text"] == ["bits_per_byte"]
    assert {row["part"] for row in rows} >= {"instructions", "questions", "battles duel, people", "form read, people"}
    assert all(row["verdict"] in ("better", "worse", "no difference shown", "cannot be said") for row in rows)
    assert found["changes"]["comparisons"] == sum(row["p"] is not None for row in rows)
    assert found["questions"]["questions"] == 3
    models = list(found["text"]["models"].values())
    assert models[0]["figures"]["bits_per_byte"]["value"] != models[1]["figures"]["bits_per_byte"]["value"]
    assert found["retrieval"]["both"]["hit@1"] == 1
    assert set(found["timings"]) == {"text", "instructions", "questions", "retrieval"}
    first = records / "reports" / "report"
    assert json.loads((first / "report.json").read_text()) == found
    assert sorted(path.name for path in first.iterdir()) == ["report.html", "report.json"]

    assert run(*args, "--to", "again")[0] == 0
    again = tmp_path / "again"
    assert (again / "report.html").read_bytes() == (first / "report.html").read_bytes()
    one, other = (json.loads((folder / "report.json").read_text()) for folder in (first, again))
    assert one.pop("timings") != other.pop("timings")
    assert json.dumps(one) == json.dumps(other)
    assert_well_made((first / "report.html").read_text())
    assert_all_is_rows(records)
    assert_made_again(footnote, records, first, again)


def assert_all_is_rows(home):
    """What was measured of every item, by each model or way of searching, with what made it."""
    with closing(open_records(home)) as db:
        rows = db.all(
            "SELECT part, count(*), sum(length(checkpoint) = 64), sum(messages LIKE '%user%' AND reply IS NOT NULL),"
            " sum(latency_ms > 0) FROM run_outcomes WHERE run_id = 1 GROUP BY part ORDER BY part"
        )
    assert rows == [
        ("instructions", 8, 8, 8, 8),
        ("questions", 12, 12, 12, 12),
        ("retrieval", 6, None, 0, None),
        ("text", 12, 12, 0, None),
    ]


def assert_made_again(footnote, home, first, again):
    """From their rows alone, byte for byte, whatever became of the sessions since."""
    files = [{path.name: path.read_bytes() for path in folder.iterdir()} for folder in (first, again)]
    with closing(open_records(home)) as db:
        remove_session(db, "duel")
        db.all("UPDATE scores SET score = 2")
    shutil.rmtree(first)
    assert footnote("eval", "replay", "--report", 1, "--home", home) == (0, f"written to {first}\n", "")
    assert {path.name: path.read_bytes() for path in first.iterdir()} == files[0]
    code, out, err = footnote("eval", "replay", "--home", home, "--seed", 5)
    assert (code, err) == (0, "")
    told = [json.loads(made["report.json"]) for made in files]
    assert json.loads(out)["reports"] == {"1": told[0], "2": told[1]}
    for args, named in (
        (("--report", "report"), "2 reports are called 'report'; give a number: 1, 2"),
        (("--report", "none"), "there is no report 'none'; there are: 1 'report', 2 'report'"),
        (("--report", 1), "report exists; name a new folder with --to"),
        (("--report", 1, "--session", "read"), "give --session or --report, not both"),
    ):
        code, out, err = footnote("eval", "replay", *args, "--home", home)
        assert (code, out) == (2, "")
        assert named in err


def assert_well_made(html):
    """No script, nothing from elsewhere, hostile names as text, tables and plots that can be read aloud."""
    parsed = Page(html)
    tags = [tag for tag, _ in parsed.tags]
    assert not {"script", "img", "link", "iframe", "object", "form", "base"} & set(tags)
    assert HOSTILE in parsed.words
    assert "http" not in html.replace('http-equiv="Content-Security-Policy"', "")
    assert "url(" not in re.sub(r"url\(#[\w-]+\)", "", html)
    for _, attributes in parsed.tags:
        assert not any(name.startswith("on") for name in attributes)
        assert attributes.get("href", "#").startswith("#")
    assert tags.count("table") == tags.count("caption") > 5
    assert tags.count("svg") >= 5
    assert all(attributes["aria-label"] for tag, attributes in parsed.tags if tag == "svg")
    ids = [attributes["id"] for _, attributes in parsed.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {attributes.get("scope") for tag, attributes in parsed.tags if tag == "th"} == {"col", "row"}
    assert ("html", {"lang": "en"}) in parsed.tags
    assert "prefers-color-scheme: dark" in html
    assert "What changed beyond chance" in parsed.words


def test_a_copy_of_a_model_is_no_different(run, tmp_path, tiny_checkpoint):
    shutil.copytree(tiny_checkpoint, tmp_path / "copy")
    code, out, _ = run("--model", "A", "--model", "./copy", "--text", "t.jsonl", "--instructions", "i.jsonl", "--json")
    assert code == 0
    rows = json.loads(out)["changes"]["rows"]
    assert {row["verdict"] for row in rows} == {"no difference shown"}
    assert {row["difference"] for row in rows} == {0}


def test_a_limit_and_a_terminal(run, tmp_path):
    code, out, err = run("--model", "A", "--model", "B", "--text", "t.jsonl", "--limit", 2, "--to", "r")
    assert (code, err) == (0, "")
    assert "bits per byte" in out
    assert str(tmp_path / "r" / "report.html") in out or "r/report.html" in out
    found = json.loads((tmp_path / "r" / "report.json").read_text())
    assert found["text"]["documents"] == 2
    assert any("too narrow" in note for note in found["text"]["notes"])


@pytest.mark.parametrize(
    ("args", "named"),
    [
        ((), "nothing to compare: give --text"),
        (("--model", "A", "--text", "t.jsonl"), "give --model twice or more"),
        (("--model", "A", "--model", "A", "--text", "t.jsonl"), "is the same checkpoint twice"),
        (("--model", "A", "--model", "B"), "nothing to compare"),
        (("--model", "A", "--model", "B", "--session", "x"), "nothing to measure models on"),
        (("--model", "A", "--model", "no/such/one", "--text", "t.jsonl"), "no/such/one"),
        (("--model", "A", "--model", "full", "--text", "t.jsonl"), "full"),
        (("--model", "A", "--model", "http://localhost:1", "--text", "t.jsonl"), "tells no probabilities"),
        (("--model", "A", "--model", "B", "--text", "none.txt"), "none.txt: cannot be read"),
        (("--model", "A", "--model", "B", "--questions", "bare.jsonl"), "bare.jsonl:1: no 'context'"),
        (("--model", "A", "--model", "B", "--questions", "empty.jsonl"), "empty.jsonl: no question"),
        (("--model", "A", "--model", "B", "--questions", "-"), "not the standard input"),
        (("--model", "A", "--model", "B", "--questions", "bare.jsonl", "--collection", "x"), "no documents in 'x'"),
        (("--model", "A", "--model", "B", "--text", "t.jsonl", "--collection", "x"), "--collection: nothing is asked"),
        (("--model", "A", "--model", "B", "--instructions", "empty.jsonl"), "empty.jsonl: no instruction"),
        (("--model", "A", "--model", "B", "--instructions", "dots.jsonl"), "dots.jsonl:1: 'solution' has no word"),
        (("--session", "none"), "none"),
        (("--form", "none"), "none"),
        (("--form", "a", "--form", "a"), "'a' is given twice"),
        ((*EVERYTHING, "--to", "full"), "full exists; name a new folder"),
        ((*EVERYTHING, "--to", "t.jsonl/r"), "t.jsonl/r cannot be made"),
        ((*EVERYTHING, "--name", "../up"), "--name: '../up' cannot be the name of a folder"),
        ((*EVERYTHING, "--limit", -1), "--limit"),
    ],
)
def test_bad_use_is_one_clear_line_and_exit_2(run, tmp_path, args, named):
    code, out, err = run(*args)
    assert (code, out) == (2, "")
    assert named in err
    assert len(err.splitlines()) == 1, err
    assert not list((tmp_path / "home").glob("reports/*"))


def test_a_page_of_nothing_is_a_page():
    changes = {"rows": [], "comparisons": 0, "method": "M", "level": 0.05}
    empty = {"models": [], "changes": changes, "battles": {}, "forms": {}, "inputs": {}}
    html = page({**empty, "seed": 1, "resamples": 9, "limit": 0}, HOSTILE)
    assert "<script" not in html
    assert "There is nothing to compare" in html

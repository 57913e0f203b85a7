"""`footnote eval rouge`, `likert` and `agreement` as their user meets them."""

import json
from functools import partial

import pytest

PAIR = {"prediction": "Large language models are useful in processing text."}
PAIR["reference"] = "Large language models are very important for text processing."
SCORES = "item,rater,system,aspect,score\n" + "".join(
    f'{item},{rater},"{system}",coherence,{(item + len(system)) % 5 - 2}\n'
    for item in range(6)
    for rater in ("ann", "bob")
    for system in ("v1, 東京", "v2 🚀")
)


@pytest.fixture
def run(footnote, monkeypatch, tmp_path):
    """Run `footnote eval ARGS` beside files of each kind; gives (exit code, stdout, stderr)."""
    (tmp_path / "rows.jsonl").write_text(json.dumps(PAIR) + "\n")
    (tmp_path / "scores.csv").write_text(SCORES)
    (tmp_path / "ratings.csv").write_text("ann,bob\n1,1\n2,2\n1,2\n,2\n")
    (tmp_path / "bad.csv").write_text(SCORES.replace(",-2\n", ",3\n"))
    monkeypatch.chdir(tmp_path)
    return partial(footnote, "eval")


def test_rouge(run):
    code, out, err = run("rouge", "rows.jsonl", "--json")
    found = json.loads(out)
    assert (code, err) == (0, "")
    assert found["rouge1"]["recall"] == pytest.approx(6 / 9)
    assert round(found["rougeL"]["f_beta"], 2) == 0.56
    assert found["rougeL"]["ci"] is None
    lines = run("rouge", "rows.jsonl", "--ngram", 3, "--beta", 1)[1].splitlines()
    assert lines[1].split() == ["rouge3", "0.333", "0.286", "0.308", "-", "-", "0.286"]
    assert lines[2].split()[-2:] == ["0.588", "0.556"]
    assert lines[-1].startswith("all rows have one reference")
    compared = json.loads(run("rouge", "rows.jsonl", "--against", "rows.jsonl", "--json")[1])
    assert compared["difference"]["rougeL"]["f_beta"] == 0
    assert "difference" in run("rouge", "rows.jsonl", "--against", "rows.jsonl")[1]


def test_likert(run):
    code, out, err = run("likert", "scores.csv", "--rubric", "summary", "--seed", 3, "--json")
    found = json.loads(out)
    assert (code, err, found["seed"], found["models"]) == (0, "", 3, None)
    systems = found["people"]["aspects"]["coherence"]["systems"]
    assert list(systems) == ["v1, 東京", "v2 🚀"]
    assert found["people"]["aspects"]["coherence"]["alpha"]["alpha"] == 1
    shown = run("likert", "scores.csv")[1]
    assert "people: 24 scores of 6 items by 2 raters" in shown
    (line,) = [line for line in shown.splitlines() if line.startswith("coherence: v2 🚀")]
    system = systems["v2 🚀"]
    assert line.split()[3] == f"{system['mean']:.3f}"
    assert line.split()[-5:] == [str(number) for number in system["distribution"].values()]


def test_agreement(run):
    code, out, err = run("agreement", "ratings.csv", "--json")
    found = json.loads(out)
    assert (code, err) == (0, "")
    assert found["alpha"] == pytest.approx(dict.fromkeys(("nominal", "ordinal", "interval"), 1 - 5 * 2 / 18))
    shown = run("agreement", "ratings.csv")[1]
    assert shown.splitlines()[1].split()[:2] == ["nominal", "0.444"]
    assert "2 raters; 4 items, 3 rated twice or more" in shown


@pytest.mark.parametrize(
    ("args", "named"),
    [
        (("rouge", "none.jsonl"), "none.jsonl: cannot be read"),
        (("rouge", "scores.csv"), "scores.csv:1: not JSON"),
        (("rouge", "rows.jsonl", "--ngram", 10), "--ngram"),
        (("rouge", "rows.jsonl", "--beta", 0), "beta must be above 0"),
        (("rouge", "rows.jsonl", "--against", "none.jsonl"), "none.jsonl: cannot be read"),
        (("likert", "bad.csv"), "column 'score': '3' is not a score"),
        (("likert", "ratings.csv"), "ratings.csv:1: no column 'item'"),
        (("likert", "scores.csv", "--rubric", "chat"), "column 'aspect': 'coherence' is not in the rubric"),
        (("likert", "scores.csv", "--rubric", "style"), "no rubric 'style'"),
        (("likert", "."), "Is a directory"),
        (("agreement", "none.csv"), "none.csv: cannot be read"),
        (("agreement", "ratings.csv", "--seed", -1), "--seed"),
    ],
)
def test_bad_use_is_one_clear_line_and_exit_2(run, args, named):
    code, out, err = run(*args)
    assert (code, out) == (2, "")
    assert named in err
    assert len(err.splitlines()) == 1, err

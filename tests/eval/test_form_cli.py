"""`footnote eval form …` as its user meets it."""

import json
from functools import partial

import pytest

ROWS = [
    {"item": f"story {item}", "system": system, "text": f"{system} on {item}", "source": f"Source {item}."}
    for item in range(3)
    for system in ("v1, 東京", "v2 🚀")
]
SCORES = "item,rater,system,aspect,score,kind\n" + "".join(
    f'{row["item"]},{rater},"{row["system"]}",{aspect},{(number + len(aspect)) % 5 - 2},{kind}\n'
    for rater, kind in (("ann", "person"), ("gpt", "model"))
    for number, row in enumerate(ROWS)
    for aspect in ("coherence", "informativeness", "factual_accuracy")
)


@pytest.fixture
def run(footnote, monkeypatch, tmp_path):
    """Run `footnote eval form ARGS` beside files of texts and scores; gives (exit code, stdout, stderr)."""
    (tmp_path / "texts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    (tmp_path / "bad.jsonl").write_text(json.dumps({**ROWS[0], "source": ""}))
    (tmp_path / "scores.csv").write_text(SCORES)
    monkeypatch.chdir(tmp_path)
    return partial(footnote, "eval", "form")


def test_a_form_from_its_making_to_its_end(run, tmp_path):
    code, out, err = run("create", "spring", "texts.jsonl", "--rubric", "summary", "--seed", 3, "--json")
    assert (code, err) == (0, "")
    made = json.loads(out)
    assert (made["form"], made["rubric"], made["texts"], made["seed"]) == ("spring", "summary", 6, 3)
    assert "nobody has scored any of them yet" in run("report", "spring")[1]
    assert json.loads(run("import", "spring", "scores.csv", "--json")[1]) == {"form": "spring", "scores": 36}
    (listed,) = json.loads(run("list", "--json")[1])["forms"]
    assert {**listed, "made_at": ""} == {"form": "spring", "made_at": "", "texts": 6, "systems": 2, "scores": 36}
    assert "spring" in run("list")[1]
    assert json.loads(run("export", "spring", "--to", "out.csv", "--json")[1])["scores"] == 36
    written = (tmp_path / "out.csv").read_text("utf-8").replace("v2 🚀", '"v2 🚀"')
    assert sorted(written.splitlines()) == sorted(SCORES.splitlines())
    found = json.loads(run("report", "spring", "--seed", 2, "--json")[1])
    assert (found["seed"], found["people"]["scores"], found["models"]["scores"]) == (2, 18, 18)
    shown = run("report", "spring")[1]
    assert "people: 18 scores of 3 items by 1 rater" in shown
    assert "gpt     model  6 of 6" in shown
    assert "36 scores, which would be lost" in run("remove", "spring")[2]
    assert run("remove", "spring", "--yes")[1] == "removed spring, 36 scores\n"
    assert run("list")[1] == "no forms\n"


@pytest.mark.parametrize(
    ("args", "named"),
    [
        (("create", "spring"), "give the texts of the form"),
        (("create", "spring", "texts.jsonl", "--from-battles", "duel"), "give the texts of the form"),
        (("create", "spring", "none.jsonl"), "none.jsonl: cannot be read"),
        (("create", "spring", "bad.jsonl"), "bad.jsonl:1: 'source' is missing"),
        (("create", "spring", "--from-battles", "duel"), "no battle session 'duel'"),
        (("create", "spring", "texts.jsonl", "--rubric", "style"), "no rubric 'style'"),
        (("create", "spring", "texts.jsonl", "--seed", -1), "--seed"),
        (("report", "spring"), "no session called 'spring'"),
        (("export", "spring", "--to", "out.csv"), "no session called 'spring'"),
        (("import", "spring", "scores.csv"), "no session called 'spring'"),
        (("remove", "spring"), "no session called 'spring'"),
    ],
)
def test_bad_use_is_one_clear_line_and_exit_2(run, args, named):
    code, out, err = run(*args)
    assert (code, out) == (2, "")
    assert named in err
    assert len(err.splitlines()) == 1, err

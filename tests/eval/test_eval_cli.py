"""`footnote eval perplexity`, `replies` and `retrieval` as their user meets them."""

import json
from functools import partial

import pytest


@pytest.fixture
def run(footnote):
    """Run `footnote eval ARGS`; gives (exit code, stdout, stderr)."""
    return partial(footnote, "eval")


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("The lighthouse at Skerryvore was lit in 1844. " * 40)
    return path


def test_perplexity(run, text, tiny_checkpoint):
    args = ("perplexity", text, "--model", tiny_checkpoint, "--stride", 64, "--context", 128, "--limit-tokens", 200)
    code, out, err = run(*args, "--json")
    found = json.loads(out)
    assert (code, err) == (0, "")
    assert {"perplexity", "bits_per_byte", "tokens", "stride", "context"} <= set(found)
    assert (found["tokens"], found["stride"], found["context"]) == (200, 64, 128)
    assert 300 < found["perplexity"] < 500, "an untrained model of 400 tokens"
    shown = dict(line.split(maxsplit=1) for line in run(*args)[1].splitlines())
    assert shown["perplexity"] == f"{found['perplexity']:.3f}"


def test_replies(run, tmp_path, tiny_checkpoint):
    (tmp_path / "i.jsonl").write_text('{"instruction": "Say yes.", "solution": "Yes."}\n')
    args = ("replies", "--model", tiny_checkpoint, "--instructions", tmp_path / "i.jsonl", "--max-tokens", 8)
    code, out, err = run(*args, "--json")
    found = json.loads(out)
    assert (code, err) == (0, "")
    assert found["instructions"]["manner"]["replies"] == 1
    assert found["grounded"] is None
    assert found["sampling"]["seed"] == found["seed"] == 1
    assert "instructions.manner.looping" in run(*args)[1]


@pytest.fixture
def trec(tmp_path):
    """The options that name a run of two queries and qrels of three."""
    (tmp_path / "a.run").write_text("q1 Q0 d3 1 1.0 t\nq1 Q0 d1 2 1.0 t\nq2 Q0 d7 1 0.5 t\n")
    (tmp_path / "a.qrels").write_text("q1 0 d1 1\nq2 0 d7 1\nq3 0 d1 1\n")
    return ("--run", tmp_path / "a.run", "--qrels", tmp_path / "a.qrels")


def test_retrieval_of_trec_files(run, trec):
    code, out, err = run("retrieval", *trec, "--json")
    found = json.loads(out)
    assert (code, err) == (0, "")
    assert (found["mrr"], found["map"], found["recall@10"], found["recall@100"]) == (0.75, 0.75, 1, 1)
    assert found["ndcg@10"] == pytest.approx((0.6309298 + 1) / 2)
    assert found["queries"] == 2
    shown = dict(line.split(maxsplit=1) for line in run("retrieval", *trec, "--complete")[1].splitlines())
    assert (shown["mrr"], shown["queries"], shown["queries_without_results"]) == ("0.500", "3", "1")


def test_retrieval_of_questions(run, tmp_path):
    paragraphs = {"The lease ends in March.": "When does the lease end?", "Europa is a moon.": "What is Europa?"}
    rows = [{"context": text, "question": asked, "answerable": True} for text, asked in paragraphs.items()]
    (tmp_path / "q.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    args = ("retrieval", "--questions", tmp_path / "q.jsonl", "--seed", 4)
    code, out, err = run(*args, "--write-run", tmp_path / "runs", "--json")
    found = json.loads(out)
    assert (code, err) == (0, "")
    assert (found["questions"], found["documents"], found["seed"]) == (2, 2, 4)
    assert found["bm25"] == found["vectors"] == found["both"] == {"hit@1": 1, "hit@5": 1, "mrr@10": 1}
    assert found["both_minus_bm25"]["mrr@10"] == {"difference": 0, "ci": [0, 0]}
    written = tmp_path / "runs"
    assert {path.name for path in written.iterdir()} == {"bm25.run", "vectors.run", "both.run", "qrels.txt"}
    again = run("retrieval", "--run", written / "both.run", "--qrels", written / "qrels.txt", "--json")[1]
    assert json.loads(again)["mrr"] == 1
    code, out, err = run(*args, "--write-run", written)
    assert (code, out) == (2, "")
    assert "runs exists; name a new folder" in err
    assert "both_minus_bm25.hit@1.ci" in run(*args, "--limit", 1)[1]


@pytest.mark.parametrize(
    ("args", "named"),
    [
        ((), "give --run and --qrels"),
        (("--run", "x"), "give --run and --qrels"),
        (("--limit", 3), "--questions"),
        (("--run", "x", "--questions", "y"), "--run and --questions do not go together"),
        (("--run", "x", "--qrels", "y", "--seed", 1), "--run and --seed do not go together"),
        (("--questions", "x", "--complete"), "--complete and --questions do not go together"),
        (("--run", "none", "--qrels", "none"), "none: cannot be read"),
        (("--questions", "none"), "none: cannot be read"),
        (("--questions", "x", "--limit", -1), "--limit"),
        (("--questions", "x", "--seed", -1), "--seed"),
    ],
)
def test_bad_use_of_retrieval_is_one_clear_line_and_exit_2(run, args, named):
    code, out, err = run("retrieval", *args)
    assert (code, out) == (2, "")
    assert named in err
    assert len(err.splitlines()) == 1, err


@pytest.mark.parametrize(
    ("args", "named"),
    [
        (("perplexity", "TEXT", "--stride", 0), "stride must be from 1"),
        (("perplexity", "TEXT", "--limit-tokens", 0), "limit_tokens must be at least 1"),
        (("perplexity", "TEXT", "--stride", 300), "stride must be from 1 to the context of 256"),
        (("perplexity", "TEXT", "--context", 1000), "context must be from 1 to the 256 positions"),
        (("perplexity", "none.txt"), "none.txt"),
        (("perplexity", "/"), "directory"),
        (("perplexity", "TEXT", "--model", "no/such/folder"), "no/such/folder"),
        (("replies",), "--instructions or --grounded"),
        (("replies", "--grounded", "none.jsonl"), "--grounded: none.jsonl"),
        (("replies", "--instructions", "TEXT"), "not JSON"),
        (("replies", "--instructions", "EMPTY"), "--instructions: no row in "),
        (("replies", "--instructions", "ROWS", "--grounded", "EMPTY"), "--grounded: no row in "),
        (("replies", "--instructions", "HALF"), "half.jsonl:1: holds half of a character"),
        (("replies", "--questions", -1), "questions must be"),
        (("replies", "--seed", -1), "seed must be from 0"),
        (("replies", "--temperature", 3), "temperature"),
    ],
)
def test_bad_use_is_one_clear_line_and_exit_2(run, text, tmp_path, tiny_checkpoint, args, named):
    files = {"TEXT": text}
    for name, content in (
        ("empty", ""),
        ("rows", '{"instruction": "Say yes.", "solution": "Yes."}'),
        ("half", '{"instruction": "Say \\ud83d.", "solution": "Yes."}'),
    ):
        files[name.upper()] = tmp_path / f"{name}.jsonl"
        files[name.upper()].write_text(content)
    given = [str(files.get(arg, arg)) for arg in args]
    model = [] if "--model" in given else ["--model", tiny_checkpoint]
    code, out, err = run(*given, *model)
    assert (code, out) == (2, "")
    assert named in err
    assert len(err.splitlines()) == 1, err

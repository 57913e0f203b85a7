"""`footnote eval perplexity` and `footnote eval replies` as their user meets them."""

import json
import sys

import pytest

from app.main import main


@pytest.fixture
def run(monkeypatch, capsys):
    """Run `footnote eval ARGS`; gives (exit code, stdout, stderr)."""

    def footnote(*args):
        monkeypatch.setattr(sys, "argv", ["footnote", "eval", *map(str, args)])
        with pytest.raises(SystemExit) as stop:
            main()
        out, err = capsys.readouterr()
        return stop.value.code or 0, out, err

    return footnote


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

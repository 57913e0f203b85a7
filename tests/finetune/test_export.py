"""Exports of a tiny model, read back from disk; and the whole way through the commands."""

import json
import math

import pytest
import torch
from safetensors.torch import load_file

from assistant.checkpoint import load_checkpoint
from assistant.config import open_home
from assistant.errors import InputError, ModelError
from finetune.export import export
from finetune.losses import Loss, mean_loss, text_windows

_WORDS = "The lighthouse at Skerryvore was lit in 1844. Its keeper was Alan Stevenson, and the cat sat on the mat. "


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "held-out.txt"
    path.write_text(_WORDS * 30)
    return path


@pytest.fixture
def source(tmp_path, tiny_model, tiny_tokenizer):
    """A checkpoint of ours, as training leaves it: a record, metrics, steps and an adapter beside the weights."""
    folder = tmp_path / "trained"
    tiny_model.save_pretrained(folder)
    tiny_tokenizer.save_pretrained(folder)
    record = {"prompt_format": "chatml-1", "kind": "instruct", "recipe": {"base": "reading"}, "files": ["x"]}
    (folder / "run.json").write_text(json.dumps(record))
    (folder / "metrics.jsonl").write_text("{}\n")
    (folder / "adapter").mkdir()
    return folder


@pytest.mark.parametrize("dtype, stored", [("fp16", torch.float16), ("int8", torch.int8)])
def test_an_export_is_what_it_says(source, text, tmp_path, dtype, stored):
    found = export(source, tmp_path / "out", dtype, [text])
    assert sorted(path.name for path in found.folder.iterdir()) == [
        *("config.json", "generation_config.json", "model.safetensors"),
        *("run.json", "tokenizer.json", "tokenizer_config.json"),
    ]
    record = json.loads((found.folder / "run.json").read_text())
    assert record["kind"] == "instruct"
    assert record["recipe"] == {"base": "reading"}
    measured = record["export"].pop("perplexity")
    size = (found.folder / "model.safetensors").stat().st_size
    assert record["export"] == {"source_dtype": "fp32", "dtype": dtype, "bytes": size}
    assert "files" not in record
    assert 0.99 < measured["ratio"] < 1.01
    assert measured["tokens"] == found.perplexity.tokens > 700
    assert load_file(found.folder / "model.safetensors")["transformer.wte.weight"].dtype == stored
    again = load_checkpoint(found.folder)
    windows = text_windows([text], again, 20_000)
    assert mean_loss(again.model, windows).perplexity == pytest.approx(measured["exported"], abs=1e-3)


def test_the_perplexity_is_that_of_the_models_own_loss(source, text):
    checkpoint = load_checkpoint(source)
    windows = text_windows([text], checkpoint, 600)
    assert [len(window.ids) for window in windows] == [256, 256, 88]
    with torch.inference_mode():
        losses = [checkpoint.model(torch.tensor([w.ids]), labels=torch.tensor([w.ids])).loss for w in windows]
    expected = sum(loss * (len(w.ids) - 1) for loss, w in zip(losses, windows)) / (600 - 3)
    assert mean_loss(checkpoint.model, windows).mean == pytest.approx(float(expected), rel=1e-5)


def test_a_weight_too_large_for_the_type_is_refused_and_nothing_left(source, text, tmp_path):
    model = load_checkpoint(source).model
    with torch.no_grad():
        model.transformer.ln_f.weight[0] = 1e5  # beyond float16
    model.save_pretrained(source)
    for dtype in ("fp16", "int8"):
        with pytest.raises(InputError, match=rf"--dtype {dtype}: the perplexity goes from .* to nan"):
            export(source, tmp_path / "deep" / "out", dtype, [text])
    assert not (tmp_path / "deep").exists()


def test_what_is_stored_in_the_type_already_is_told(source, text, tmp_path):
    half = export(source, tmp_path / "half", "fp16", [text])
    assert (half.source_dtype, half.dtype) == ("fp32", "fp16")
    small = export(half.folder, tmp_path / "small", "int8", [text])
    assert small.source_dtype == "fp16"
    assert small.perplexity.source == pytest.approx(half.perplexity.exported, abs=1e-3)
    for folder, dtype in ((half.folder, "fp16"), (small.folder, "int8")):
        with pytest.raises(InputError, match=rf"^--dtype {dtype}: .* is stored in {dtype} already"):
            export(folder, tmp_path / "again", dtype, [text])
    assert not (tmp_path / "again").exists()


def test_outliers_that_int8_cannot_hold_are_refused(source, text, tmp_path):
    model = load_checkpoint(source).model
    with torch.no_grad():
        model.transformer.ln_f.weight.mul_(5)
        for block in model.transformer.h:
            # An input that is always zero, with weights so large that the steps are wider than all others.
            block.ln_2.weight[0] = 0
            block.mlp.c_fc.weight.mul_(40)[0] = 20_000.0
            block.mlp.c_proj.weight.mul_(40)
    model.save_pretrained(source)
    with pytest.raises(InputError, match=r"--dtype int8.*1\.01 times; keep the source"):
        export(source, tmp_path / "out", "int8", [text])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["held-out.txt", "trained"]


def test_a_foreign_model_gets_a_record_that_loads(tiny_checkpoint, text, tmp_path):
    folder = export(tiny_checkpoint, tmp_path / "out", "int8", [text]).folder
    record = json.loads((folder / "run.json").read_text())
    assert (record["kind"], record["base"], record["prompt_format"]) == ("export", "tiny", "chatml-1")
    assert load_checkpoint(folder).positions == 256


def test_what_cannot_be_used_is_refused_in_one_line(source, text, tmp_path):
    ones = tmp_path / "ones.jsonl"
    ones.write_text('{"text": "a"}\n' * 300)  # as many tokens, none with another before it
    half = tmp_path / "half.jsonl"
    half.write_text('{"text": "\\ud800"}')
    short = tmp_path / "short.txt"
    short.write_text("Too little.")
    latin = tmp_path / "latin.txt"
    latin.write_bytes(b"\xff")
    out = tmp_path / "out"
    cases = [
        (lambda: export(source, out, "int8", [short]), "--text: .* too few"),
        (lambda: export(source, out, "int8", [ones]), "--text: 0 tokens of text with others before them"),
        (lambda: export(source, out, "int8", [half]), "half.jsonl:1: holds half of a character"),
        (lambda: export(source, out, "int8", [latin]), "--text: .*latin.txt"),
        (lambda: export(source, out, "int8", [tmp_path / "none"]), "--text: .* does not exist"),
        (lambda: export(source, out, "int4", [text]), "--dtype must be one of fp16, int8"),
        (lambda: export(source, source, "int8", [text]), "already exists"),
        (lambda: export(tmp_path, out, "int8", [text]), "not a causal language model"),
    ]
    for attempt, told in cases:
        with pytest.raises((InputError, ModelError), match=told) as raised:
            attempt()
        assert "\n" not in str(raised.value)
    assert not out.exists()


def test_texts_come_from_json_lines_too(source, tmp_path):
    (tmp_path / "rows").mkdir()
    (tmp_path / "rows" / "a.jsonl").write_text(f'{{"text": "{_WORDS * 3}"}}\n' * 2)
    windows = text_windows([tmp_path / "rows"], load_checkpoint(source), 20_000)
    assert len(windows) == 2
    assert windows[0] == windows[1]


def test_a_perplexity_never_overflows():
    assert Loss(0.0, 1).perplexity == 1
    assert 1e300 < Loss(1e4, 1).perplexity < math.inf
    assert math.isnan(Loss(math.inf, 1).perplexity)


def test_the_whole_way_through_the_commands(models, source, text, tmp_path):
    home = tmp_path / "home"

    def run(*arguments):
        result = models(*arguments, "--home", home, "--json")
        assert result.exit_code == 0, result.exception
        return json.loads(result.stdout)

    out = tmp_path / "small"
    exported = run("export", source, "--dtype", "int8", "--text", text, "-o", out, "--tokens", "500")
    assert exported["folder"] == str(out)
    assert exported["perplexity"]["tokens"] == 500 - 2  # the first of each window is not predicted
    assert run("add", out, "mine")["added"]["dtype"] == "int8"
    assert run("promote", "mine") == {"promoted": "mine", "in_use": True}
    listed = run("list")
    assert listed["in_use"] == "mine"
    assert [(model["name"], model["in_use"]) for model in listed["models"]] == [("bundled", False), ("mine", True)]
    assert run("promote", "bundled")["in_use"]
    assert run("remove", "mine")["removed"]["kind"] == "instruct"
    assert [model["name"] for model in run("list")["models"]] == ["bundled"]
    assert open_home(home).model == "bundled"


def test_the_commands_speak_to_people_too(models, tiny_checkpoint, text, tmp_path, monkeypatch):
    def run(*arguments):
        result = models(*arguments)
        assert result.exit_code == 0, result.exception
        return result

    assert run("add", tiny_checkpoint, "mine").stdout.startswith("added mine ")
    told = run("export", "mine", "--dtype", "fp16", "--text", text, "-o", tmp_path / "o").stdout
    assert told.startswith("fp16, from fp32, in ")
    assert "(fp32) → " in told
    assert "(fp16), ratio 0.99999" in told
    monkeypatch.setenv("FOOTNOTE_MODEL", "some/where")
    promoted = run("promote", "mine")
    assert "model = mine" in promoted.stdout
    assert "some/where" in promoted.stderr
    lines = run("list").stdout.splitlines()
    assert lines[0].split()[0] == "bundled"
    assert lines[-1] == "in use: some/where (environment)"

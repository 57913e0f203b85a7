"""What a run leaves on the disk: whole checkpoints, what they are made of, and nothing half-written."""

import errno
import hashlib
import json
import math
import resource
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers import PreTrainedTokenizerFast, TrainerCallback

from assistant.errors import InputError
from finetune import train as training
from finetune.language import OWN_SET
from finetune.recipe import load_recipe
from finetune.record import base_name
from finetune.train import run


@pytest.fixture
def recipe(tiny_checkpoint, counting_rows, recipe_over):
    """A function that makes a recipe of a few steps."""
    values = {"kind": "instruct", "base": str(tiny_checkpoint), "data.validation": 0.2, "training.save_steps": 2}
    path = recipe_over(counting_rows(20), values)
    return lambda *settings: load_recipe(path, settings)


@contextmanager
def _largest_file(size):
    """No file may grow beyond `size` bytes, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(size), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("share", [0.5, 1.5], ids=["weights", "optimiser"])
def test_a_disk_that_fills_while_a_step_is_saved_is_told_and_no_half_step_is_left(
    recipe, tiny_checkpoint, tmp_path, share
):
    size = (tiny_checkpoint / "model.safetensors").stat().st_size
    with (
        pytest.raises(InputError, match=r"output: .*out cannot be written \(.*File too large.*then run again$") as told,
        _largest_file(share * size),
    ):
        run(recipe())
    assert "\n" not in str(told.value)
    assert not (tmp_path / "out").exists()
    assert (run(recipe()) / "run.json").is_file()


@pytest.mark.parametrize(
    "fault", [OSError(errno.ENOSPC, "No space left on device"), SafetensorError("No space left on device")]
)
def test_a_save_that_is_cut_short_leaves_the_checkpoint_of_before(recipe, monkeypatch, fault):
    folder = run(recipe("training.epochs=0.1"))
    before = {name: (folder / name).read_bytes() for name in ("model.safetensors", "run.json")}

    def cut_short(*_, **__):
        raise fault

    monkeypatch.setattr(PreTrainedTokenizerFast, "save_pretrained", cut_short)
    with pytest.raises(InputError, match=r"output: .* cannot be written \(No space left on device\).*--resume"):
        run(recipe("training.epochs=0.1", "training.seed=2"))
    assert {name: (folder / name).read_bytes() for name in before} == before
    assert not list(folder.glob(".*"))


def test_an_output_that_is_no_folder_is_refused_before_the_training(recipe, tmp_path):
    (tmp_path / "file").write_text("")
    for name in ("file", "file/deeper"):
        with pytest.raises(InputError, match=r"^output: .*file is no folder that can be written; name another$"):
            run(recipe(f'output="{tmp_path / name}"'))


def test_another_run_to_the_same_folder_leaves_nothing_of_the_one_before(recipe):
    folder = run(recipe("training.epochs=0.1", "lora.r=2", "data.test=0.1"))
    assert (folder / "adapter").is_dir()
    assert (folder / "test.jsonl").is_file()
    run(recipe("training.epochs=0.1"))
    assert not (folder / "adapter").exists()
    assert not (folder / "test.jsonl").exists()


def test_a_training_that_has_diverged_is_told_and_not_saved(recipe, tmp_path):
    with pytest.raises(InputError, match=r"^training\.learning_rate: the training has diverged: lower it"):
        run(recipe("training.learning_rate=1e6", "training.epochs=4"))
    assert not (tmp_path / "out").exists()


def test_a_training_that_diverges_later_stops_there_and_its_last_good_step_is_kept(recipe, tmp_path):
    plan = recipe("training.learning_rate=1e-3", "training.save_steps=1", "training.epochs=8", "training.batch=2")
    prepared = training.prepare
    spoiled = []

    class Spoil(TrainerCallback):
        def on_step_begin(self, args, state, control, *, model, **_):
            if state.global_step == 3:
                model.transformer.h[0].mlp.c_fc.weight.data[0, 0] = spoiled[0]

    def prepare(given):
        made = prepared(given)
        made.trainer.add_callback(Spoil())
        return made

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(training, "prepare", prepare)
        for value, what in ((float("nan"), "its gradient at step 4 is nan"), (1e5, "mlp.c_fc.weight at step 4 is not")):
            spoiled[:] = [value]
            with pytest.raises(
                InputError, match=rf"^training\.learning_rate: the training has diverged.*{what}"
            ) as told:
                run(plan)
            assert str(told.value).endswith(
                "the last good step is " + str(tmp_path / "out" / "steps" / "checkpoint-3)")
            )
            assert not (tmp_path / "out" / "run.json").exists()


def test_whoever_may_read_the_record_may_read_the_weights(recipe):
    folder = run(recipe("training.epochs=0.1"))
    assert {(folder / name).stat().st_mode for name in ("model.safetensors", "config.json")} == {
        (folder / "run.json").stat().st_mode
    }


def test_the_record_tells_of_the_data_that_were_read_though_they_are_gone_since(recipe, tmp_path, monkeypatch):
    rows = tmp_path / "rows.jsonl"
    expected = hashlib.sha256(rows.read_bytes()).hexdigest()
    real = training._train

    def without_data(*given):
        rows.unlink()
        return real(*given)

    monkeypatch.setattr(training, "_train", without_data)
    record = json.loads((run(recipe("training.epochs=0.1")) / "run.json").read_text())
    assert record["data"] == {"rows.jsonl": expected}


@pytest.mark.parametrize("kind", ["instruct", "classify", "preference"])
def test_what_the_rounding_costs_is_measured_on_the_weights_as_they_were_trained(
    kind, tiny_checkpoint, recipe_over, counting_rows, labelled_rows
):
    rows = {
        "instruct": counting_rows(20),
        "classify": labelled_rows(20),
        "preference": [{"prompt": f"Say {n}.", "chosen": f"It is {n}.", "rejected": "No."} for n in range(20)],
    }
    values = {"kind": kind, "base": str(tiny_checkpoint), "data.validation": 0.2, "training.epochs": 0.5}
    folder = run(load_recipe(recipe_over(rows[kind], values)))
    found = json.loads((folder / "run.json").read_text())["rounding"]
    assert (found["from"], found["to"]) == ("fp32", "fp16")
    assert 0 < found["validation_examples"] <= 16
    # Of the best step the trainer keeps float32 weights: what is saved is those, rounded.
    record = json.loads((folder / "run.json").read_text())
    step = folder / "steps" / f"checkpoint-{record['best_step']}" / "model.safetensors"
    full, saved = load_file(step), load_file(folder / "model.safetensors")
    assert all(torch.equal(saved[name], tensor.half()) for name, tensor in full.items())
    assert any(not torch.equal(saved[name].float(), tensor) for name, tensor in full.items())
    assert found["loss"]["fp16"] == pytest.approx(found["loss"]["fp32"], rel=0.01)
    assert found["loss"]["fp16"] != found["loss"]["fp32"]
    if kind == "classify":
        assert "perplexity" not in found
        return
    assert found["perplexity"]["fp32"] == pytest.approx(math.exp(found["loss"]["fp32"]), rel=1e-3)
    assert 0.99 < found["perplexity"]["ratio"] < 1.01


def test_the_record_has_a_hash_of_all_that_was_read(recipe, tmp_path, write_rows, counting_rows):
    twin = tmp_path / "twin" / "rows.jsonl"
    twin.parent.mkdir()
    twin.write_text('{"instruction": "Say it.", "solution": "It."}\n')
    paths = f'data.paths=["{tmp_path / "rows.jsonl"}", "{twin}"]'
    record = json.loads((run(recipe("data.own=true", paths, "training.epochs=0.01")) / "run.json").read_text())
    own = sorted(Path(OWN_SET).glob("*.jsonl"))
    assert list(record["data"]) == ["rows.jsonl", "rows.jsonl (2)", *(f"own/{path.name}" for path in own)]
    assert record["data"]["rows.jsonl (2)"] == hashlib.sha256(twin.read_bytes()).hexdigest()
    assert record["data"]["own/chat.jsonl"] == hashlib.sha256(own[0].read_bytes()).hexdigest()
    assert len(record["rows"]) == 64


@pytest.mark.parametrize(
    ("base", "name"), [("openai-community/gpt2", "openai-community/gpt2"), ("bundled", "bundled"), (".", None)]
)
def test_a_base_is_recorded_by_its_full_name_or_by_that_of_its_folder(recipe, tmp_path, monkeypatch, base, name):
    monkeypatch.chdir(tmp_path)
    assert base_name(replace(recipe(), base=base)) == (name or tmp_path.name)


def test_licences_of_the_data_are_given_in_the_recipe_or_on_the_command_line(recipe, tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text(path.read_text() + '[licences]\n"rows.jsonl" = "our own, MIT"\n')
    settings = ["training.epochs=0.1", 'licences."more.jsonl"=CC BY 4.0']
    record = json.loads((run(load_recipe(path, settings)) / "run.json").read_text())
    assert record["recipe"]["licences"] == {"rows.jsonl": "our own, MIT", "more.jsonl": "CC BY 4.0"}

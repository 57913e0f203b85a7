"""Real pretraining runs of seconds: taken up after a kill, ended by the clock, on one process or two."""

import itertools
import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

import finetune
from assistant.checkpoint import load_checkpoint
from assistant.errors import InputError
from finetune.bits import Validation, bytes_of, each_loss
from finetune.forward import Forward
from finetune.recipe import load_recipe
from finetune.shards import VALIDATION, Stream, Writer
from finetune.train import run
from finetune.watch import read_metrics
from finetune.windows import IGNORED

ROOT = str(Path(finetune.__file__).parents[1])
STEPS, EVERY = 30, 10
ON_TWO = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2")


@pytest.fixture
def recipe(write_rows, write_recipe, tmp_path):
    rows = [{"text": f"The number {n} follows {n - 1}, and {n + 1} comes after. " * 6} for n in range(1, 60)]
    shape = {"model.layers": 2, "model.width": 32, "model.heads": 2, "model.vocabulary": 300, "model.positions": 64}
    plan = {"window": 32, "batch": 2, "accumulate": 2, "learning_rate": 0.01, "save_steps": EVERY, "optimizer": "muon"}
    return write_recipe(
        {
            "kind": "pretrain",
            "output": str(tmp_path / "out"),
            "data.paths": [str(write_rows(rows, "text.jsonl"))],
            "data.validation": 0.1,
            "data.shards": str(tmp_path / "shards"),
            **shape,
            **{f"training.{name}": value for name, value in plan.items()},
            "training.schedule": "wsd",
            "training.decay": 0.5,
        }
    )


def _settings(recipe, *more):
    """So many epochs as make `STEPS` steps."""
    probe = load_recipe(recipe)
    from finetune.batches import Batches
    from finetune.record import origin
    from finetune.sharding import shards_of

    windows = Batches(shards_of(probe, origin(probe).data).train, 32, 4, 1).windows
    return [f"training.epochs={STEPS * 4 / windows}", *more]


def _losses(output):
    names = ("step", "tokens", "loss", "eval_loss", "eval_bits_per_byte", "learning_rate", "grad_norm")
    return [{n: line[n] for n in names if n in line} for line in read_metrics(output / "metrics.jsonl")]


def _record(output):
    return json.loads((output / "run.json").read_text())


def test_it_learns_and_says_so_in_bits_per_byte(recipe):
    output = run(load_recipe(recipe, _settings(recipe)))
    record = _record(output)
    assert record["steps"] == STEPS
    assert record["trained_tokens"] == STEPS * 4 * 32
    assert record["bits_per_byte"]["after"] < record["bits_per_byte"]["before"] - 1
    assert record["validation_loss"]["after"] < record["validation_loss"]["before"] - 1
    assert record["recipe"]["training"]["optimizer"] == "muon"
    assert "shards" not in record["recipe"]["data"]
    lines = _losses(output)
    assert [line["step"] for line in lines if "eval_loss" in line] == [0, 10, 20, 30, 30]
    assert [line["step"] for line in lines if "loss" in line] == [10, 20, 30]
    rates = [line["learning_rate"] for line in lines if "loss" in line]
    assert rates == pytest.approx([0.01, 0.01 * 11 / 15, 0.01 * 1 / 15])
    assert record["rounding"]["perplexity"]["ratio"] == pytest.approx(1, abs=0.01)
    loaded = load_checkpoint(output)
    assert loaded.positions == 64
    assert (output / "losses.png").stat().st_size > 1000


@pytest.mark.timeout(240)
def test_a_killed_run_is_taken_up_to_the_same_losses_and_weights(recipe, tmp_path):
    settings = _settings(recipe)
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    run(load_recipe(recipe, [*settings, f"output={whole}"]))
    options = [item for one in [*settings, f"output={broken}", "training.save_minutes=1e-6"] for item in ("--set", one)]
    command = [sys.executable, "-m", "app.main", "finetune", str(recipe), *options]
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": ROOT}, stderr=subprocess.PIPE)
    while not any(
        int(one.parent.name.split("-")[1]) >= 3 for one in broken.glob("steps/checkpoint-*/trainer_state.json")
    ):
        assert process.poll() is None, process.stderr.read().decode()
        time.sleep(0.001)
    process.kill()
    process.wait()
    process.stderr.close()
    assert process.returncode == -signal.SIGKILL
    before = (tmp_path / "shards" / "manifest.json").stat().st_mtime_ns
    more = [f"output={broken}", "training.minutes=1000"]  # which are not what ends it
    resumed = run(load_recipe(recipe, [*settings, *more]), resume=True)
    assert (tmp_path / "shards" / "manifest.json").stat().st_mtime_ns == before
    assert _losses(resumed) == _losses(whole)
    one, other = (load_file(folder / "model.safetensors") for folder in (whole, resumed))
    assert all(torch.equal(one[name], other[name]) for name in one)
    (since,) = _record(resumed)["resumed"]
    assert since["changed"] == {"training.save_minutes": [1e-6, 0.0], "training.minutes": [0.0, 1000.0]}
    assert {path.name for path in (resumed / "steps").iterdir()} == {f"checkpoint-{STEPS}", "plan.json"}


def test_a_finished_run_is_only_saved_again(recipe):
    settings = _settings(recipe)
    output = run(load_recipe(recipe, settings))
    losses, record = _losses(output), _record(output)
    (output / "model.safetensors").unlink()
    run(load_recipe(recipe, settings), resume=True)
    assert _losses(output) == losses
    assert _record(output)["bits_per_byte"] == record["bits_per_byte"]
    assert (output / "model.safetensors").exists()


def test_minutes_end_the_run_in_its_decay(recipe, monkeypatch):
    """On a clock that every look at it moves on by 20 ms, and a slow step of half a second moves on more."""
    looks, late = itertools.count(), {100: 0.5}
    passed = itertools.accumulate(late.get(look, 0.0) + 0.02 for look in looks)
    monkeypatch.setattr("finetune.loop.time", SimpleNamespace(monotonic=lambda: next(passed)))
    output = run(load_recipe(recipe, ["training.minutes=0.05", "training.epochs=100000"]))
    record = _record(output)
    lines = read_metrics(output / "metrics.jsonl")
    rates = {line["step"]: line["learning_rate"] for line in lines if "loss" in line}
    assert 80 < record["steps"] < 150
    assert min(rates.values()) == rates[record["steps"]] < 0.05 * 0.01
    assert any(line["step"] == record["steps"] and "eval_loss" in line for line in lines)
    state = json.loads((output / "steps" / f"checkpoint-{record['steps']}" / "trainer_state.json").read_text())
    assert state["stateful_callbacks"]["pretraining"]["ended"] is True


def test_shards_without_their_texts_train_the_same(recipe, tmp_path):
    settings = _settings(recipe)
    one = run(load_recipe(recipe, settings))
    losses, record = _losses(one), _record(one)
    (tmp_path / "text.jsonl").unlink()
    two = run(load_recipe(recipe, [*settings, "data.paths=[]", f"output={tmp_path / 'two'}"]))
    assert _losses(two) == losses
    for name in ("data", "rows", "counts"):
        assert _record(two)[name] == record[name]
    run(load_recipe(recipe, [*settings, "data.paths=[]"]), resume=True)  # what was begun with the texts goes on without


def test_other_shards_are_not_gone_on_with(recipe, tmp_path):
    run(load_recipe(recipe, _settings(recipe)))
    (tmp_path / "text.jsonl").write_text('{"text": "Another text. It is new."}\n')
    with pytest.raises(InputError, match=r"text\.jsonl has changed since the run began"):
        run(load_recipe(recipe, ["data.shards="]), resume=True)


def test_the_best_step_is_kept_and_a_run_that_gets_no_better_ends(recipe):
    settings = ["training.epochs=40", "training.patience=2", "training.schedule=constant", "training.learning_rate=0.1"]
    output = run(load_recipe(recipe, settings))
    record, lines = _record(output), _losses(output)
    validated = {line["step"]: line["eval_loss"] for line in lines[:-1] if line.get("eval_loss") and line["step"]}
    best = min(validated, key=validated.get)
    assert record["best_step"] == best == record["steps"] - 2 * EVERY
    assert lines[-1]["eval_loss"] == pytest.approx(validated[best], abs=1e-6)
    names = {path.name for path in (output / "steps").glob("checkpoint-*")}
    assert names == {f"checkpoint-{best}", f"checkpoint-{record['steps']}"}


def test_a_run_that_diverges_is_refused_and_leaves_nothing(recipe, tmp_path):
    with pytest.raises(InputError, match=r"^training\.learning_rate: the training has diverged: lower it"):
        run(load_recipe(recipe, ["training.learning_rate=1e30", "training.optimizer=adamw", "training.epochs=5"]))
    assert not (tmp_path / "out").exists()


def test_a_damaged_step_is_told(recipe):
    output = run(load_recipe(recipe, _settings(recipe)))
    (output / "steps" / f"checkpoint-{STEPS}" / "optimizer.safetensors").write_bytes(b"none")
    with pytest.raises(InputError, match=r"checkpoint-30: cannot be gone on from .*; remove it, then --resume again"):
        run(load_recipe(recipe, _settings(recipe)), resume=True)


WITHOUT = """
import sys
for name in ("accelerate", "trl", "peft", "datasets"):
    sys.modules[name] = None
from app.main import main
main()
"""


@pytest.mark.timeout(240)
def test_it_needs_neither_trl_nor_accelerate_nor_peft(recipe, tmp_path):
    command = [sys.executable, "-c", WITHOUT, "finetune", str(recipe), "--set", "training.epochs=0.2"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": ROOT})
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"checkpoint in {tmp_path / 'out'}\n"


@pytest.mark.timeout(300)
def test_two_processes_learn_what_one_does(recipe, footnote, tmp_path):
    settings = _settings(recipe)
    one = run(load_recipe(recipe, [*settings, f"output={tmp_path / 'one'}"]))
    options = [item for setting in [*settings, "training.accumulate=1"] for item in ("--set", setting)]
    done = footnote("finetune", recipe, *options, launcher=(*ON_TWO, "-m", "app.main"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("checkpoint in") == 1
    pairs = list(zip(_losses(one), _losses(tmp_path / "out"), strict=True))
    for alone, together in pairs:
        assert alone.keys() == together.keys()
        assert together == pytest.approx(alone, rel=0.02)
    assert _record(tmp_path / "out")["trained_tokens"] == _record(one)["trained_tokens"]


@given(st.text())
def test_the_bytes_of_the_tokens_are_those_of_the_text(tiny_tokenizer, text):
    sizes = bytes_of(tiny_tokenizer)
    ids = tiny_tokenizer.encode(text, add_special_tokens=False)
    if not {*ids} & {*tiny_tokenizer.all_special_ids}:
        assert sum(sizes[number] for number in ids) == len(text.encode())
    assert {sizes[number] for number in tiny_tokenizer.all_special_ids} == {0}


def test_bits_per_byte_of_a_model_that_knows_nothing(tmp_path, tiny_tokenizer):
    import numpy as np

    text = "The lighthouse at Skerryvore was lit in 1844. " * 9
    ids = [tiny_tokenizer.bos_token_id, *tiny_tokenizer.encode(text, add_special_tokens=False)]
    writer = Writer(tmp_path, VALIDATION)
    writer.add(np.array(ids, dtype=np.uint16))
    held_out = Validation(Stream(tmp_path, VALIDATION, writer.side().sizes), tiny_tokenizer, 32, seed=1)
    words = len(tiny_tokenizer)
    found = held_out.measure(lambda _, targets: each_loss(torch.zeros(*targets.shape, words), targets), batch=2)
    assert found.loss == pytest.approx(math.log(words), rel=1e-6)
    assert found.bits_per_byte == pytest.approx(math.log2(words) * (len(ids) - 1) / len(text.encode()), rel=1e-6)
    told = torch.cat([held_out.window(index)[1:] for index in range(len(held_out))])
    assert told[told != IGNORED].tolist() == ids[1:]


def test_the_mean_loss_is_the_mean_of_the_losses(tiny_model):
    ids = torch.randint(4, 300, (2, 33))
    forward = Forward(tiny_model, torch.device("cpu"), compiled=False)
    expected = forward.mean(ids[:, :-1], ids[:, 1:]).item()
    assert forward.each(ids[:, :-1], ids[:, 1:]).mean().item() == pytest.approx(expected, abs=2e-3)


# Importing the compiler is enough for the library to deprecate something of its own,
# and looking at a tensor to warn.
@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning", "ignore:The .grad attribute:UserWarning")
def test_layers_are_compiled_once_for_all_and_left_plain(tiny_model):
    """By the compiler's first half: the second needs a C compiler, and the better part of a minute."""
    from torch._dynamo.testing import CompileCounter

    counter, device = CompileCounter(), torch.device("cpu")
    ids = torch.randint(4, 300, (2, 33))
    plain = Forward(tiny_model, device, compiled=False).mean(ids[:, :-1], ids[:, 1:])
    forward = Forward(tiny_model, device, compiled=True, backend=counter)
    for _ in range(2):
        assert forward.mean(ids[:, :-1], ids[:, 1:]).item() == pytest.approx(plain.item(), abs=2e-3)
        forward.each(ids[:, :-1], ids[:, 1:])
    assert counter.frame_count == 2  # a layer and the loss; neither each layer, nor others to measure by
    forward.close()
    tiny_model(ids)
    assert counter.frame_count == 2


def test_checkpointing_changes_nothing_but_memory(recipe, tmp_path):
    few = ["training.epochs=0.2"]
    one = run(load_recipe(recipe, few))
    other = run(load_recipe(recipe, [*few, "training.checkpointing=true", f"output={tmp_path / 'other'}"]))
    for plain, again in zip(_losses(one), _losses(other), strict=True):
        assert again == pytest.approx(plain, rel=1e-3)

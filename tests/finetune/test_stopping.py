"""Runs that end before their plan: when they get no better, and when there is no memory."""

import json
import sys

import pytest
from transformers import GPT2Config, GPT2LMHeadModel, TrainerCallback

from finetune import train as training
from finetune.recipe import load_recipe
from finetune.train import prepare, run
from finetune.watch import read_metrics

EVERY = 4


@pytest.fixture
def rising(tiny_checkpoint, recipe_over):
    """A recipe that soon knows its rows by heart: what it says of others gets worse."""
    rows = [
        {"instruction": f"Say {n}.", "solution": f"{n * 7919 % 9973:04d} {n * 104729 % 9973:04d}"} for n in range(24)
    ]
    return recipe_over(
        rows,
        {
            "kind": "instruct",
            "base": str(tiny_checkpoint),
            "data.validation": 0.25,
            "training.window": 64,
            "training.batch": 4,
            "training.epochs": 40,
            "training.learning_rate": 0.02,
            "training.schedule": "constant",
            "training.save_steps": EVERY,
            "training.patience": 3,
        },
    )


def _validated(output):
    """Step and loss of each validation, the last one of the checkpoint that is saved."""
    lines = read_metrics(output / "metrics.jsonl")
    return [(line["step"], line["eval_loss"]) for line in lines if "eval_loss" in line]


def test_a_run_that_gets_no_better_ends_and_its_best_step_is_saved(rising):
    output = run(load_recipe(rising))
    record = json.loads((output / "run.json").read_text())
    (_, before), *validations, (last_step, saved) = _validated(output)
    losses = dict(validations)
    best = min(losses, key=losses.get)
    assert last_step == best + 3 * EVERY == record["steps"] < 40 * 24 * 0.75 / 4
    assert saved == losses[best] == min(losses.values())
    assert losses[last_step] > saved
    assert record["best_step"] == best
    assert record["validation_loss"] == {"before": before, "after": saved}
    assert _loss_of(output, rising) == pytest.approx(saved, abs=0.01)  # half precision


def _loss_of(output, recipe):
    """The validation loss of the checkpoint as it lies on the disk."""
    again = load_recipe(recipe, [f'base="{output}"', f'output="{output}-again"'])
    return prepare(again).trainer.evaluate()["eval_loss"]


def test_without_patience_it_goes_on(rising):
    output = run(load_recipe(rising, ["training.patience=0", "training.epochs=20"]))
    *validations, (last_step, saved) = _validated(output)
    assert last_step == validations[-1][0] == json.loads((output / "run.json").read_text())["steps"]
    assert last_step == 20 * 18 // 4  # of 24 rows 18 are trained on, each in a window of its own
    assert saved == min(loss for _, loss in validations[1:])


class _Stop(TrainerCallback):
    """Breaks a run off after the save of a step."""

    def __init__(self, step):
        self._step = step

    def on_save(self, args, state, control, **_):
        if state.global_step == self._step:
            raise KeyboardInterrupt


def test_a_resumed_run_goes_on_counting_its_patience(rising, tmp_path, monkeypatch):
    whole = run(load_recipe(rising))
    end = _validated(whole)[-1][0]
    broken = load_recipe(rising, [f"output={tmp_path / 'broken'}"])

    def stopped(recipe):
        prepared = prepare(recipe)
        prepared.trainer.add_callback(_Stop(end - EVERY))
        return prepared

    with monkeypatch.context() as patched:
        patched.setattr(training, "prepare", stopped)
        with pytest.raises(KeyboardInterrupt):
            run(broken)
    assert _validated(run(broken, resume=True)) == _validated(whole)


def test_too_little_memory_is_told_as_such(stock_tokenizer, recipe_over, footnote, tmp_path):
    base = tmp_path / "wide"
    # The logits of one batch alone are larger than what the process may have.
    GPT2LMHeadModel(GPT2Config(vocab_size=200_000, n_layer=1, n_embd=2, n_head=1, n_positions=128)).save_pretrained(
        base
    )
    stock_tokenizer.save_pretrained(base)
    rows = [{"instruction": f"Say {n}.", "solution": f"{n} " * 20} for n in range(128)]
    settings = {"data.validation": 0.3, "training.batch": 32, "training.accumulate": 2}
    recipe = recipe_over(rows, {"kind": "instruct", "base": str(base), **settings})
    code = """
import resource, sys
import finetune.train, finetune.losses, retrieval.sentences
taken = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (taken + 2**30, taken + 2**30))
sys.argv[0] = "footnote"
from app.main import main
main()
"""
    done = footnote("finetune", recipe, launcher=(sys.executable, "-c", code))
    assert done.stderr.splitlines()[-1] == (
        "footnote: out of memory at training.batch = 32 of 128 tokens: lower it and raise training.accumulate (2) by "
        "as much, or set training.checkpointing = true; then run again"
    )
    assert done.returncode == 2
    assert not (tmp_path / "out" / "run.json").exists()

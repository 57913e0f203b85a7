"""Weights sharded over two processes by the configuration that ships, and made whole again.

accelerate shards over accelerators only. Told that two processes on the CPU have one each, it does here all that it
does there, with PyTorch's own FSDP 2, over gloo. Not covered: NCCL, the memory of a device, more than one machine.
"""

import json
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from assistant.errors import InputError
from finetune import recipes
from finetune.recipe import load_recipe
from finetune.sharded import spare_model
from finetune.train import prepare

pytestmark = pytest.mark.timeout(300)  # each starts processes that load everything anew
SHARDED = Path(recipes.__path__[0]) / "fsdp.yaml"
PRETENDING = """
import accelerate.state
from accelerate.utils import DistributedType

made = accelerate.state.PartialState.__init__


def pretend(self, *given, **settings):
    made(self, *given, **settings)
    if self.distributed_type == DistributedType.MULTI_CPU:
        self.distributed_type = DistributedType.MULTI_GPU


accelerate.state.PartialState.__init__ = pretend
from app.main import main

main()
"""


@pytest.fixture
def sharded(footnote, tmp_path):
    """A function that runs `footnote finetune` in two processes, the model sharded over them."""
    script = tmp_path / "pretending.py"
    script.write_text(PRETENDING)
    launcher = (sys.executable, "-m", "accelerate.commands.launch", "--config_file", SHARDED, script)
    return lambda *arguments: footnote("finetune", *arguments, launcher=launcher)


@pytest.fixture
def recipe(tiny_checkpoint, labelled_rows, recipe_over):
    """Rows of which some are kept for a test, so that the model is used after its training too."""
    return recipe_over(
        labelled_rows(60),
        {
            "kind": "task",
            "base": str(tiny_checkpoint),
            "task.instruction": "Which? {text}",
            "task.solution": "{label}",
            "data.validation": 0.1,
            "data.test": 0.1,
            "training.epochs": 2,
            "training.learning_rate": 0.01,
            "training.save_steps": 1,
        },
    )


def _loss(folder, recipe):
    """The validation loss of a checkpoint in one process."""
    again = load_recipe(recipe, [f'base="{folder}"', f'output="{folder}-again"'])
    return prepare(again).trainer.evaluate()["eval_loss"]


def _check(output, recipe, base):
    """The saved checkpoint has all weights of the base, other values, and the loss that was measured."""
    record, saved = json.loads((output / "run.json").read_text()), load_file(output / "model.safetensors")
    before = load_file(base / "model.safetensors")
    assert {name: tensor.shape for name, tensor in saved.items()} == {n: tensor.shape for n, tensor in before.items()}
    assert any(not torch.equal(tensor, before[name].half()) for name, tensor in saved.items())
    assert record["validation_loss"]["after"] < record["validation_loss"]["before"]
    assert _loss(output, recipe) == pytest.approx(record["validation_loss"]["after"], rel=0.02)  # in bfloat16
    assert record["test"]["rows"] == record["counts"]["test rows"] == 6
    return record, saved


def test_what_was_sharded_is_saved_whole_and_again_when_it_is_resumed_at_its_end(
    recipe, sharded, tiny_checkpoint, tmp_path
):
    done = sharded(recipe)
    assert done.returncode == 0, done.stderr
    output = tmp_path / "out"
    record, saved = _check(output, recipe, tiny_checkpoint)
    step = load_file(output / "steps" / f"checkpoint-{record['best_step']}" / "model.safetensors")
    assert all(torch.equal(tensor, step[name].half()) for name, tensor in saved.items())
    (output / "model.safetensors").unlink()
    done = sharded(recipe, "--resume")
    assert done.returncode == 0, done.stderr
    again, weights = _check(output, recipe, tiny_checkpoint)
    assert again["validation_loss"] == record["validation_loss"]
    assert all(torch.equal(tensor, weights[name]) for name, tensor in saved.items())


def test_adapters_that_were_sharded_are_merged_and_kept(recipe, sharded, tiny_checkpoint, tmp_path):
    done = sharded(recipe, "--set", "lora.r=4")
    assert done.returncode == 0, done.stderr
    output = tmp_path / "out"
    record, _ = _check(output, recipe, tiny_checkpoint)
    folders = (output / "adapter", output / "steps" / f"checkpoint-{record['best_step']}")
    kept, step = (load_file(folder / "adapter_model.safetensors") for folder in folders)
    assert kept.keys() == step.keys()
    assert all(torch.equal(tensor, step[name]) for name, tensor in kept.items())
    assert record["trained_parameters"] == sum(tensor.numel() for tensor in kept.values())


def test_tags_added_beside_adapters_are_refused_before_the_training(recipe, stock_checkpoint):
    settings = [f'base="{stock_checkpoint}"', "tags=tokens", "lora.r=4"]
    trainer = prepare(load_recipe(recipe, settings)).trainer
    trainer.is_fsdp_enabled = True
    with pytest.raises(InputError, match=r"^tags: tokens added beside adapters cannot be sharded over devices"):
        spare_model(trainer)

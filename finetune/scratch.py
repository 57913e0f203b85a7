"""A pretraining run, from recipe to checkpoint: shards, a model of random weights, the loop, and what is saved of it.

It needs PyTorch, transformers and what these bring, nothing else that trains: neither trl nor accelerate nor peft.
"""

import hashlib
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from finetune.base import new_model
from finetune.bits import HeldOut, Validation
from finetune.config import Recipe, require
from finetune.group import Group, joined
from finetune.loop import Loop
from finetune.memory import out_of_memory_told
from finetune.output import begin, check_output, nothing_left_without_a_step
from finetune.plan import check_resumed, check_rows, note_resumed, plan_of, resumed
from finetune.progress import progress
from finetune.record import describe, origin
from finetune.rounding import Batch, Rounding
from finetune.save import save
from finetune.sharding import shards_of
from finetune.shards import Shards

_ROUNDED_WINDOWS = 16


def pretrain(recipe: Recipe, saved: str | None) -> Path:
    """Train `recipe`, which is of the kind pretrain, from the step `saved` on; gives the folder of the checkpoint."""
    output = Path(recipe.output)
    step = Path(saved) if saved else None
    with joined() as group:
        if not group.is_first:
            group.wait()  # until the shards are there
            _loop(recipe, shards_of(recipe, origin(recipe).data), group).train(step)
            return output
        check_output(recipe)
        with nothing_left_without_a_step(output):
            _first(recipe, step, group)
    return output


def make_shards(recipe: Recipe) -> Path:
    """Only the tokenizer and the shards of `recipe`; gives their folder."""
    require(recipe.kind == "pretrain", "--prepare is for recipes of the kind pretrain")
    return shards_of(recipe, origin(recipe).data).folder


def _first(recipe: Recipe, step: Path | None, group: Group) -> None:
    """What the first process does: it looks at folder and data before the training, and saves after it."""
    output, began = Path(recipe.output), time.monotonic()
    source = origin(recipe)
    shards = shards_of(recipe, source.data)
    group.wait()
    source = replace(source, data=shards.manifest.data)  # shards that came without their texts know them all the same
    rows = hashlib.sha256((shards.manifest.train.sha256 + shards.manifest.validation.sha256).encode()).hexdigest()
    plan = plan_of(recipe, source.base, source.read, group.size)
    if step is None:
        begin(output, {**plan, "rows": rows})
    else:
        changed = check_resumed(output, plan)
        check_rows(output, rows)
        if changed:
            note_resumed(output, {"step": int(step.name.rpartition("-")[2]), "changed": changed})
    loop = _loop(recipe, shards, group)
    with out_of_memory_told(recipe):
        after = loop.train(step)
    measured = {
        "trained_parameters": loop.model.num_parameters(only_trainable=True),
        "rows": rows,
        "resumed": resumed(output),
        "counts": shards.manifest.counts,
        **_measured(loop, after),
        "seconds": round(time.monotonic() - began),
    }
    with progress(f"saving {output}"):
        save(
            output,
            loop.model,
            shards.tokenizer,
            lambda model: describe(recipe, source, model, measured),
            [],
            Rounding(_batches(loop.validation), is_language=True),
        )


def _loop(recipe: Recipe, shards: Shards, group: Group) -> Loop:
    """A model of the recipe's shape on the group's device, and the loop that will train it."""
    shards.tokenizer.model_max_length = recipe.model.positions
    torch.manual_seed(recipe.training.seed)
    model = new_model(recipe.model, shards.tokenizer).to(group.device)
    if recipe.training.checkpointing:
        model.activation_checkpointing_enable()
    return Loop(recipe, model, shards, group)


def _measured(loop: Loop, after: HeldOut) -> dict[str, Any]:
    state = loop.state
    before = next(line for line in state.log_history if line["step"] == 0 and "eval_loss" in line)
    return {
        "trained_tokens": int(state.num_input_tokens_seen),
        "epochs": round(loop.epochs, 2),
        "steps": state.global_step,
        "best_step": state.best_global_step,
        "validation_loss": {"before": before["eval_loss"], "after": after.loss},
        "bits_per_byte": {"before": before["eval_bits_per_byte"], "after": after.bits_per_byte},
    }


def _batches(validation: Validation) -> list[Batch]:
    """A few windows, each alone."""
    rows = (validation.window(index)[None, :-1] for index in range(min(len(validation), _ROUNDED_WINDOWS)))
    return [{"input_ids": row.clamp(min=0), "labels": row} for row in rows]

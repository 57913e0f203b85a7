"""A pretraining run, from recipe to checkpoint: shards, a model of random weights, the loop, and what is saved of it.

It needs PyTorch, transformers and what these bring, nothing else that trains: neither trl nor accelerate nor peft.

**The bundled model on another machine with an accelerator**, where there may be little time and no network:

1. Here: `footnote finetune finetune/recipes/bundled.toml --set 'data.paths=["FOLDER"]' --prepare`. Some six minutes
   of two cores for 537 MB of text, read once for the tokenizer and once to be encoded. The shards (16 files of up to
   16 MiB, 127.6 million tokens), `manifest.json` and the tokenizer lie in `runs/shards/KEY`. `xz` makes 8.5 MB of
   each: 130 MB in all, which can be carried in as many pieces as need be. The texts are not needed there.
2. There: `footnote finetune finetune/recipes/bundled.toml --set 'data.paths=[]' --set data.shards=FOLDER --set
   training.minutes=8`. A file that is missing or not whole is named at once. The minutes are those of the loop, with
   its compiling and validations; reading before them and saving after take half a minute more, by estimate.
3. Stopped by whatever, `--resume` goes on from the last checkpoint, at most two minutes back. The minutes go on being
   counted, and may be set anew: until the decay begins, nothing is lost by more of them, or by fewer. A checkpoint
   (0.4 GB in `runs/bundled/steps`) can be gone on from elsewhere too, if it is carried there with `steps/plan.json`.
4. `footnote finetune finetune/recipes/bundled-chat.toml …` there as well, while the weights are at hand: it takes its
   rows, and needs accelerate. Then `footnote models export runs/bundled-chat -o runs/bundled-int8 --text FILE`.
5. Back come `runs/bundled-int8` (47 MB and the tokenizer, 1 MB) and, to go on from, `runs/bundled` and
   `runs/bundled-chat` without `steps` (94 MB each, float16): `tar -C runs --exclude steps -c NAME | split -b 15M -
   NAME.`

What it costs. A token takes 6 × 46.1 M operations for the matrices and 12 × 12 × 1,024 × 512 / 2 for attention,
forward and backward: 0.31 GFLOP; a step of 524,288 tokens 165 TFLOP, to which Muon adds 0.5. *Estimated, not
measured*: at 25 to 40 % of the 989 TFLOP/s in bfloat16 of an H100, a step takes 0.4 to 0.7 seconds (0.8 to 1.2
million tokens/s), and 8 minutes, less half a minute for compiling, see the corpus 2.7 to 4.2 times; memory 30 GB at a
batch of 64. *Measured*: two cores of a busy machine do 200 tokens/s (bfloat16, a batch of 4; 65 GFLOP/s). The corpus
once would take them a week, so this recipe is not for them.
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

"""`footnote bench finetune`: tokens trained per second, beside the loop that everybody writes first.

Both train the same adapters on the same rows from the same base, one after the other in turns. The plain loop takes
sixteen rows, pads them to the longest, and computes in float32; ours packs the rows into windows, and computes in
bfloat16 where the hardware has it. Counted are the tokens of rows, not the padding.
"""

import itertools
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

import torch
from transformers import TrainerCallback
from transformers.utils.logging import set_verbosity_error

from assistant.chatml import ChatML, Rendered
from finetune.base import Base, adapted, load_base
from finetune.config import Data, Lora, Recipe, Training
from finetune.language import examples_of
from finetune.learned import learned_tokens_only
from finetune.trainer import keep_freed_memory, make_trainer
from finetune.windows import IGNORED, packed

_PLAIN_BATCH = 16
_WARM_UP_STEPS = 3
_LEARNING_RATE = 1e-4


@dataclass(frozen=True, slots=True)
class Speed:
    """One side of the comparison."""

    name: str
    case: str
    total_tokens_per_s: float
    rounds: int


def measure(base: str, *, seconds: float = 20.0, rounds: int = 3, window: int = 512) -> list[Speed]:
    """The median speed of both over `rounds` turns of about `seconds` each, on our own instruction set."""
    keep_freed_memory()
    set_verbosity_error()
    recipe = Recipe(
        kind="instruct",
        output=tempfile.gettempdir(),
        base=base,
        lora=Lora(),
        data=Data(own=True),
        training=Training(window=window, batch=4, learning_rate=_LEARNING_RATE, weight_decay=0.0),
    )
    started = load_base(recipe)
    chatml = ChatML(started.tokenizer)
    rows = [chatml.render(example.messages) for example in examples_of(recipe)]
    rows = [row for row in rows if len(row.ids) <= window]
    random.Random(1).shuffle(rows)
    speeds: dict[str, list[float]] = {"packed": [], "padded": []}
    for _ in range(rounds):
        speeds["packed"].append(_packed_speed(recipe, rows, seconds))
        speeds["padded"].append(_padded_speed(recipe, rows, seconds))
    case = f"LoRA r={Lora().r}, {started.model.num_parameters() / 1e6:.0f} M parameters"
    return [Speed(name, case, round(median(found), 1), rounds) for name, found in speeds.items()]


def _packed_speed(recipe: Recipe, rows: Sequence[Rendered], seconds: float) -> float:
    """Tokens of rows per second of our trainer, its first steps and its saving left out."""
    with tempfile.TemporaryDirectory() as folder:
        base = load_base(recipe)
        windows = packed(rows, recipe.training.window, base.tokenizer.pad_token_id)
        clock = _Clock(seconds)
        plan = replace(recipe.training, epochs=1000.0, save_steps=10**9)
        learned_tokens_only(base.model)
        trainer = make_trainer(
            replace(recipe, output=folder, training=plan), _adapted(recipe, base), windows, windows, quiet=True
        )
        trainer.add_callback(clock)
        trainer.train()
    share = sum(len(row.ids) for row in rows) / (len(windows) * recipe.training.window)
    return clock.steps * recipe.training.batch * recipe.training.window * share / clock.elapsed


class _Clock(TrainerCallback):
    """Times the steps after the first few and ends the training after so many seconds."""

    def __init__(self, seconds: float):
        self._seconds = seconds
        self._began = 0.0
        self.steps = 0
        self.elapsed = 0.0

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Count a step."""
        now = time.perf_counter()
        if state.global_step == _WARM_UP_STEPS:
            self._began = now
        if state.global_step > _WARM_UP_STEPS:
            self.steps = state.global_step - _WARM_UP_STEPS
            self.elapsed = now - self._began
            control.should_training_stop = self.elapsed >= self._seconds


def _padded_speed(recipe: Recipe, rows: Sequence[Rendered], seconds: float) -> float:
    """Tokens of rows per second of the plain loop."""
    base = load_base(recipe)
    model = _adapted(recipe, base).train()
    optimizer = torch.optim.AdamW((p for p in model.parameters() if p.requires_grad), lr=_LEARNING_RATE)
    tokens, began = 0, 0.0
    for step, batch in enumerate(_batches(rows, base.tokenizer.pad_token_id), start=1):
        model(**batch).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if step == _WARM_UP_STEPS:
            began = time.perf_counter()
        if step > _WARM_UP_STEPS:
            tokens += int(batch["attention_mask"].sum())
            if time.perf_counter() - began >= seconds:
                break
    return tokens / (time.perf_counter() - began)


def _batches(rows: Sequence[Rendered], pad: int) -> Iterator[dict[str, torch.Tensor]]:
    endless = itertools.cycle(rows)
    while batch := list(itertools.islice(endless, _PLAIN_BATCH)):
        longest = max(len(row.ids) for row in batch)
        yield {
            "input_ids": torch.tensor([row.ids + [pad] * (longest - len(row.ids)) for row in batch]),
            "attention_mask": torch.tensor([[1] * len(r.ids) + [0] * (longest - len(r.ids)) for r in batch]),
            "labels": torch.tensor([_labels(row) + [IGNORED] * (longest - len(row.ids)) for row in batch]),
        }


def _labels(row: Rendered) -> list[int]:
    return [token if learned else IGNORED for token, learned in zip(row.ids, row.learned, strict=True)]


def _adapted(recipe: Recipe, base: Base) -> Any:
    return adapted(base.model, recipe.lora or Lora(), base)

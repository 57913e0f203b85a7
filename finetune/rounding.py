"""What rounding to half precision costs: the loss of the weights as they were trained, and as they are saved."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from transformers import PreTrainedModel, Trainer

from finetune.progress import progress, say
from finetune.windows import IGNORED

_EXAMPLES = 16
_WORST_RATIO = 1.01
Batch = dict[str, torch.Tensor]


class Rounding:
    """The loss over a few validation examples in float32, before and after the weights were rounded."""

    def __init__(self, batches: Sequence[Batch], is_language: bool):
        self._batches, self._is_language = batches, is_language
        self._before = math.nan

    def before(self, model: PreTrainedModel) -> None:
        """Measure the weights as they were trained."""
        self._before = self._loss(model)

    def after(self, model: PreTrainedModel) -> dict[str, Any]:
        """Measure the rounded weights, in place of which `model` has them in float32 again; gives the record."""
        after = self._loss(model)
        found: dict[str, Any] = {
            "from": "fp32",
            "to": "fp16",
            "validation_examples": len(self._batches),
            "loss": {"fp32": round(self._before, 6), "fp16": round(after, 6)},
        }
        if not self._is_language:
            return found
        ratio = math.exp(min(after - self._before, 700.0))
        if not ratio <= _WORST_RATIO:  # so written that a NaN is told as well
            say(f"note: half precision raises the perplexity {ratio:.4g} times, more than {_WORST_RATIO}")
        perplexity = {name: round(math.exp(min(loss, 700.0)), 4) for name, loss in found["loss"].items()}
        return {**found, "perplexity": {**perplexity, "ratio": round(ratio, 6)}}

    @torch.inference_mode()
    def _loss(self, model: PreTrainedModel) -> float:
        """The mean of the examples' losses, each weighed by what it has to learn."""
        model.eval()
        total, count = 0.0, 0
        with progress("measuring the rounding", "examples", len(self._batches)) as counted:
            for batch in counted(self._batches):
                learned = int((batch["labels"][:, 1:] != IGNORED).sum()) if self._is_language else 1
                given = {name: value.to(model.device) for name, value in batch.items()}
                total += float(model(**given).loss) * learned
                count += learned
        return total / count if count else math.nan


def rounding(trainer: Trainer, kind: str) -> Rounding:
    """Over the first examples that the trainer validates by; `kind` is that of the recipe."""
    rows: Any = trainer.eval_dataset
    some = [rows[index] for index in range(min(len(rows), _EXAMPLES))]
    form: Callable[[Any], Batch] = _chosen if kind == "preference" else lambda row: dict(trainer.data_collator([row]))
    return Rounding([form(row) for row in some], is_language=kind != "classify")


def _chosen(row: dict[str, list[int]]) -> Batch:
    """A preference's prompt and the better reply, which alone is learned."""
    ids = [*row["prompt_ids"], *row["chosen_ids"]]
    labels = [IGNORED] * len(row["prompt_ids"]) + row["chosen_ids"]
    return {"input_ids": torch.tensor([ids]), "labels": torch.tensor([labels])}

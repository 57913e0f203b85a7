"""Training that has diverged, noticed as soon as it shows: nothing good comes after it."""

import math
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel, Trainer, TrainerCallback

from assistant.errors import InputError
from finetune.output import newest_step

_DIVERGED = "training.learning_rate: the training has diverged"


class StopsWhenDiverged(Trainer):
    """A Trainer that stops before a step whose gradient is no number: the weights are still those of the step before.

    The gradient of a loss that is no number is none either, and several processes share one gradient, so all stop.
    """

    def _get_grad_norm(self, *given: Any, **settings: Any) -> Any:
        norm = super()._get_grad_norm(*given, **settings)
        if norm is not None and not math.isfinite(float(norm)):
            raise diverged(f"its gradient at step {self.state.global_step + 1} is {float(norm)}", self.args.output_dir)
        return norm


class DivergenceWatch(TrainerCallback):
    """Looks at each validation, before its step is saved, whether the weights could be saved in the end."""

    def on_evaluate(self, args: Any, state: Any, control: Any, *, metrics: Any, model: Any, **_: Any) -> None:
        """Stop at a loss that is no number, or a weight too large for half precision."""
        at = f"at step {state.global_step}"
        loss = metrics.get("eval_loss", 0.0)
        if not math.isfinite(loss):
            raise diverged(f"its validation loss {at} is {loss}", args.output_dir)
        name = _too_large(model) if state.global_step else None  # before, it would be the base's
        if name:
            raise diverged(f"{name} {at} is not finite in half precision", args.output_dir)


def diverged(what: str, steps: str | Path) -> InputError:
    """The refusal to go on, which names the last good step where there is one."""
    kept = newest_step(Path(steps).parent)
    good = f"; the last good step is {kept}" if kept else ""
    return InputError(f"{_DIVERGED}: lower it and start again ({what}{good})")


def in_half_precision(model: PreTrainedModel, blame: str) -> PreTrainedModel:
    """`model` in float16, in place; InputError with `blame` where a weight is no number or too large for it."""
    name = _too_large(model)
    if name:
        raise InputError(f"{blame} ({name} is not finite in half precision)")
    return model.to(torch.float16)


def half_precision_or_diverged(model: PreTrainedModel) -> PreTrainedModel:
    """The same for the end of a training."""
    return in_half_precision(model, f"{_DIVERGED}: lower it and start again")


def _too_large(model: torch.nn.Module) -> str | None:
    """The first weight that has no form in float16; not of those that are sharded, which are looked at when whole."""
    for name, weight in model.named_parameters():
        if not hasattr(weight, "to_local") and not torch.isfinite(weight.detach().to(torch.float16)).all():
            return name
    return None

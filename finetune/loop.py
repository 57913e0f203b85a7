"""The loop of pretraining: steps, what is logged of them, validations, and the steps that are saved.

Transformers' Trainer trains everything else. Pretraining has its own loop because it needs what that has not: minutes
as a limit, two optimisers, shards, and nothing installed but PyTorch and transformers on the machine where it runs.
"""

import math
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch.nn.utils import clip_grad_norm_
from transformers import GPT2LMHeadModel, TrainerState

from finetune.batches import Batches
from finetune.bits import HeldOut, Validation
from finetune.config import Recipe
from finetune.divergence import diverged
from finetune.forward import Forward
from finetune.group import Group
from finetune.optimizers import optimizers_of, set_rate
from finetune.output import METRICS, STEPS
from finetune.schedule import Course
from finetune.shards import Shards
from finetune.snapshot import folder_of, kept_loop, load_step, load_weights, save_step
from finetune.watch import MetricsFile, ProgressLine

_LOGGED_STEPS = 20
_LARGEST_GRADIENT = 1.0


class Loop:
    """A pretraining run of `recipe`: `model`, on the device of `group`, learns the shards."""

    def __init__(self, recipe: Recipe, model: GPT2LMHeadModel, shards: Shards, group: Group):
        plan = recipe.training
        self._plan, self._output, self.model, self._group = plan, Path(recipe.output), model, group
        per_step = plan.batch * plan.accumulate * group.size
        self._batches = Batches(shards.train, plan.window, per_step, plan.seed)
        self._per_step = per_step
        self._ahead: dict[int, np.ndarray] = {}
        self._course = Course(plan, max(math.ceil(self._batches.windows * plan.epochs / per_step), 1))
        self._every = min(plan.save_steps, self._course.steps)
        self.validation = Validation(shards.validation, shards.tokenizer, plan.window, plan.seed)
        on_accelerator = group.device.type != "cpu"
        self._forward = Forward(model, group.device, compiled=on_accelerator if plan.compile is None else plan.compile)
        self._optimizers = optimizers_of(model, plan)
        self._line, self._metrics = ProgressLine(), MetricsFile(self._output / METRICS)
        self.state = TrainerState(is_world_process_zero=group.is_first, max_steps=self._course.steps)

    def train(self, saved: Path | None) -> HeldOut:
        """To the end of the plan, from the step `saved` on; what the best step, then in the model, measures."""
        self.model.train()
        if saved is not None:
            self.state = load_step(saved, self.model, self._optimizers)
            self.state.is_world_process_zero = self._group.is_first
        self._metrics.on_train_begin(None, self.state, None)
        if saved is None:
            self._validate()
        self._line.on_train_begin(None, self.state, None)
        try:
            self._steps()
        finally:  # what stopped a run is told on a line of its own
            self._line.close()
            self._forward.close()
        return self._take_best()

    def _steps(self) -> None:
        state, kept = self.state, kept_loop(self.state)
        seconds = kept.setdefault("seconds", 0.0)
        began = time.monotonic() - seconds
        while not kept.get("ended"):
            share = self._course.share(state.global_step, seconds, kept.get("first", seconds))
            loss, norm = self._step(state.global_step, self._plan.learning_rate * share)
            state.global_step += 1
            state.num_input_tokens_seen += self._per_step * self._plan.window
            kept.setdefault("losses", []).append(loss)
            seconds = self._group.told(time.monotonic() - began)
            kept.setdefault("first", seconds)
            kept["ended"] = self._course.has_ended(state.global_step, seconds)
            state.max_steps = self._course.steps_in_all(state.global_step, seconds)
            if state.global_step % min(_LOGGED_STEPS, self._every) == 0 or kept["ended"]:
                self._log_losses(norm, self._plan.learning_rate * share)
            self._line.on_step_end(None, state, None)
            is_due = state.global_step % self._every == 0 or kept["ended"]
            if is_due:
                self._validate()
                kept["ended"] = kept["ended"] or self._has_stalled()
            if is_due or self._is_time_to_save(seconds):
                kept["seconds"] = kept["saved"] = time.monotonic() - began
                self._save()

    def _step(self, number: int, rate: float) -> tuple[float, float]:
        """Loss and norm of the gradient of a step; a gradient that is no number stops the run before it is followed."""
        rows = self._ahead.pop(number) if number in self._ahead else self._rows(number)
        windows = torch.from_numpy(rows).to(self._group.device)
        total = torch.zeros((), device=self._group.device)
        for part in windows.chunk(self._plan.accumulate):
            loss = self._forward.mean(part[:, :-1], part[:, 1:]) / self._plan.accumulate
            loss.backward()  # type: ignore[no-untyped-call]
            total += loss.detach()
        weights = [weight for weight in self.model.parameters() if weight.grad is not None]
        self._group.mean([total, *(weight.grad for weight in weights)])
        self._ahead[number + 1] = self._rows(number + 1)  # read while the accelerator still works on these
        norm, loss_of_all = float(clip_grad_norm_(weights, _LARGEST_GRADIENT)), float(total)
        if not math.isfinite(norm):
            raise diverged(f"its gradient at step {number + 1} is {norm}", self._output / STEPS)
        set_rate(self._optimizers, rate)
        for optimizer in self._optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        return loss_of_all, norm

    def _rows(self, number: int) -> np.ndarray:
        """The part of a step's windows that is this process's."""
        mine = self._per_step // self._group.size
        return self._batches.of_step(number, slice(self._group.rank * mine, (self._group.rank + 1) * mine))

    def _log_losses(self, norm: float, rate: float) -> None:
        losses: Sequence[float] = kept_loop(self.state).pop("losses")
        self._log({"loss": float(np.mean(losses)), "grad_norm": norm, "learning_rate": rate})

    def _validate(self) -> HeldOut:
        """Measure, log, and note the step if it is the best so far; the first process measures for all."""
        found = HeldOut(math.nan, math.nan)
        if self._group.is_first:
            found = self.validation.measure(self._forward.each, self._plan.batch)
        loss = self._group.told(found.loss)
        state, kept = self.state, kept_loop(self.state)
        if not math.isfinite(loss):
            raise diverged(f"its validation loss at step {state.global_step} is {loss}", self._output / STEPS)
        self._log({"eval_loss": loss, "eval_bits_per_byte": found.bits_per_byte})
        if state.global_step and (state.best_metric is None or loss < state.best_metric):
            state.best_metric, state.best_global_step, kept["stalled"] = loss, state.global_step, 0
        elif state.global_step:
            kept["stalled"] = kept.get("stalled", 0) + 1
        return found

    def _has_stalled(self) -> bool:
        return bool(0 < self._plan.patience <= kept_loop(self.state).get("stalled", 0))

    def _is_time_to_save(self, seconds: float) -> bool:
        since = seconds - kept_loop(self.state).get("saved", 0.0)
        return bool(0 < 60 * self._plan.save_minutes <= since)

    def _save(self) -> None:
        if self._group.is_first:
            save_step(self._output, self.model, self._optimizers, self.state)

    def _take_best(self) -> HeldOut:
        """The best step's weights in the model again, measured once more: what is saved is what was measured."""
        best = self.state.best_global_step
        if self._group.is_first and best is not None:
            if best != self.state.global_step:
                load_weights(folder_of(self._output, best), self.model)
            found = self.validation.measure(self._forward.each, self._plan.batch)
            self._log({"eval_loss": found.loss, "eval_bits_per_byte": found.bits_per_byte})
            return found
        return HeldOut(math.nan, math.nan)

    @property
    def epochs(self) -> float:
        """How often every window has been learned so far."""
        return int(self.state.global_step) * self._per_step / self._batches.windows

    def _log(self, told: dict[str, float]) -> None:
        state = self.state
        state.log_history.append({"step": state.global_step, **told})
        self._line.on_log(None, state, None, told)
        self._metrics.on_log(None, state, None, {**told, "epoch": round(self.epochs, 4)})

"""The recipe's optimiser and schedule as transformers' Trainer, which does the steps, the saving and the resuming."""

import ctypes
import math
import platform
from pathlib import Path
from typing import Any

import torch
from torch.nn import Embedding
from torch.utils.data import Dataset
from transformers import EarlyStoppingCallback, Trainer, TrainerCallback, TrainingArguments

from finetune.base import has_bfloat16
from finetune.config import Recipe, Training
from finetune.divergence import DivergenceWatch, StopsWhenDiverged
from finetune.output import METRICS, STEPS
from finetune.watch import MetricsFile, ProgressLine

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4
_NEVER = 2**31 - 1
_LOGGED_STEPS = 20


def arguments(recipe: Recipe, examples: int, kind: type[TrainingArguments] = TrainingArguments, **more: Any) -> Any:
    """The Trainer's arguments for a run over `examples` windows or rows; `more` are those of its `kind`."""
    plan = recipe.training
    per_step = plan.batch * plan.accumulate * processes()
    steps = math.ceil(examples * plan.epochs / per_step)
    every = min(plan.save_steps, steps)
    return kind(
        output_dir=str(Path(recipe.output) / STEPS),
        per_device_train_batch_size=plan.batch,
        per_device_eval_batch_size=plan.batch,
        gradient_accumulation_steps=plan.accumulate,
        activation_checkpointing=plan.checkpointing,
        max_steps=steps,
        learning_rate=plan.learning_rate,
        **_schedule(plan, steps),
        weight_decay=plan.weight_decay,
        adam_beta2=0.95,
        max_grad_norm=1.0,
        use_cpu=not torch.cuda.is_available(),
        bf16=has_bfloat16(),
        logging_steps=min(_LOGGED_STEPS, every),
        eval_strategy="steps",
        eval_steps=every,
        save_steps=every,
        save_total_limit=2,
        # The checkpoint that is shipped is the best one by validation, not the last.
        load_best_model_at_end=True,
        metric_for_best_model="eval_loss",
        greater_is_better=False,
        # A resumed run goes on counting the validations without a better loss.
        restore_callback_states_from_checkpoint=True,
        log_level_replica="error",
        seed=plan.seed,
        data_seed=plan.seed,
        include_num_input_tokens_seen="all",
        report_to=[],
        disable_tqdm=True,
        dataloader_pin_memory=False,
        # Every weight that is trained has a part in every loss; looking for others costs time, and a warning a process.
        ddp_find_unused_parameters=False,
        **more,
    )


def watched(recipe: Recipe) -> list[TrainerCallback]:
    """What looks on: progress line, metrics file, a watch for divergence, and early stopping where it is asked for."""
    plan = recipe.training
    found: list[TrainerCallback] = [ProgressLine(), DivergenceWatch(), MetricsFile(Path(recipe.output) / METRICS)]
    if plan.patience:
        found.append(EarlyStoppingCallback(early_stopping_patience=plan.patience))
    return found


def make_trainer(
    recipe: Recipe, model: Any, train: Dataset[Any], validation: Dataset[Any], *, quiet: bool = False, **more: Any
) -> Trainer:
    """A plain Trainer over examples that know their labels; a `quiet` one shows and records nothing."""
    found = _TwoRates(
        model=model,
        args=arguments(recipe, len(train)),  # type: ignore[arg-type]
        train_dataset=train,
        eval_dataset=validation,
        embedding_rate=recipe.training.embedding_rate,
        callbacks=[] if quiet else watched(recipe),
        **more,
    )
    # The Trainer's own printer writes dictionaries where ours shows one line.
    _remove_printer(found)
    return found


class _TwoRates(StopsWhenDiverged):
    """A Trainer that gives embeddings a learning rate of their own, without weight decay, if the recipe asks for it."""

    def __init__(self, *args: Any, embedding_rate: float = 1.0, **more: Any):
        super().__init__(*args, **more)
        self._embedding_rate = embedding_rate

    def create_optimizer(self, model: Any = None) -> Any:
        """AdamW, as the Trainer makes it; the embeddings in a group of their own."""
        is_new = self.optimizer is None
        optimizer = super().create_optimizer(model)
        if is_new and self._embedding_rate != 1.0:
            found = (module for module in self.model.modules() if isinstance(module, Embedding))
            embeddings = {id(p) for module in found for p in module.parameters()}
            apart = [p for group in optimizer.param_groups for p in group["params"] if id(p) in embeddings]
            for group in optimizer.param_groups:
                group["params"] = [p for p in group["params"] if id(p) not in embeddings]
            rate = self.args.learning_rate * self._embedding_rate
            optimizer.add_param_group({"params": apart, "lr": rate, "weight_decay": 0.0})
        return optimizer


def _remove_printer(trainer: Trainer) -> None:
    from transformers.trainer_callback import PrinterCallback

    trainer.remove_callback(PrinterCallback)


def _schedule(plan: Training, steps: int) -> dict[str, Any]:
    # The first step of a warm-up changes nothing; a run of a single step would be none.
    warm = {"warmup_steps": math.ceil(steps * plan.warmup) if steps > 1 else 0}
    if plan.schedule == "cosine":
        return {"lr_scheduler_type": "cosine_with_min_lr", "lr_scheduler_kwargs": {"min_lr_rate": 0.05}, **warm}
    return {"lr_scheduler_type": "constant_with_warmup" if plan.schedule == "constant" else "linear", **warm}


def processes() -> int:
    """How many processes train together; one, unless a launcher started several."""
    from accelerate import PartialState

    return int(PartialState(cpu=not torch.cuda.is_available()).num_processes)


def keep_freed_memory() -> None:
    """Ask glibc to keep what is freed, so that a step's large buffers are reused, not mapped and zeroed anew.

    Measured on two cores with the bundled shape: 1.2 times the tokens/s.
    """
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_MAX, 0)
        libc.mallopt(_M_TRIM_THRESHOLD, _NEVER)

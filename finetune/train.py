"""A training run, from recipe to checkpoint: transformers' Trainer over packed windows."""

import ctypes
import hashlib
import json
import math
import platform
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)
from transformers.trainer_utils import get_last_checkpoint

from assistant.chatml import END_OF_TEXT, IM_END, PAD, PROMPT_FORMAT
from assistant.checkpoint import RUN_FILE, Checkpoint, load_checkpoint
from assistant.errors import InputError
from assistant.rows import data_files
from finetune.config import ModelShape, Recipe
from finetune.instruct import instruct_data
from finetune.pretrain import token_stream, tokenizer_texts
from finetune.tokenizer import train_tokenizer
from finetune.windows import Windows, from_stream

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4
_NEVER = 2**31 - 1
_STEPS = "steps"
"""The folder in the output where the trainer saves what a run can go on from."""
_SHAPE = {
    "layers": "num_hidden_layers",
    "width": "hidden_size",
    "heads": "num_attention_heads",
    "positions": "max_position_embeddings",
    "vocabulary": "vocab_size",
}
"""Our names of a model's measures, and those that the configurations of transformers share."""


@dataclass(frozen=True, slots=True)
class _Start:
    """What a run begins with."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    windows: Windows
    counts: dict[str, int]


def run(recipe: Recipe, *, resume: bool = False) -> Path:
    """Train as `recipe` says and return the folder of the finished checkpoint.

    With `resume`, goes on from the last checkpoint in `OUTPUT/steps`.
    """
    _keep_freed_memory()
    torch.manual_seed(recipe.training.seed)
    output = Path(recipe.output)
    saved = _last_step(output) if resume else None
    start = _pretrain_start(recipe) if recipe.kind == "pretrain" else _instruct_start(recipe)
    train, held_out = start.windows.split(recipe.data.held_out)
    trainer = _trainer(recipe, start.model, train, held_out)
    began = time.monotonic()
    before = trainer.evaluate()
    trainer.train(resume_from_checkpoint=saved)
    after = trainer.evaluate()
    _save(output, start, _record(recipe, start, len(train), before, after, time.monotonic() - began))
    return output


def _last_step(output: Path) -> str:
    """The folder of the last step that was saved; asked for first, before any data are read."""
    steps = output / _STEPS
    last: str | None = get_last_checkpoint(str(steps)) if steps.is_dir() else None
    if last is None:
        raise InputError(f"nothing to resume in {steps}; start without --resume")
    return last


def _pretrain_start(recipe: Recipe) -> _Start:
    files = data_files(recipe.data.paths)
    tokenizer = train_tokenizer(tokenizer_texts(files), recipe.model.vocabulary, recipe.model.positions)
    ids = token_stream(files, tokenizer, recipe.data.max_tokens)
    windows = from_stream(ids, recipe.training.window)
    # A seeded order, so that the held-out windows at the end come from every file.
    order = torch.randperm(len(windows), generator=torch.Generator().manual_seed(recipe.training.seed)).numpy()
    return _Start(new_model(recipe.model, tokenizer), tokenizer, windows.take(order), {"tokens": len(ids)})


def _instruct_start(recipe: Recipe) -> _Start:
    checkpoint = load_checkpoint(Path(recipe.base))
    _check_window(recipe, checkpoint)
    data = instruct_data(recipe, checkpoint.tokenizer)
    return _Start(checkpoint.model, checkpoint.tokenizer, data.windows, data.counts)


def _check_window(recipe: Recipe, checkpoint: Checkpoint) -> None:
    if recipe.training.window > checkpoint.positions:
        raise InputError(
            f"training.window: {recipe.training.window} tokens do not fit the {checkpoint.positions} positions "
            f"of {recipe.base}"
        )


def new_model(shape: ModelShape, tokenizer: PreTrainedTokenizerBase) -> GPT2LMHeadModel:
    """A GPT-2 of `shape` with random weights, without dropout: a corpus seen about once is not overfitted."""
    config = GPT2Config(
        vocab_size=len(tokenizer),
        n_layer=shape.layers,
        n_embd=shape.width,
        n_head=shape.heads,
        n_positions=shape.positions,
        # The same function as GPT-2's own gelu_new, in one fused kernel.
        activation_function="gelu_pytorch_tanh",
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        bos_token_id=tokenizer.convert_tokens_to_ids(END_OF_TEXT),
        eos_token_id=tokenizer.convert_tokens_to_ids(IM_END),
        pad_token_id=tokenizer.convert_tokens_to_ids(PAD),
    )
    return GPT2LMHeadModel(config)


def _trainer(recipe: Recipe, model: PreTrainedModel, train: Windows, held_out: Windows) -> Trainer:
    plan = recipe.training
    steps = math.ceil(len(train) * plan.epochs / (plan.batch * plan.accumulate))
    arguments = TrainingArguments(
        output_dir=str(Path(recipe.output) / _STEPS),
        per_device_train_batch_size=plan.batch,
        per_device_eval_batch_size=plan.batch,
        gradient_accumulation_steps=plan.accumulate,
        max_steps=steps,
        learning_rate=plan.learning_rate,
        lr_scheduler_type="cosine_with_min_lr",
        lr_scheduler_kwargs={"min_lr_rate": 0.05},
        warmup_steps=math.ceil(steps * plan.warmup),
        weight_decay=plan.weight_decay,
        adam_beta2=0.95,
        max_grad_norm=1.0,
        use_cpu=not torch.cuda.is_available(),
        bf16=_has_bfloat16(),
        logging_steps=20,
        save_steps=plan.save_steps,
        save_total_limit=2,
        seed=plan.seed,
        data_seed=plan.seed,
        report_to=[],
        dataloader_pin_memory=False,
    )
    return Trainer(
        model=model,
        args=arguments,
        train_dataset=train,
        eval_dataset=held_out,
        callbacks=[_MetricsFile(Path(recipe.output) / "metrics.jsonl", plan)],
    )


class _MetricsFile(TrainerCallback):
    """Appends each logged line to `metrics.jsonl`, with the tokens seen so far."""

    def __init__(self, path: Path, plan: Any):
        self._path = path
        self._tokens_per_step = plan.window * plan.batch * plan.accumulate

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any) -> None:
        row = {"step": state.global_step, "tokens": state.global_step * self._tokens_per_step, **(logs or {})}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(row) + "\n")


def _save(output: Path, start: _Start, record: dict[str, Any]) -> None:
    """Weights in half precision, then tokenizer, then `run.json`.

    The record of an earlier run goes first: a folder without one still loads, as any model does, but a save that is cut
    short must not leave new weights beside a record that describes others.
    """
    (output / RUN_FILE).unlink(missing_ok=True)
    start.model.to(torch.float16).save_pretrained(output)
    start.tokenizer.save_pretrained(output)
    unfinished = output / f"{RUN_FILE}.part"
    unfinished.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    unfinished.replace(output / RUN_FILE)


def _record(
    recipe: Recipe, start: _Start, windows: int, before: dict[str, float], after: dict[str, float], seconds: float
) -> dict[str, Any]:
    plan = recipe.as_dict()
    files = data_files([*recipe.data.paths, *recipe.data.plain_text])
    plan["data"].pop("paths"), plan["data"].pop("plain_text"), plan.pop("output")
    plan["base"] = Path(recipe.base).name
    return {
        "prompt_format": PROMPT_FORMAT,
        "kind": recipe.kind,
        "parameters": start.model.num_parameters(),
        "shape": {name: getattr(start.model.config, key, None) for name, key in _SHAPE.items()},
        "recipe": plan,
        "data": {path.name: _sha256(path) for path in files},
        "counts": start.counts,
        "trained_tokens": round(windows * recipe.training.epochs) * recipe.training.window,
        "held_out_loss": {"before": before["eval_loss"], "after": after["eval_loss"]},
        "seconds": round(seconds),
        "base_run": _base_run(recipe),
        "made_with": {"python": platform.python_version(), "torch": torch.__version__},
    }


def _base_run(recipe: Recipe) -> dict[str, Any] | None:
    """The record of the checkpoint that the run started from, so that the last one tells the whole story."""
    path = Path(recipe.base, RUN_FILE)
    if not recipe.base or not path.is_file():
        return None
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return record


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _has_bfloat16() -> bool:
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    return bool(torch.cpu._is_avx512_bf16_supported())


def _keep_freed_memory() -> None:
    """Ask glibc to keep what is freed, so that a step's large buffers are reused, not mapped and zeroed anew.

    Measured on two cores with the bundled shape: 1.2 times the tokens/s.
    """
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_MAX, 0)
        libc.mallopt(_M_TRIM_THRESHOLD, _NEVER)

"""A training run, from recipe to checkpoint. What a recipe's kind trains on is in the module of that kind."""

import shutil
import time
from pathlib import Path
from typing import Any

import torch
from transformers.utils.logging import set_verbosity_error

from assistant.errors import InputError
from finetune.base import Base, adapted, load_base, new_model
from finetune.config import Recipe
from finetune.language import Prepared, conversations
from finetune.learned import learned_tokens_only
from finetune.pretrain import streams, tokenizer_texts
from finetune.run import Run
from finetune.save import describe, save
from finetune.tokenizer import train_tokenizer
from finetune.trainer import STEPS, keep_freed_memory, last_complete_step, make_trainer, train
from finetune.watch import plot_losses

METRICS = "metrics.jsonl"


def run(recipe: Recipe, *, resume: bool = False) -> Path:
    """Train as `recipe` says and return the folder of the finished checkpoint.

    With `resume`, goes on from the last checkpoint in `OUTPUT/steps`, to the same losses as a run never broken off.
    """
    keep_freed_memory()
    set_verbosity_error()  # the library's notes on tied weights and file times read like faults
    torch.manual_seed(recipe.training.seed)
    output = Path(recipe.output)
    saved = last_complete_step(output) if resume else None
    prepared = prepare(recipe)
    if not resume:
        _forget_earlier_run(output)
    began = time.monotonic()
    try:
        measured = _train(prepared, saved)
    except (torch.OutOfMemoryError, MemoryError) as fault:
        raise _out_of_memory(recipe) from fault
    except RuntimeError as fault:
        if "can't allocate memory" in str(fault):
            raise _out_of_memory(recipe) from fault
        raise
    if prepared.trainer.is_world_process_zero():
        measured["seconds"] = round(time.monotonic() - began)
        model = prepared.trainer.accelerator.unwrap_model(prepared.trainer.model)
        record = describe(recipe, model, prepared.counts, {**measured, **prepared.extra})
        plot_losses(output / METRICS, output / "losses.png")
        save(output, model, prepared.tokenizer, record, prepared.test_rows)
    return output


def _forget_earlier_run(output: Path) -> None:
    """So that neither its losses nor its steps are taken for those of the run that begins; its checkpoint stays."""
    (output / METRICS).unlink(missing_ok=True)
    shutil.rmtree(output / STEPS, ignore_errors=True)


def prepare(recipe: Recipe) -> Run:
    """Data and model of `recipe` in a trainer."""
    if recipe.kind == "classify":
        from finetune.classify import prepare_classifier

        return prepare_classifier(recipe)
    if recipe.kind == "preference":
        from finetune.preference import prepare_preference

        return prepare_preference(recipe)
    base, data = _from_scratch(recipe) if recipe.from_scratch else _from_base(recipe)
    plain = learned_tokens_only(base.model)
    model = adapted(plain, recipe.lora, base) if recipe.lora else plain
    trainer = make_trainer(recipe, model, data.train, data.validation)
    finish = None
    if recipe.kind == "task":
        from finetune.task import finish_task

        finish = finish_task(recipe, base.tokenizer, data.test_rows)
    return Run(trainer, base.tokenizer, data.counts, data.test_rows, finish=finish)


def _train(prepared: Run, saved: str | None) -> dict[str, Any]:
    trainer = prepared.trainer
    before = trainer.evaluate()
    train(trainer, saved)
    after = trainer.evaluate()
    return {
        "trained_tokens": int(trainer.state.num_input_tokens_seen),
        "steps": trainer.state.global_step,
        "best_step": trainer.state.best_global_step,
        "validation_loss": {"before": before["eval_loss"], "after": after["eval_loss"]},
        **(prepared.finish(trainer) if prepared.finish else {}),
    }


def _from_scratch(recipe: Recipe) -> tuple[Base, Prepared]:
    from assistant.rows import STANDARD_INPUT, data_files

    if STANDARD_INPUT in recipe.data.paths:
        raise InputError("data.paths: pretraining reads its texts twice, the standard input only once; name a file")
    pretraining = recipe.kind == "pretrain"
    files = data_files(recipe.data.paths) if pretraining else data_files(recipe.data.plain_text, "data.plain_text")
    tokenizer = train_tokenizer(tokenizer_texts(files), recipe.model.vocabulary, recipe.model.positions)
    base = Base(new_model(recipe.model, tokenizer), tokenizer)
    return base, streams(recipe, tokenizer) if pretraining else conversations(recipe, tokenizer)


def _from_base(recipe: Recipe) -> tuple[Base, Prepared]:
    base = load_base(recipe)
    if recipe.kind == "domain":
        return base, streams(recipe, base.tokenizer, _of_collection(recipe))
    return base, conversations(recipe, base.tokenizer)


def _of_collection(recipe: Recipe) -> list[str]:
    """The texts of the documents of a collection of the library."""
    if not recipe.data.collection:
        return []
    from assistant.config import read_config
    from retrieval.library import Library

    with Library.open(read_config(recipe.data.home or None).home / "library") as library:
        texts = [library.text(document.id) for document in library.documents(recipe.data.collection)]
    if not texts:
        raise InputError(f"data.collection: {recipe.data.collection} holds no document; `footnote list` shows them")
    return texts


def _out_of_memory(recipe: Recipe) -> InputError:
    plan = recipe.training
    return InputError(
        f"out of memory at training.batch = {plan.batch} of {plan.window} tokens: lower it and raise "
        f"training.accumulate ({plan.accumulate}) by as much, or set training.checkpointing = true; then --resume"
    )

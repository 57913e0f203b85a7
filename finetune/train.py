"""A training run, from recipe to checkpoint. What a recipe's kind trains on is in the module of that kind.

Pretraining has a loop of its own (`finetune.scratch`).
"""

import itertools
from pathlib import Path
from typing import Any

import torch
from transformers import Trainer
from transformers.utils.logging import disable_progress_bar, set_verbosity_error

from assistant.errors import InputError
from finetune.base import Base, adapted, load_base, new_model
from finetune.beginning import Beginning
from finetune.config import Recipe
from finetune.group import leave
from finetune.language import Prepared, conversations
from finetune.learned import learned_tokens_only
from finetune.memory import out_of_memory_told
from finetune.output import METRICS, nothing_left_without_a_step
from finetune.pretrain import streams, tokenizer_texts
from finetune.processes import is_first
from finetune.progress import progress
from finetune.run import Run, Trained
from finetune.sharded import spare_model, whole_model
from finetune.steps import last_complete_step, train
from finetune.tokenizer import train_tokenizer
from finetune.trainer import keep_freed_memory, make_trainer
from finetune.watch import read_metrics


def run(recipe: Recipe, *, resume: bool = False) -> Path:
    """Train as `recipe` says and return the folder of the finished checkpoint.

    With `resume`, goes on from the last checkpoint in `OUTPUT/steps`, to the same losses as a run never broken off.
    """
    keep_freed_memory()
    set_verbosity_error()  # the library's notes on tied weights and file times read like faults
    disable_progress_bar()  # its own bars flash up for files that are written in a moment
    torch.manual_seed(recipe.training.seed)
    output = Path(recipe.output)
    saved = last_complete_step(output) if resume else None
    if recipe.kind == "pretrain":
        from finetune.scratch import pretrain

        return pretrain(recipe, saved)
    if not is_first():
        _trained(recipe, prepare(recipe), saved)
        leave()
        return output
    began = Beginning(recipe, saved)
    with nothing_left_without_a_step(output):
        prepared = prepare(recipe)
        began.mark(prepared)
        trained, found = _trained(recipe, prepared, saved)
        began.save(prepared, trained, found)
    leave()
    return output


def _trained(recipe: Recipe, prepared: Run, saved: str | None) -> tuple[Trained, dict[str, Any]]:
    """The training, and what was measured after it."""
    with out_of_memory_told(recipe):
        trained = _train(prepared.trainer, saved, Path(recipe.output) / METRICS)
        return trained, prepared.finish(trained) if prepared.finish else {}


def prepare(recipe: Recipe) -> Run:
    """Data and model of `recipe` in a trainer."""
    if recipe.kind == "classify":
        from finetune.classify import prepare_classifier

        return prepare_classifier(recipe)
    if recipe.kind == "preference":
        from finetune.preference import prepare_preference

        return prepare_preference(recipe)
    base, data = _from_scratch(recipe) if recipe.from_scratch else _from_base(recipe)
    if recipe.kind == "task":
        from finetune.task import check_labels

        check_labels(data.parts, recipe.task.solution)
    plain = learned_tokens_only(base.model)
    model = adapted(plain, recipe.lora, base) if recipe.lora else plain
    trainer = make_trainer(recipe, model, data.train, data.validation)
    finish = None
    if recipe.kind == "task":
        from finetune.task import finish_task

        finish = finish_task(data.parts, base.tokenizer, recipe.training.window)
    return Run(trainer, base.tokenizer, data.counts, [one.row for one in data.parts.test], finish=finish)


def _train(trainer: Trainer, saved: str | None, metrics: Path) -> Trained:
    spare = spare_model(trainer)
    train(trainer, saved)
    # Only the metrics have it where a run was begun by a version of the program that measured before the training.
    told = itertools.chain(trainer.state.log_history, read_metrics(metrics) if metrics.is_file() else ())
    before = next(line for line in told if line["step"] == 0 and "eval_loss" in line)
    after = trainer.evaluate()
    return Trained(trainer, whole_model(trainer, spare), before, after)


def _from_scratch(recipe: Recipe) -> tuple[Base, Prepared]:
    """A model and a tokenizer made of the plain text beside the conversations; pretraining makes its own elsewhere."""
    from assistant.rows import STANDARD_INPUT, data_files

    if STANDARD_INPUT in recipe.data.paths:
        raise InputError("data.paths: pretraining reads its texts twice, the standard input only once; name a file")
    files = data_files(recipe.data.plain_text, "data.plain_text", text=True)
    with progress("training the tokenizer", "texts") as counted:
        tokenizer = train_tokenizer(counted(tokenizer_texts(files)), recipe.model.vocabulary, recipe.model.positions)
    return Base(new_model(recipe.model, tokenizer), tokenizer), conversations(recipe, tokenizer)


def _from_base(recipe: Recipe) -> tuple[Base, Prepared]:
    base = load_base(recipe)
    if recipe.kind == "domain":
        return base, streams(recipe, base.tokenizer, _of_collection(recipe))
    return base, conversations(recipe, base.tokenizer)


def _of_collection(recipe: Recipe) -> list[str]:
    """The texts of the documents of a collection of the library."""
    if not recipe.data.collection:
        return []
    from assistant.config import open_library, read_config

    with open_library(read_config(recipe.data.home or None)) as library:
        documents = library.documents(recipe.data.collection)
        with progress("reading the collection", "documents", len(documents)) as counted:
            texts = [library.text(document.id) for document in counted(documents)]
    if not texts:
        raise InputError(f"data.collection: {recipe.data.collection} holds no document; `footnote list` shows them")
    return texts

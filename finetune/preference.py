"""Direct preference optimisation (Rafailov et al. 2023, arXiv 2305.18290), by trl, on conversations that we render.

Of two replies to one prompt the chosen one is made likelier and the rejected one less likely, as measured against the
model that the run starts from.
"""

import copy
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from datasets import Dataset
from transformers.trainer_callback import PrinterCallback
from trl import DPOConfig, DPOTrainer

from assistant.chatml import ChatML, Message
from assistant.errors import InputError
from assistant.rows import Row
from assistant.wording import chat_messages
from finetune.base import Base, adapted, load_base
from finetune.config import Recipe, require
from finetune.conversations import Example
from finetune.divergence import StopsWhenDiverged
from finetune.fit import SHORTENED, TOO_LONG, fitted
from finetune.progress import progress
from finetune.reading import Tally, rows_for
from finetune.run import Run, Trained
from finetune.split import LEAKED, Split, leaks, split
from finetune.trainer import arguments, watched


@dataclass(frozen=True, slots=True)
class Pair:
    """A prompt with a better and a worse reply, and the row that they came from."""

    prompt: str
    chosen: str
    rejected: str
    row: dict[str, Any]


class PreferenceTrainer(StopsWhenDiverged, DPOTrainer):
    """trl's trainer on columns of token ids that are ready: `prompt_ids`, `chosen_ids`, `rejected_ids`."""

    def evaluate(self, *given: Any, **settings: Any) -> dict[str, float]:
        """As trl's, in one precision: of a model that it has not trained only the reference would be in bfloat16."""
        with self.accelerator.autocast():
            found: dict[str, float] = super().evaluate(*given, **settings)
        return found

    def compute_loss(self, *given: Any, **settings: Any) -> Any:
        """As trl's, without the warnings that trl 1.16 calls transformers by names that go away with version 6."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", r"`\w*gradient_checkpointing\w*` is deprecated", FutureWarning)
            return super().compute_loss(*given, **settings)

    def create_model_card(self, *_: Any, **__: Any) -> None:
        """None: a step is kept to resume from, not to be published."""

    def _prepare_dataset(self, dataset: Dataset, *_: Any) -> Dataset:
        """Nothing to render or to cut: both are done, by the one rendering that serving uses too."""
        return dataset


def prepare_preference(recipe: Recipe) -> Run:
    """Data and model of a preference recipe in a trainer.

    The reference is the base: without its adapters where a `lora` is trained, else a copy of it in memory.
    """
    tally = Tally()
    parts = split_pairs(recipe, tally)
    base = load_base(recipe)
    # trl reads the weights of the output layer past the adapter that holds the added tokens.
    require(
        not (base.added and recipe.lora),
        "tags: preferences cannot train added tokens by adapters; leave out [lora], or start from a base that has them",
    )
    chatml = ChatML(base.tokenizer)
    train, validation = (
        _columns(name, part, chatml, recipe.training.window, tally.counts)
        for name, part in (("training", parts.train), ("validation", parts.validation))
    )
    trainer = _trainer(recipe, base, train, validation)
    test_rows = [pair.row for pair in parts.test]
    return Run(trainer, base.tokenizer, dict(tally.counts), test_rows, finish=_rewards)


def columns(pair: Pair, chatml: ChatML, window: int, counts: Counter[str]) -> dict[str, list[int]] | None:
    """The ids of the prompt, up to where the assistant is to speak, and of both replies, to the tag that ends them.

    Prompt and longer reply fit `window`: words of the prompt's middle are left out for that, never words of a reply.
    None, and counted, where a reply alone does not fit.
    """
    chosen, rejected = (chatml.encode_text(reply) + chatml.end_ids for reply in (pair.chosen, pair.rejected))
    longer = pair.chosen if len(chosen) >= len(rejected) else pair.rejected
    whole = Example([*chat_messages(pair.prompt), Message("assistant", longer)], pair.prompt, "", pair.row)
    changed: Counter[str] = Counter()
    rendered = fitted(whole, chatml, window, changed)
    for name in (SHORTENED, TOO_LONG):
        counts[name] += changed[name]
    if rendered is None:
        return None
    return {
        "prompt_ids": rendered.ids[: rendered.learned.index(True)],
        "chosen_ids": chosen,
        "rejected_ids": rejected,
    }


def _trainer(recipe: Recipe, base: Base, train: Dataset, validation: Dataset) -> PreferenceTrainer:
    plan = recipe.training
    trainer = PreferenceTrainer(
        model=adapted(base.model, recipe.lora, base) if recipe.lora else base.model,
        ref_model=None if recipe.lora else copy.deepcopy(base.model),
        args=arguments(
            recipe,
            len(train),
            DPOConfig,
            beta=recipe.preference.beta,
            max_length=None,
            # trl has its own default for this older name of activation_checkpointing.
            gradient_checkpointing=plan.checkpointing,
        ),
        train_dataset=train,
        eval_dataset=validation,
        processing_class=base.tokenizer,
        callbacks=watched(recipe),
    )
    if recipe.lora:
        # trl copies the new adapters for a reference. New ones change nothing, so the model without any is the same.
        trainer.model.delete_adapter("ref")
    trainer.remove_callback(PrinterCallback)
    return trainer


def _rewards(trained: Trained) -> dict[str, Any]:
    """How the validation pairs are told apart, before and after; a reward is beta · log(policy / reference).

    `accuracy` is the share of pairs whose chosen reply has the higher reward, `margin` by how much in the mean, both
    as means over the batches. Before the first step both are 0: the policy still is the reference, and prefers nothing.
    """
    before, after = trained.before, trained.after
    names = {"accuracy": "eval_rewards/accuracies", "margin": "eval_rewards/margins"}
    return {
        "rewards": {
            name: {"before": round(before[key], 6), "after": round(after[key], 6)} for name, key in names.items()
        }
    }


def split_pairs(recipe: Recipe, tally: Tally) -> Split[Pair]:
    """The pairs of the recipe's rows on their sides."""
    data = recipe.data
    found = list(_pairs(recipe, tally))
    tally.require_some(found, data.paths)
    parts = split(
        found, lambda pair: pair.prompt, validation=data.validation, test=data.test, seed=recipe.training.seed
    )
    tally.counts[LEAKED] = leaks(parts, lambda pair: pair.prompt)
    tally.counts["test rows"] = len(parts.test)
    return parts


def _pairs(recipe: Recipe, tally: Tally) -> Iterator[Pair]:
    for row in rows_for("preference", recipe.data.paths, tally):
        try:
            yield _pair(row)
        except InputError as fault:
            tally.bad(fault)


def _pair(row: Row) -> Pair:
    prompt, chosen, rejected = (row.text(key).strip() for key in ("prompt", "chosen", "rejected"))
    if chosen == rejected:
        raise InputError(f"{row.place}: 'chosen' and 'rejected' are the same text")
    return Pair(prompt, chosen, rejected, row.values)


def _columns(name: str, pairs: Sequence[Pair], chatml: ChatML, window: int, counts: Counter[str]) -> Dataset:
    with progress(f"encoding the {name} rows", "pairs", len(pairs)) as counted:
        found = [one for pair in counted(pairs) if (one := columns(pair, chatml, window, counts)) is not None]
    counts[f"{name} rows"] = len(found)
    if not found:
        raise InputError(f"training.window: no {name} row fits {window} tokens; raise it")
    return Dataset.from_list(found)

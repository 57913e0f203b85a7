"""Classification: a head on the transformer that reads the last token of a text, trained whole or with adapters."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from peft import TaskType
from torch.utils.data import Dataset
from transformers import EvalPrediction

from assistant.chatml import ChatML
from assistant.errors import InputError
from assistant.rows import Row
from finetune.base import adapted, load_base, with_head
from finetune.baseline import Labelled, Scores, beside_baselines, scores
from finetune.config import Recipe
from finetune.progress import progress
from finetune.reading import Tally, rows_for
from finetune.run import Run, Trained
from finetune.split import LEAKED, Split, leaks, split
from finetune.trainer import make_trainer

CUT = "cut to training.window tokens"


@dataclass(frozen=True, slots=True)
class Classified(Labelled):
    """A text with its label, and the row that it came from."""

    row: dict[str, Any]


class EncodedTexts(Dataset[dict[str, Any]]):
    """Texts as token ids, each with the number of its label."""

    def __init__(self, ids: Sequence[list[int]], labels: Sequence[int]):
        self._ids = ids
        self._labels = labels

    def __len__(self) -> int:
        return len(self._ids)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {"input_ids": self._ids[index], "labels": self._labels[index]}


def prepare_classifier(recipe: Recipe) -> Run:
    """Data and model of a classify recipe in a trainer, measured beside the baselines when it has been trained.

    InputError where the labels cannot be learned: fewer than two of them, or one that occurs only in rows kept apart.
    """
    tally = Tally()
    parts = split_labelled(recipe, tally)
    labels = known_labels(parts)
    base = load_base(recipe)
    # The head looks for padding by this; a foreign configuration may not name it.
    base.model.config.pad_token_id = base.tokenizer.pad_token_id
    chatml, window = ChatML(base.tokenizer), recipe.training.window
    train, validation, test = (
        _encoded(part, labels, lambda text: encode(text, chatml, window, tally.counts))
        for part in (parts.train, parts.validation, parts.test)
    )
    model = with_head(base, labels)
    trainer = make_trainer(
        recipe,
        adapted(model, recipe.lora, base, TaskType.SEQ_CLS) if recipe.lora else model,
        train,
        validation,
        data_collator=padding(base.tokenizer.pad_token_id),
        compute_metrics=lambda prediction: _metrics(prediction, labels),
    )
    finish = _measure(parts, test if parts.test else validation, labels)
    return Run(trainer, base.tokenizer, dict(tally.counts), [one.row for one in parts.test], {"labels": labels}, finish)


def known_labels(parts: Split[Classified] | Split[Labelled]) -> list[str]:
    """The labels of the training rows, sorted; InputError where they are too few or miss one of the other rows."""
    known = {row.label for row in parts.train}
    for row in (*parts.validation, *parts.test):
        if row.label not in known:
            raise InputError(
                f"data.paths: the label {row.label!r} occurs only in rows kept apart, so it cannot be learned; name "
                "more rows of it or leave it out"
            )
    if len(known) < 2:
        raise InputError(f"data.paths: the only label is {min(known)!r}; name rows of two labels or more")
    return sorted(known)


def encode(text: str, chatml: ChatML, window: int, counts: Counter[str]) -> list[int]:
    """The first `window` ids of `text`, none of them a control token; a cut is counted."""
    ids = chatml.encode_text(text)
    counts[CUT] += len(ids) > window
    return ids[:window]


def padding(pad: int) -> Callable[[Sequence[dict[str, Any]]], dict[str, torch.Tensor]]:
    """A collator: examples of any lengths as tensors of shape (batch, longest), padded with `pad` on the right.

    The head reads the last token that is not `pad`. That is the text's own last one even where `pad` is the token that
    ends a text, because encoded text holds no control token.
    """

    def collate(examples: Sequence[dict[str, Any]]) -> dict[str, torch.Tensor]:
        ids = [torch.tensor(example["input_ids"]) for example in examples]
        return {
            "input_ids": torch.nn.utils.rnn.pad_sequence(ids, batch_first=True, padding_value=pad),
            "attention_mask": torch.nn.utils.rnn.pad_sequence([torch.ones_like(one) for one in ids], batch_first=True),
            "labels": torch.tensor([example["labels"] for example in examples]),
        }

    return collate


def split_labelled(recipe: Recipe, tally: Tally) -> Split[Classified]:
    """The labelled texts of the recipe's rows on their sides."""
    data = recipe.data
    found = list(_labelled(recipe, tally))
    tally.require_some(found, data.paths)
    parts = split(found, lambda row: row.text, validation=data.validation, test=data.test, seed=recipe.training.seed)
    tally.counts[LEAKED] = leaks(parts, lambda row: row.text)
    for name, part in (("training", parts.train), ("validation", parts.validation), ("test", parts.test)):
        tally.counts[f"{name} rows"] = len(part)
    return parts


def _labelled(recipe: Recipe, tally: Tally) -> Iterator[Classified]:
    for row in rows_for("classify", recipe.data.paths, tally):
        try:
            yield Classified(row.text("text"), _label(row), row.values)
        except InputError as fault:
            tally.bad(fault)


def _label(row: Row) -> str:
    value = row.values["label"]
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{row.place}: 'label' must be a text that is not empty, or a whole number")
    return value.strip()


def _encoded(
    rows: Sequence[Classified], labels: Sequence[str], encode_text: Callable[[str], list[int]]
) -> EncodedTexts:
    with progress("encoding", "texts", len(rows)) as counted:
        ids = [encode_text(row.text) for row in counted(rows)]
    return EncodedTexts(ids, [labels.index(row.label) for row in rows])


def _measure(
    parts: Split[Classified], held: EncodedTexts, labels: Sequence[str]
) -> Callable[[Trained], dict[str, Any]]:
    """What measures the trained model on `held`, the encoded rows that the baselines are measured on."""

    def finish(trained: Trained) -> dict[str, Any]:
        predicted = trained.trainer.predict(held)
        told = _scored(predicted.predictions, predicted.label_ids, labels)
        return beside_baselines(parts, told) if trained.model is not None else {}

    return finish


def _metrics(prediction: EvalPrediction, labels: Sequence[str]) -> dict[str, float]:
    found = _scored(prediction.predictions, prediction.label_ids, labels)
    return {"accuracy": found.accuracy, "macro_f1": found.macro_f1}


def _scored(logits: Any, numbers: Any, labels: Sequence[str]) -> Scores:
    told = [labels[number] for number in logits.argmax(-1)]
    return scores(told, [labels[number] for number in numbers])

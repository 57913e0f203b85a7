"""Task recipes on rows of a text and its label: the label is generated for the test rows, and compared with it."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase

from assistant.chatml import ChatML
from finetune.baseline import Labelled, beside_baselines, scores
from finetune.classify import known_labels
from finetune.conversations import Example
from finetune.fit import fitted
from finetune.progress import progress
from finetune.run import Trained
from finetune.split import Split

_TOGETHER = 64
"""Replies generated in one batch."""


def finish_task(
    parts: Split[Example], tokenizer: PreTrainedTokenizerBase, window: int
) -> Callable[[Trained], dict[str, Any]] | None:
    """What measures the trained model: the share of test rows whose solution it generates word for word.

    None where there is nothing to measure: without test rows, and for rows other than a text with its label. Only the
    first process generates, by a model that needs none of the others: they may be gone by then.
    """
    rows = [one.row for part in (parts.train, parts.validation, parts.test) for one in part]
    if not parts.test or not all({"text", "label"} <= row.keys() for row in rows):
        return None

    def finish(trained: Trained) -> dict[str, Any]:
        if trained.model is None:
            return {}
        # In float32, as the checkpoint is loaded, whatever it was trained in.
        model = trained.trainer.accelerator.unwrap_model(trained.model, keep_fp32_wrapper=False)
        told = solved(parts.test, model, tokenizer, window)
        found = scores(told, [one.messages[-1].content for one in parts.test])
        return beside_baselines(Split(*map(_labelled, (parts.train, parts.validation, parts.test))), found)

    return finish


def check_labels(parts: Split[Example], solution: str) -> None:
    """Refuse rows of a text and its label where a label is to be told that no row trains (see `known_labels`)."""
    rows = [one.row for part in (parts.train, parts.validation, parts.test) for one in part]
    if "{label}" in solution and all({"text", "label"} <= row.keys() for row in rows):
        known_labels(Split(*map(_labelled, (parts.train, parts.validation, parts.test))))


def solved(
    examples: Sequence[Example], model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, window: int
) -> list[str]:
    """The reply that the model gives to each of `examples`, by the likeliest token at a time.

    It sees what it was trained to see: the conversation up to the reply, its question cut where the whole would not fit
    `window`. A reply may be as long as the longest solution in `examples`, and the tag that ends it; what is longer is
    wrong in any case. An example of which the solution alone does not fit gets an empty reply.
    """
    chatml = ChatML(tokenizer)
    rendered = [fitted(one, chatml, window, Counter()) for one in examples]
    asked = [one.ids[: one.learned.index(True)] if one else [] for one in rendered]
    longest = max((sum(one.learned) for one in rendered if one), default=0)
    replies = [""] * len(examples)
    model.eval()
    batches = list(_of_one_length(asked))
    with progress("replying", "batches", len(batches)) as counted:
        for batch in counted(batches):
            new = _generated([asked[index] for index in batch], longest, model, chatml, tokenizer.pad_token_id)
            for index, ids in zip(batch, new, strict=True):
                replies[index] = tokenizer.decode(until(ids, chatml.end_ids)).strip()
    return replies


def until(ids: Sequence[int], end: Sequence[int]) -> list[int]:
    """`ids` before the first run of `end` in them; all of them where there is none."""
    size = len(end)
    stop = next((i for i in range(len(ids) - size + 1) if list(ids[i : i + size]) == list(end)), len(ids))
    return list(ids[:stop])


def _of_one_length(asked: Sequence[list[int]]) -> Iterator[list[int]]:
    """Indices of prompts of one number of ids, so that a batch needs no padding; empty ones are left out."""
    alike: dict[int, list[int]] = {}
    for index, ids in enumerate(asked):
        alike.setdefault(len(ids), []).append(index)
    for length, found in alike.items():
        for start in range(0, len(found) if length else 0, _TOGETHER):
            yield found[start : start + _TOGETHER]


@torch.inference_mode()
def _generated(
    asked: Sequence[list[int]], longest: int, model: PreTrainedModel, chatml: ChatML, pad: int
) -> list[list[int]]:
    """At most `longest` new ids for each prompt, all of one length; what ended before the others goes on with `pad`."""
    ids = torch.tensor(asked, device=model.device)
    width = ids.shape[1]
    plan = GenerationConfig(
        max_new_tokens=min(longest, model.config.max_position_embeddings - width),
        do_sample=False,
        pad_token_id=pad,
        # Tags that are ordinary text have no one token to stop at.
        eos_token_id=chatml.end_ids[0] if chatml.single_tokens else None,
    )
    found = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), generation_config=plan)
    new: list[list[int]] = found[:, width:].tolist()
    return new


def _labelled(examples: Sequence[Example]) -> list[Labelled]:
    return [Labelled(str(one.row["text"]), str(one.row["label"])) for one in examples]

"""Finetuning data: rows of every kind as conversations, rendered in ChatML and packed into windows."""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from transformers import PreTrainedTokenizerBase

from assistant.chatml import PAD, ChatML, Message, Rendered
from assistant.errors import InputError
from assistant.rows import Row, data_files, read_rows
from assistant.wording import chat_messages
from finetune.config import Recipe
from finetune.grounding import cloze, grounded_row, passages
from finetune.windows import Windows, packed

_MOST_DISTRACTORS = 2


@dataclass(frozen=True, slots=True)
class InstructData:
    """Packed windows, and how many rows of what became of the input."""

    windows: Windows
    counts: dict[str, int]


def instruct_data(recipe: Recipe, tokenizer: PreTrainedTokenizerBase) -> InstructData:
    """All rows of the recipe in a seeded order. A conversation longer than a window is left out and counted."""
    rng = random.Random(recipe.training.seed)
    counts: Counter[str] = Counter()
    chatml = ChatML(tokenizer)
    examples = [chatml.render(messages) for messages in _from_rows(recipe, rng, counts)]
    made = [chatml.render(messages) for messages in _from_plain_text(recipe, rng, counts)]
    examples.extend(map(_whole, made) if recipe.data.learn_sources else made)
    rng.shuffle(examples)
    fitting = _fitting(examples, recipe.training.window, counts)
    windows = packed(fitting, recipe.training.window, tokenizer.convert_tokens_to_ids(PAD))
    return InstructData(windows, dict(counts))


def _whole(example: Rendered) -> Rendered:
    """`example` learned to the last token: its sources are plain text, so they go on teaching the language."""
    return Rendered(example.ids, [True] * len(example.ids))


def _fitting(examples: Sequence[Rendered], window: int, counts: Counter[str]) -> Iterator[Rendered]:
    for example in examples:
        if len(example.ids) <= window:
            counts["tokens"] += len(example.ids)
            yield example
        else:
            counts["left out: longer than a window"] += 1


def _from_rows(recipe: Recipe, rng: random.Random, counts: Counter[str]) -> Iterator[list[Message]]:
    for path in data_files(recipe.data.paths):
        rows = list(read_rows(path))
        contexts = [row.text("context") for row in rows if _is_grounded(row)]
        for row in rows:
            source = str(row.values.get("source", path.name))
            messages = _conversation(row, contexts, rng)
            if messages is None:
                counts[f"left out: {source}, no sentence holds the answer"] += 1
                continue
            repeats = recipe.data.repeats.get(source, 1)
            counts[source] += repeats
            yield from [messages] * repeats


def _is_grounded(row: Row) -> bool:
    """Whether `row` is a question on a passage; an instruction may have a `context` too, often an empty one."""
    return "context" in row.values and "instruction" not in row.values


def _conversation(row: Row, contexts: Sequence[str], rng: random.Random) -> list[Message] | None:
    if "instruction" in row.values:
        return [*chat_messages(row.text("instruction")), Message("assistant", row.text("solution").strip())]
    if _is_grounded(row):
        return grounded_row(row, _other_contexts(row, contexts, rng), rng)
    raise InputError(
        f"{row.path}:{row.line}: neither an instruction nor a grounded row; keys are {', '.join(row.values)}"
    )


def _other_contexts(row: Row, contexts: Sequence[str], rng: random.Random) -> list[str]:
    """Beginnings of other passages of the same file, to tell apart from the one that answers."""
    picked = [rng.choice(contexts) for _ in range(rng.randint(0, _MOST_DISTRACTORS))]
    own = row.text("context")
    return [text[: rng.randint(80, 300)].rsplit(" ", 1)[0] for text in picked if text != own]


def _from_plain_text(recipe: Recipe, rng: random.Random, counts: Counter[str]) -> Iterator[list[Message]]:
    wanted = recipe.data.cloze_rows
    if not wanted:
        return
    runs = passages(_texts(data_files(recipe.data.plain_text, "data.plain_text")), rng)
    recent: list[str] = []
    for lines in runs:
        distractors = rng.sample(recent, min(len(recent), rng.randint(1, _MOST_DISTRACTORS)))
        messages = cloze(lines, distractors, rng)
        recent = [*recent[-8:], " ".join(lines[:2])]
        if messages is not None and len(messages) > 2 and distractors:
            counts["cloze"] += 1
            yield messages
        if counts["cloze"] >= wanted:
            return
    raise InputError(f"data.cloze_rows: the plain text makes only {counts['cloze']} of {wanted}; name more of it")


def _texts(files: Sequence[Path]) -> Iterator[str]:
    """The texts of all files, one of each in turn."""
    streams = [(row.text("text") for row in read_rows(path)) for path in files]
    while streams:
        for stream in list(streams):
            text = next(stream, None)
            if text is None:
                streams.remove(stream)
            else:
                yield text

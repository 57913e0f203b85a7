"""What a recipe's data become for a language model: packed windows for training and validation."""

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from itertools import islice
from pathlib import Path

import numpy as np
from transformers import PreTrainedTokenizerBase

from assistant.chatml import ChatML
from assistant.errors import InputError
from assistant.rows import Row, data_files, read_texts
from finetune.config import Recipe, require
from finetune.conversations import Example, check_template, example, task_example
from finetune.fit import fitted
from finetune.grounding import cloze, passages
from finetune.progress import progress
from finetune.reading import Tally, files_for, row_kind
from finetune.split import LEAKED, Split, leaks, split
from finetune.tokenizer import separator_id
from finetune.windows import Windows, from_stream, joined, packed

_MOST_VALIDATION_WINDOWS = 256
_MOST_DISTRACTORS = 2
OWN_SET = str(files("finetune") / "instructions")
"""The instruction set that comes with the program."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """Windows to train on and to validate by, what became of the rows, and the conversations that they were."""

    train: Windows
    validation: Windows
    counts: dict[str, int]
    parts: Split[Example]
    """Without any of a text that is no conversation."""


def conversations(recipe: Recipe, tokenizer: PreTrainedTokenizerBase) -> Prepared:
    """The windows of an instruct or a task recipe, rows on one text all on one side."""
    tally = Tally()
    rng = random.Random(recipe.training.seed)
    parts = split_conversations(recipe, tally, rng)
    train = [one for one in parts.train for _ in range(recipe.data.repeats.get(one.source, 1))]
    require(bool(train), "data.repeats leaves no row to train on; raise one of them")
    rng.shuffle(train)
    for one in train:
        tally.counts[f"rows of {one.source}"] += 1
    tally.counts["validation rows"], tally.counts["test rows"] = len(parts.validation), len(parts.test)
    learned, kept = (_packed(recipe, tokenizer, part, tally) for part in (train, parts.validation))
    if recipe.data.plain_windows:
        learned = joined(learned, _plain_windows(recipe, tokenizer, tally)).shuffled(recipe.training.seed)
    validation = kept.sample(_MOST_VALIDATION_WINDOWS, recipe.training.seed)
    return Prepared(learned, validation, dict(tally.counts), parts)


def split_conversations(recipe: Recipe, tally: Tally, rng: random.Random) -> Split[Example]:
    """The conversations of the recipe's rows on their sides: the same for one seed, whatever is trained on them."""
    paths = _paths(recipe)
    found = list(_examples(recipe, paths, rng, tally))
    tally.require_some(found, paths)
    found += _from_plain_text(recipe, rng)
    _check_repeats(recipe, found)
    parts = _split(recipe, found)
    tally.counts[LEAKED] = leaks(parts, lambda one: one.asked)
    return parts


def examples_of(recipe: Recipe) -> list[Example]:
    """The conversations of the recipe's rows, whole, in their order."""
    return list(_examples(recipe, _paths(recipe), random.Random(recipe.training.seed), Tally()))


def _paths(recipe: Recipe) -> list[str]:
    return [*recipe.data.paths, *([OWN_SET] if recipe.data.own else [])]


def _examples(recipe: Recipe, paths: Sequence[str], rng: random.Random, tally: Tally) -> Iterator[Example]:
    for rows in map(list, files_for(recipe.kind, paths, tally)):
        contexts = list(_contexts(rows))
        if recipe.kind == "task":
            check_template(rows, recipe.task)
        with progress("making conversations", "rows", len(rows)) as counted:
            for row in counted(rows):
                if _is_too_long(row, recipe.data.longest_solution):
                    tally.counts["left out: solution longer than data.longest_solution"] += 1
                    continue
                try:
                    one = task_example(row, recipe.task) if recipe.kind == "task" else example(row, contexts, rng)
                except InputError as fault:
                    tally.bad(fault)
                    continue
                if one is None:
                    tally.counts["left out: no sentence holds the answer"] += 1
                else:
                    yield one


def _is_too_long(row: Row, most: int) -> bool:
    solution = row.values.get("solution")
    return bool(most) and isinstance(solution, str) and len(solution.split()) > most


def _contexts(rows: Iterable[Row]) -> Iterator[str]:
    """The passages among the rows; an instruction may have a context too, which may be empty."""
    for row in rows:
        context = row.values.get("context")
        if row_kind(row.values) == "grounded" and isinstance(context, str) and context.strip():
            yield context.strip()


def _check_repeats(recipe: Recipe, found: Sequence[Example]) -> None:
    """Refuse a name that no row has: its rows would be seen once, whatever it was to say."""
    known = {one.source for one in found}
    unknown = sorted(recipe.data.repeats.keys() - known)
    require(
        not unknown,
        f"data.repeats: no row is of the source {', '.join(unknown)}; the sources are {', '.join(sorted(known))}",
    )


def _split(recipe: Recipe, found: Sequence[Example]) -> Split[Example]:
    data = recipe.data
    return split(
        found,
        lambda one: one.group,
        validation=data.validation,
        test=data.test,
        seed=recipe.training.seed,
        text=lambda one: one.asked,
    )


def _packed(recipe: Recipe, tokenizer: PreTrainedTokenizerBase, part: Sequence[Example], tally: Tally) -> Windows:
    chatml = ChatML(tokenizer)
    window = recipe.training.window
    with progress("packing", "conversations", len(part)) as counted:
        rendered = (fitted(one, chatml, window, tally.counts) for one in counted(part))
        windows = packed((one for one in rendered if one is not None), window, tokenizer.pad_token_id)
    if not len(windows):
        raise InputError(f"training.window: no row fits {window} tokens; raise it")
    return windows


def _from_plain_text(recipe: Recipe, rng: random.Random) -> list[Example]:
    """Grounded questions made of plain text (see `finetune.grounding.cloze`), as many as the recipe asks for."""
    wanted = recipe.data.cloze_rows
    if not wanted:
        return []
    with progress("making questions of plain text", "questions", wanted) as counted:
        made = list(counted(islice(_questions(recipe, rng), wanted)))
    if len(made) < wanted:
        raise InputError(f"data.cloze_rows: the plain text makes only {len(made)} of {wanted}; name more of it")
    return made


def _questions(recipe: Recipe, rng: random.Random) -> Iterator[Example]:
    recent: list[str] = []
    for lines in passages(_texts(data_files(recipe.data.plain_text, "data.plain_text", text=True)), rng):
        distractors = rng.sample(recent, min(len(recent), rng.randint(1, _MOST_DISTRACTORS)))
        messages = cloze(lines, distractors, rng)
        recent = [*recent[-8:], " ".join(lines[:2])]
        if messages is not None and len(messages) > 2 and distractors:
            row = {"messages": [{"role": turn.role, "content": turn.content} for turn in messages]}
            yield Example(messages, " ".join(lines), "cloze", row, whole=recipe.data.learn_sources)


def _plain_windows(recipe: Recipe, tokenizer: PreTrainedTokenizerBase, tally: Tally) -> Windows:
    """Windows of plain text of whose tokens a share is learned, as seldom as replies are among their sources."""
    chatml, wanted = ChatML(tokenizer), recipe.data.plain_windows * recipe.training.window
    separator = separator_id(tokenizer)
    ids: list[int] = []
    with progress("encoding plain text", "texts") as counted:
        for text in counted(_texts(data_files(recipe.data.plain_text, "data.plain_text", text=True))):
            ids += [separator, *chatml.encode_text(text)]
            if len(ids) >= wanted:
                break
    windows = from_stream(np.array(ids[:wanted], dtype=np.int32), recipe.training.window)
    if len(windows) < recipe.data.plain_windows:
        made = f"{len(windows)} of {recipe.data.plain_windows}"
        raise InputError(f"data.plain_windows: the plain text makes only {made}; name more of it")
    tally.counts["windows of plain text"] = len(windows)
    return windows.partly_learned(recipe.data.plain_learned, recipe.training.seed)


def _texts(paths: Sequence[Path]) -> Iterator[str]:
    """The texts of all files, one of each in turn."""
    streams = [(row.text("text") for row in read_texts(path)) for path in paths]
    while streams:
        for stream in list(streams):
            text = next(stream, None)
            if text is None:
                streams.remove(stream)
            else:
                yield text

"""Plain text as one stream of tokens, documents apart by the end-of-text token, some documents kept for validation."""

import hashlib
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from transformers import PreTrainedTokenizerBase

from assistant.chatml import END_OF_TEXT, ChatML
from assistant.errors import InputError
from assistant.rows import data_files, read_rows
from finetune.config import Recipe
from finetune.language import Prepared
from finetune.reading import Tally, rows_for
from finetune.windows import Windows, from_stream

_CHARACTERS_FOR_TOKENIZER = 2_000_000
"""Of each file: enough for the merges of a few thousand tokens, small enough for seconds."""
_MOST_VALIDATION_WINDOWS = 256


def tokenizer_texts(files: Sequence[Path]) -> Iterator[str]:
    """A beginning of each file, to train a tokenizer on."""
    for path in files:
        characters = 0
        for row in read_rows(path, lambda _: None):  # named later, when the rows are taken
            text = str(row.values.get("text", ""))[: _CHARACTERS_FOR_TOKENIZER - characters]
            yield text
            characters += len(text)
            if characters >= _CHARACTERS_FOR_TOKENIZER:
                break


def streams(recipe: Recipe, tokenizer: PreTrainedTokenizerBase, texts: Sequence[str] = ()) -> Prepared:
    """Windows of the recipe's files, in even shares, and of `texts` beside them; each document is whole on one side."""
    tally = Tally()
    files = data_files(recipe.data.paths) if recipe.data.paths else []
    sources = [iter(texts)] if texts else []
    sources.extend(_texts(recipe.kind, path, tally) for path in files)
    most = recipe.data.max_tokens // len(sources) if recipe.data.max_tokens else 0
    parts = [_encoded(source, recipe, tokenizer, most) for source in sources]
    train, validation = (np.concatenate([part[side] for part in parts]) for side in (0, 1))
    tally.require_some(train, recipe.data.paths)
    tally.counts["tokens"], tally.counts["validation tokens"] = len(train), len(validation)
    seed = recipe.training.seed
    return Prepared(
        # A seeded order, so that every step sees every source.
        _windows(train, recipe, "training.window").shuffled(seed),
        _windows(validation, recipe, "data.validation").sample(_MOST_VALIDATION_WINDOWS, seed),
        dict(tally.counts),
        [],
    )


def _texts(kind: str, path: Path, tally: Tally) -> Iterator[str]:
    for row in rows_for(kind, [str(path)], tally):
        try:
            yield row.text("text").removeprefix("\ufeff")
        except InputError as fault:
            tally.bad(fault)


def _encoded(
    texts: Iterator[str], recipe: Recipe, tokenizer: PreTrainedTokenizerBase, most: int
) -> tuple[np.ndarray, np.ndarray]:
    """The ids for training and for validation, each document after an end-of-text token; at most `most` (0: all)."""
    chatml = ChatML(tokenizer)
    separator = tokenizer.convert_tokens_to_ids(END_OF_TEXT)
    ids: tuple[array[int], array[int]] = (array("i"), array("i"))
    for text in texts:
        side = ids[_is_validation(text, recipe)]
        side.append(separator)
        side.extend(chatml.encode_text(text))
        if most and sum(map(len, ids)) >= most:
            break
    return np.array(ids[0], dtype=np.int32), np.array(ids[1], dtype=np.int32)


def _is_validation(text: str, recipe: Recipe) -> bool:
    """By a hash of the text, so that a document stays on its side whatever is added beside it."""
    digest = hashlib.blake2b(f"{recipe.training.seed}\n{text}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64 < recipe.data.validation


def _windows(ids: np.ndarray, recipe: Recipe, setting: str) -> Windows:
    windows = from_stream(ids, recipe.training.window)
    if not len(windows):
        raise InputError(
            f"{setting}: {len(ids)} tokens do not fill one window of {recipe.training.window}; name more text"
        )
    return windows

"""Plain text as one stream of tokens, documents apart by the end-of-text token, some text kept for validation.

Whole documents are kept, by a hash of each. Where that misses the share that was asked for, because the documents are
few, those are kept whose sizes come nearest to it; of a single document its last sentences are.
"""

import hashlib
import math
from array import array
from collections.abc import Iterator, Sequence, Sized
from itertools import chain, islice
from pathlib import Path

import numpy as np
from transformers import PreTrainedTokenizerBase

from assistant.chatml import ChatML
from assistant.errors import InputError
from assistant.rows import Row, read_texts
from finetune.config import Recipe, require
from finetune.language import Prepared
from finetune.progress import progress
from finetune.reading import Tally, files_for
from finetune.split import LEAKED, Split, refuse_leaks, same
from finetune.tokenizer import separator_id
from finetune.windows import Windows, from_stream, padded
from retrieval.sentences import sentence_spans

_CHARACTERS_FOR_TOKENIZER = 2_000_000
"""Of each file: enough for the merges of a few thousand tokens, small enough for seconds."""
_MOST_VALIDATION_WINDOWS = 256
_LEFT_OVER = "tokens left out: the end of a stream, less than a window"
Sided = Iterator[tuple[str, bool]]
"""Documents, each with whether it is kept for validation."""


def tokenizer_texts(files: Sequence[Path]) -> Iterator[str]:
    """A beginning of each file, to train a tokenizer on."""
    for path in files:
        characters = 0
        for row in read_texts(path, lambda _: None):  # named later, when the rows are taken
            text = str(row.values.get("text", ""))[: _CHARACTERS_FOR_TOKENIZER - characters]
            yield text
            characters += len(text)
            if characters >= _CHARACTERS_FOR_TOKENIZER:
                break


def streams(recipe: Recipe, tokenizer: PreTrainedTokenizerBase, texts: Sequence[str] = ()) -> Prepared:
    """Windows of the recipe's files, in even shares, and of `texts` beside them; each document is whole on one side.

    InputError where no text can be used, or none of it kept apart.
    """
    tally = Tally()
    sources = [_shown(texts)] if texts else []
    if recipe.data.paths:
        sources.extend(texts_of(rows, tally) for rows in files_for(recipe.kind, recipe.data.paths, tally))
    most = max(recipe.data.max_tokens // len(sources), 1) if recipe.data.max_tokens else 0
    ahead = look_ahead(sources)
    tally.require_some(ahead, recipe.data.paths)
    if len(ahead) == 1:  # a limit on the tokens never cuts a document
        parts = [_encoded(cut(ahead[0], recipe), tokenizer, 0)]
    else:
        parts = [_encoded(_sided(source, recipe), tokenizer, most) for source in sources]
    train, validation = (np.concatenate([part[side] for part in parts]) for side in (0, 1))
    if len(ahead) > 1 and misses(train, validation, recipe):
        train, validation = kept_by_size(np.concatenate([train, validation]), separator_id(tokenizer), recipe)
    tally.counts[LEAKED] = leaks(train, validation, tokenizer)
    tally.counts["tokens"], tally.counts["validation tokens"] = len(train), len(validation)
    seed, pad = recipe.training.seed, tokenizer.pad_token_id
    return Prepared(
        # A seeded order, so that every step sees every source.
        _windows(train, recipe, pad, tally).shuffled(seed),
        _windows(validation, recipe, pad, tally).sample(_MOST_VALIDATION_WINDOWS, seed),
        dict(tally.counts),
        Split([], [], []),
    )


def _shown(texts: Sequence[str]) -> Iterator[str]:
    with progress("encoding the collection", "documents", len(texts)) as counted:
        yield from counted(texts)


def texts_of(rows: Iterator[Row], tally: Tally) -> Iterator[str]:
    """The texts of the rows; a row without one is told to `tally`."""
    for row in rows:
        try:
            yield row.text("text").removeprefix("\ufeff")
        except InputError as fault:
            tally.bad(fault)


def look_ahead(sources: list[Iterator[str]]) -> list[str]:
    """The first two documents, fewer where there are no more; the sources still give them."""
    ahead: list[str] = []
    for number, source in enumerate(sources):
        taken = list(islice(source, 2 - len(ahead)))
        sources[number] = chain(taken, source)
        ahead += taken
    return ahead


def _sided(texts: Iterator[str], recipe: Recipe) -> Sided:
    return ((text, is_validation(text, recipe)) for text in texts)


def is_validation(text: str, recipe: Recipe) -> bool:
    """By a hash of the text without case and white space: it stays on its side, whatever is added beside it."""
    digest = hashlib.blake2b(f"{recipe.training.seed}\n{same(text)}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64 < recipe.data.validation


def cut(text: str, recipe: Recipe) -> Sided:
    """The only document, and its last sentences: at least the share that was asked for, where it has as many."""
    with progress("looking for the last sentences"):
        begins = [start for start, _ in sentence_spans(text)[1:]]
    require(
        bool(begins),
        "data.validation: the text is a single sentence, so no part of it can be kept apart; name more text",
    )
    latest = len(text) * (1 - recipe.data.validation)
    cut = max((start for start in begins if start <= latest), default=begins[0])
    yield text[:cut].rstrip(), False
    yield text[cut:], True


def _encoded(texts: Sided, tokenizer: PreTrainedTokenizerBase, most: int) -> tuple[np.ndarray, np.ndarray]:
    """The ids for training and for validation, each document after an end-of-text token; at most `most` (0: all)."""
    chatml, separator = ChatML(tokenizer), separator_id(tokenizer)
    ids: tuple[array[int], array[int]] = (array("i"), array("i"))
    for text, is_validation in texts:
        side = ids[is_validation]
        side.append(separator)
        side.extend(chatml.encode_text(text))
        if most and sum(map(len, ids)) >= most:
            break
    return np.array(ids[0], dtype=np.int32), np.array(ids[1], dtype=np.int32)


def misses(train: Sized, validation: Sized, recipe: Recipe) -> bool:
    """Whether the documents are so few that a side is less than a window, and the share not near what was asked for."""
    wanted = recipe.data.validation * (len(train) + len(validation))
    is_small = min(len(train), len(validation)) < recipe.training.window
    return is_small and not (len(train) and wanted / 2 <= len(validation) <= 2 * wanted)


def leaks(train: np.ndarray, validation: np.ndarray, tokenizer: PreTrainedTokenizerBase) -> int:
    """How many documents stand on both sides, token for token: none, because InputError refuses them."""
    separator = separator_id(tokenizer)
    learned = {hashlib.blake2b(one.tobytes()).digest() for one in _documents(train, separator)}
    both = [one for one in _documents(validation, separator) if hashlib.blake2b(one.tobytes()).digest() in learned]
    refuse_leaks(len(both), tokenizer.decode(both[0][1:]) if both else "")
    return len(both)


def _documents(ids: np.ndarray, separator: int) -> list[np.ndarray]:
    return np.split(ids, np.flatnonzero(ids == separator)[1:])


def kept_by_size(ids: np.ndarray, separator: int, recipe: Recipe) -> tuple[np.ndarray, np.ndarray]:
    """The documents to train on, and those kept: the one nearest in size to the share, and more while there is room."""
    documents = _documents(ids, separator)
    require(
        len(documents) > 1,
        f"data.max_tokens: the first document fills {recipe.data.max_tokens}, so none is left to validate by; raise it",
    )
    wanted = recipe.data.validation * len(ids)
    first, *others = sorted(documents, key=lambda document: abs(math.log(len(document) / wanted)))
    kept: list[np.ndarray] = [first]
    learned: list[np.ndarray] = []
    for document in others:
        has_room = sum(map(len, kept)) + len(document) <= wanted
        (kept if has_room else learned).append(document)
    return np.concatenate(learned), np.concatenate(kept)


def _windows(ids: np.ndarray, recipe: Recipe, pad: int, tally: Tally) -> Windows:
    window = recipe.training.window
    if len(ids) < window:
        return padded(ids, window, pad)
    tally.counts[_LEFT_OVER] += len(ids) % window
    return from_stream(ids, window)

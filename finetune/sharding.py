"""From the texts of a recipe to token shards: once for the same data and settings, whole or not at all.

The tokenizer is trained on a sample of the corpus. Which document is kept for validation is decided by its hash, as for
every recipe of plain text (see `finetune.pretrain`).
"""

import hashlib
import heapq
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from transformers import PreTrainedTokenizerBase

from assistant.atomic import clean_leftovers, new_folder
from assistant.errors import InputError
from assistant.rows import STANDARD_INPUT, data_files
from finetune.config import Recipe, require
from finetune.encode import MOST_TOKENS, Batch, cores, encoded
from finetune.pretrain import cut, is_validation, kept_by_size, leaks, look_ahead, misses, texts_of
from finetune.progress import progress
from finetune.reading import Tally, files_for
from finetune.shards import FORMAT, TRAIN, VALIDATION, Manifest, Shards, Writer, has_shards, open_shards, write_manifest
from finetune.split import LEAKED
from finetune.tokenizer import separator_id, train_tokenizer

SAMPLE_CHARACTERS = 40_000_000
"""Of the corpus, to train the tokenizer on: a quarter of a minute, and merges that no single file decides."""
_PIECE_CHARACTERS = 10_000
_BATCH_CHARACTERS = 500_000
_BYTES_FOR_PROCESSES = 2**21
"""Of files, compressed or not: less is encoded before other processes have started."""
_FOLDER = "shards"
Sample = list[str]


def shards_of(recipe: Recipe, data: Mapping[str, str]) -> Shards:
    """The shards of `recipe`, made where they are not there yet; `data` has the SHA-256 of each of its files, in order.

    InputError for shards of other data or settings than the recipe's.
    """
    require(
        recipe.model.vocabulary <= MOST_TOKENS, f"model.vocabulary must be at most {MOST_TOKENS}: shards are of uint16"
    )
    settings = _settings(recipe)
    if not recipe.data.paths:
        shards = open_shards(Path(recipe.data.shards))
        _check_settings(shards.manifest.settings, settings)
        return shards
    require(
        STANDARD_INPUT not in recipe.data.paths,
        "data.paths: pretraining reads its texts twice, the standard input only once; name a file",
    )
    key = _key(settings, data)
    folder = Path(recipe.data.shards or Path(recipe.output).parent / _FOLDER / key[:16])
    if not has_shards(folder):
        _make(recipe, folder, key, data)
    shards = open_shards(folder)
    require(
        shards.manifest.key == key,
        f"data.shards: {folder} holds shards of other data or settings; name another folder, or leave out data.paths "
        "to train on these",
    )
    return shards


def sample(texts: Iterable[str], characters: int, seed: int) -> Sample:
    """About so many characters of all texts, in pieces chosen by a seeded hash, so that long texts count as such."""
    chosen: list[tuple[int, str]] = []
    total = 0
    for text in texts:
        for start in range(0, len(text), _PIECE_CHARACTERS):
            piece = text[start : start + _PIECE_CHARACTERS]
            digest = hashlib.blake2b(f"{seed}\n{piece}".encode(), digest_size=8).digest()
            heapq.heappush(chosen, (-int.from_bytes(digest), piece))
            total += len(piece)
            while total - len(chosen[0][1]) >= characters:
                total -= len(heapq.heappop(chosen)[1])
    return [piece for _, piece in sorted(chosen, reverse=True)]


def _settings(recipe: Recipe) -> dict[str, Any]:
    return {
        "model.vocabulary": recipe.model.vocabulary,
        "data.validation": recipe.data.validation,
        "data.max_tokens": recipe.data.max_tokens,
        "training.seed": recipe.training.seed,
    }


def _check_settings(then: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    for name, value in now.items():
        require(
            then.get(name) == value,
            f"{name}: the shards were made with {then.get(name)}, not {value}; give it back, or name data.paths to "
            "make others",
        )


def _key(settings: Mapping[str, Any], data: Mapping[str, str]) -> str:
    said = json.dumps([FORMAT, SAMPLE_CHARACTERS, sorted(settings.items()), list(data.values())])
    return hashlib.sha256(said.encode()).hexdigest()


def _make(recipe: Recipe, folder: Path, key: str, data: Mapping[str, str]) -> None:
    if folder.exists():
        raise InputError(f"data.shards: {folder} is there and holds no finished shards; name another folder")
    clean_leftovers(folder.parent, folder.name)
    tokenizer = _tokenizer(recipe)
    tally = Tally()
    with new_folder(folder) as part:
        tokenizer.save_pretrained(part)
        train, validation = Writer(part, TRAIN), Writer(part, VALIDATION)
        _write(recipe, tokenizer, tally, (train, validation))
        tally.counts[LEAKED] = leaks(train.written(), validation.written(), tokenizer)
        tally.counts["tokens"], tally.counts["validation tokens"] = len(train), len(validation)
        sides = (train.side(), validation.side())
        write_manifest(part, Manifest(key, _settings(recipe), dict(data), dict(tally.counts), *sides))


def _tokenizer(recipe: Recipe) -> PreTrainedTokenizerBase:
    sources = files_for(recipe.kind, recipe.data.paths, Tally(lambda _: None))  # named later, when they are encoded
    texts = chain.from_iterable(texts_of(rows, Tally(lambda _: None)) for rows in sources)
    chosen = sample(texts, SAMPLE_CHARACTERS, recipe.training.seed)
    with progress("training the tokenizer", "texts", len(chosen)) as counted:
        return train_tokenizer(counted(chosen), recipe.model.vocabulary, recipe.model.positions)


def _write(recipe: Recipe, tokenizer: PreTrainedTokenizerBase, tally: Tally, sides: tuple[Writer, Writer]) -> None:
    """Encode the documents, each to its side."""
    sources = [texts_of(rows, tally) for rows in files_for(recipe.kind, recipe.data.paths, tally)]
    most = max(recipe.data.max_tokens // len(sources), 1) if recipe.data.max_tokens else 0
    ahead = look_ahead(sources)
    tally.require_some(ahead, recipe.data.paths)
    alone = len(ahead) == 1
    documents = (
        ((0, text, side) for text, side in cut(ahead[0], recipe))
        if alone
        else ((n, text, is_validation(text, recipe)) for n, source in enumerate(sources) for text in source)
    )
    _encode(recipe, tokenizer, documents, 0 if alone else most, sides)
    if not alone and misses(*sides, recipe):
        written = np.concatenate([side.written() for side in sides])
        for side, documents_of in zip(sides, kept_by_size(written, separator_id(tokenizer), recipe), strict=True):
            side.clear()
            side.add(documents_of)


def _encode(
    recipe: Recipe,
    tokenizer: PreTrainedTokenizerBase,
    documents: Iterator[tuple[int, str, bool]],
    most: int,
    sides: tuple[Writer, Writer],
) -> None:
    """Write the ids of the documents (source, text, side), of a source up to the one that makes it `most` (0: all)."""
    tokens: Counter[int] = Counter()
    size = sum(path.stat().st_size for path in data_files(recipe.data.paths, text=True))
    processes = cores() if size > _BYTES_FOR_PROCESSES else 1
    wanted = (one for one in documents if not most or tokens[one[0]] < most)
    json_of = tokenizer.backend_tokenizer.to_str()
    for batch in encoded(_batches(wanted), json_of, separator_id(tokenizer), processes):
        start = 0
        for length, (source, side) in zip(batch.sizes, batch.notes, strict=True):
            if not most or tokens[source] < most:
                sides[side].add(batch.ids[start : start + length])
            tokens[source] += length
            start += length


def _batches(documents: Iterator[tuple[int, str, bool]]) -> Iterator[Batch]:
    texts: list[str] = []
    notes: list[tuple[int, bool]] = []
    characters = 0
    for source, text, side in documents:
        texts.append(text)
        notes.append((source, side))
        characters += len(text)
        if characters >= _BATCH_CHARACTERS:
            yield Batch(texts, notes)
            texts, notes, characters = [], [], 0
    if texts:
        yield Batch(texts, notes)

"""Pretraining data: plain text as one stream of tokens, documents apart by the end-of-text token."""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from transformers import PreTrainedTokenizerBase

from assistant.chatml import END_OF_TEXT, ChatML
from assistant.rows import read_rows

_BATCH = 64
_CHARACTERS_FOR_TOKENIZER = 2_000_000
"""Of each file: enough for the merges of a few thousand tokens, small enough for seconds."""


def tokenizer_texts(files: Sequence[Path]) -> Iterator[str]:
    """A beginning of each file, to train a tokenizer on."""
    for path in files:
        characters = 0
        for row in read_rows(path):
            text = row.text("text")[: _CHARACTERS_FOR_TOKENIZER - characters]
            yield text
            characters += len(text)
            if characters >= _CHARACTERS_FOR_TOKENIZER:
                break


def token_stream(files: Sequence[Path], tokenizer: PreTrainedTokenizerBase, max_tokens: int) -> np.ndarray:
    """Ids of the texts of `files`, at most `max_tokens` (0: all), each file giving an even share."""
    share = max_tokens // len(files) if max_tokens else 0
    return np.concatenate([_file_tokens(path, tokenizer, share) for path in files])


def _file_tokens(path: Path, tokenizer: PreTrainedTokenizerBase, share: int) -> np.ndarray:
    chatml = ChatML(tokenizer)
    separator = tokenizer.convert_tokens_to_ids(END_OF_TEXT)
    texts = (row.text("text").removeprefix("\ufeff") for row in read_rows(path))
    ids: list[int] = []
    while batch := list(islice(texts, _BATCH)):
        for text in batch:
            ids.append(separator)
            ids.extend(chatml.encode_text(text))
        if share and len(ids) >= share:
            return np.array(ids[:share], dtype=np.uint16)
    return np.array(ids, dtype=np.uint16)

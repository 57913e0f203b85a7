"""Texts as token ids, in several processes: what they say and in which order they come does not depend on how many.

The processes load this module and nothing heavy, so that they start in a moment: the tokenizer reaches them as its own
JSON, and stands here in the few methods that `ChatML` needs.
"""

import os
import signal
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from itertools import islice
from multiprocessing import get_context, parent_process
from threading import Thread
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from assistant.chatml import ChatML

MOST_TOKENS = 2**16
"""Ids are kept as uint16."""
_AHEAD = 3
"""Batches for each process that are waiting, being encoded, or waiting to be taken."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Texts and what the caller knows of each, which comes back with its ids."""

    texts: Sequence[str]
    notes: Sequence[Any]


@dataclass(frozen=True, slots=True)
class Encoded:
    """The ids of the texts of a batch, end to end, `separator` before each; `sizes` says how many each has."""

    ids: np.ndarray
    sizes: Sequence[int]
    notes: Sequence[Any]


def encoded(batches: Iterable[Batch], tokenizer: str, separator: int, processes: int) -> Iterator[Encoded]:
    """The batches as ids, in their order; `tokenizer` is the JSON of a tokenizer of at most `MOST_TOKENS` tokens.

    With one process all happens in this one. A few batches are read ahead, never all of them.
    """
    if processes < 2:
        own = _Encoder(tokenizer, separator)
        yield from map(own.encode, batches)
        return
    context = get_context("spawn")  # a copy of a process that has threads would inherit their locks, held for ever
    with ProcessPoolExecutor(processes, context, _begin, (tokenizer, separator)) as pool:
        waiting: deque[Future[Encoded]] = deque()
        todo = iter(batches)
        try:
            while True:
                ahead = islice(todo, _AHEAD * processes - len(waiting))
                waiting.extend(pool.submit(_encode, batch) for batch in ahead)
                if not waiting:
                    return
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def cores() -> int:
    """How many processes can run at once here."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Encoder:
    def __init__(self, tokenizer: str, separator: int):
        self._chatml, self._separator = ChatML(_Bare(Tokenizer.from_str(tokenizer))), separator

    def encode(self, batch: Batch) -> Encoded:
        documents = [np.array([self._separator, *self._chatml.encode_text(t)], dtype=np.uint16) for t in batch.texts]
        return Encoded(np.concatenate(documents), [len(document) for document in documents], batch.notes)


class _Bare:
    """A tokenizer as `ChatML` wants it, without the library around it."""

    def __init__(self, tokenizer: Tokenizer):
        self._tokenizer = tokenizer
        added = tokenizer.get_added_tokens_decoder()
        self._added = {token.content: number for number, token in added.items()}
        self.all_special_tokens = [token.content for token in added.values() if token.special]

    def encode(self, text: str, *, add_special_tokens: bool = True, verbose: bool = True) -> list[int]:
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=add_special_tokens).ids
        return ids

    def convert_tokens_to_ids(self, tokens: str) -> int:
        return int(self._tokenizer.token_to_id(tokens) or 0)

    def get_added_vocab(self) -> dict[str, int]:
        return self._added

    def get_vocab(self) -> dict[str, int]:
        found: dict[str, int] = self._tokenizer.get_vocab()
        return found


_encoder: list[_Encoder] = []
"""In a process of the pool: its own, made once."""


def _begin(tokenizer: str, separator: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who stops the program stops the process that began this one
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    Thread(target=_end_with_parent, daemon=True).start()
    _encoder.append(_Encoder(tokenizer, separator))


def _end_with_parent() -> None:
    """One that is killed cannot tell its pool to end, which would wait for work for ever."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _encode(batch: Batch) -> Encoded:
    return _encoder[0].encode(batch)

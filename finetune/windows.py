"""Fixed windows of token ids with labels, the one shape of example that the trainer sees."""

from collections.abc import Iterable, Iterator

import numpy as np
import torch
from torch.utils.data import Dataset

from assistant.chatml import Rendered

IGNORED = -100
"""The label of a token that the model need not learn to say (PyTorch's cross-entropy skips it)."""


class Windows(Dataset[dict[str, torch.Tensor]]):
    """`ids` and `labels`, both of shape (windows, window)."""

    def __init__(self, ids: np.ndarray, labels: np.ndarray | None = None):
        self._ids = ids
        self._labels = ids if labels is None else labels

    def __len__(self) -> int:
        return len(self._ids)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        return {
            "input_ids": torch.from_numpy(self._ids[index].astype(np.int64)),
            "labels": torch.from_numpy(self._labels[index].astype(np.int64)),
        }

    def take(self, order: np.ndarray) -> "Windows":
        """The windows at the indices `order`."""
        return Windows(self._ids[order], self._labels[order])

    def sample(self, most: int, seed: int) -> "Windows":
        """At most so many of the windows, by chance, in their order."""
        if len(self) <= most:
            return self
        return self.take(np.sort(np.random.default_rng(seed).choice(len(self), most, replace=False)))

    def shuffled(self, seed: int) -> "Windows":
        """All windows in a seeded order."""
        return self.take(np.random.default_rng(seed).permutation(len(self)))

    def partly_learned(self, share: float, seed: int) -> "Windows":
        """The windows with labels for a share of their tokens, by chance."""
        chosen = np.random.default_rng(seed).random(self._ids.shape) < share
        return Windows(self._ids, np.where(chosen, self._labels, IGNORED).astype(np.int32))


def joined(one: Windows, other: Windows) -> Windows:
    """The windows of both, one after the other."""
    return Windows(np.concatenate([one._ids, other._ids]), np.concatenate([one._labels, other._labels]))


def from_stream(ids: np.ndarray, window: int) -> Windows:
    """Plain text: a stream of ids cut into windows, the rest of the last one dropped."""
    count = len(ids) // window
    return Windows(ids[: count * window].reshape(count, window))


def padded(ids: np.ndarray, window: int, pad: int) -> Windows:
    """Plain text shorter than a window as one, `pad` behind it, which is not learned."""
    behind = (0, window - len(ids))
    return Windows(np.pad(ids, behind, constant_values=pad)[None], np.pad(ids, behind, constant_values=IGNORED)[None])


def packed(examples: Iterable[Rendered], window: int, pad: int) -> Windows:
    """Conversations laid end to end into windows, none of them cut; each must fit a window.

    A reply may attend to the conversation before it in its window: at this size the simpler rule costs nothing that
    could be measured, and it teaches every position of the context.
    """
    rows = list(_fill(examples, window))
    ids = np.full((len(rows), window), pad, dtype=np.int32)
    labels = np.full((len(rows), window), IGNORED, dtype=np.int32)
    for index, row in enumerate(rows):
        tokens = np.array(row.ids, dtype=np.int32)
        ids[index, : len(tokens)] = tokens
        labels[index, : len(tokens)] = np.where(row.learned, tokens, IGNORED)
    return Windows(ids, labels)


def _fill(examples: Iterable[Rendered], window: int) -> Iterator[Rendered]:
    row = Rendered([], [])
    for example in examples:
        if len(row.ids) + len(example.ids) > window:
            yield row
            row = Rendered([], [])
        row.ids.extend(example.ids)
        row.learned.extend(example.learned)
    if row.ids:
        yield row

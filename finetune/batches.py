"""Which windows of a stream a step of pretraining learns, from nothing but its number: resuming needs no more.

An epoch takes every window of the stream once, in a seeded order; each epoch has its own, and begins to cut the windows
at another token, so that a text seen again is cut elsewhere. Windows begin and end anywhere: a document goes on in the
next one, and beside its end stands the beginning of another, told by the end-of-text token between them. What comes
before that token is not masked. It would take masks that rule out the fastest kernels of attention, and documents are
long here: in the corpus of `recipes/bundled.toml` they are of 2,500 tokens on average.
"""

from functools import lru_cache

import numpy as np

from finetune.shards import Stream


class Batches:
    """Steps of `per_step` windows of `window` tokens, each with the token that follows it."""

    def __init__(self, stream: Stream, window: int, per_step: int, seed: int):
        self._stream, self._window, self._per_step, self._seed = stream, window, per_step, seed
        self.windows = max(len(stream) // window, 1)
        """Of an epoch."""
        self._order = lru_cache(maxsize=2)(self._ordered)

    def of_step(self, step: int, part: slice = slice(None)) -> np.ndarray:
        """The windows of the step after `step` others, or a part of them; int64, (windows, window + 1)."""
        numbers = range(step * self._per_step, (step + 1) * self._per_step)[part]
        return np.stack([self._stream.around(self._start(number), self._window + 1) for number in numbers])

    def _start(self, number: int) -> int:
        epoch, place = divmod(number, self.windows)
        shift, order = self._order(epoch)
        return shift + int(order[place]) * self._window

    def _ordered(self, epoch: int) -> tuple[int, np.ndarray]:
        rng = np.random.default_rng((self._seed, epoch))
        return int(rng.integers(self._window)), rng.permutation(self.windows)

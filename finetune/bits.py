"""The loss on text that was kept apart, in nats per token and in bits per byte.

    bits per byte = Σ −log₂ p(token) / Σ bytes(token)

over the same windows and tokens; the end-of-text token has no bytes, and is left out of both sums. Unlike the loss, it
can be compared between tokenizers. Windows do not overlap, so a token early in one has little before it: the figures
are higher than those of a sliding window.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, pad
from transformers import PreTrainedTokenizerBase

from finetune.progress import progress
from finetune.shards import Stream
from finetune.windows import IGNORED

_MOST_WINDOWS = 256


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Mean loss in nats per token, and bits per byte."""

    loss: float
    bits_per_byte: float


class Validation:
    """Windows of the held-out stream, by chance where they are many, and what each of their tokens has in bytes."""

    def __init__(self, stream: Stream, tokenizer: PreTrainedTokenizerBase, window: int, seed: int):
        starts = np.arange(0, max(len(stream) - 1, 1), window)
        if len(starts) > _MOST_WINDOWS:
            chosen = np.random.default_rng(seed).choice(len(starts), _MOST_WINDOWS, replace=False)
            starts = starts[np.sort(chosen)]
        self._windows = [_window(stream, int(start), window) for start in starts]
        self._bytes = torch.tensor(bytes_of(tokenizer))

    def __len__(self) -> int:
        return len(self._windows)

    def window(self, index: int) -> Tensor:
        """The tokens of a window with the one that follows, `IGNORED` after the end of the stream; (window + 1)."""
        return self._windows[index]

    @torch.inference_mode()
    def measure(self, losses: Callable[[Tensor, Tensor], Tensor], batch: int) -> HeldOut:
        """Over all windows; `losses` gives the loss of each target from ids and targets, all (windows, window)."""
        nats, told, count, length = 0.0, 0.0, 0, 0
        with progress("validating", "windows", len(self)) as counted:
            for start in counted(range(0, len(self), batch)):
                rows = torch.stack(self._windows[start : start + batch])
                ids, targets = rows[:, :-1].clamp(min=0), rows[:, 1:]
                each = losses(ids, targets).double().cpu()
                sizes = torch.where(targets == IGNORED, 0, self._bytes[targets.clamp(min=0)])
                nats += float(each.sum())
                told += float(each[sizes > 0].sum())
                count += int((targets != IGNORED).sum())
                length += int(sizes.sum())
        return HeldOut(nats / max(count, 1), told / math.log(2) / max(length, 1))


def each_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """The loss of each of `targets` (windows, window), 0 for one that is ignored; in float32."""
    flat = cross_entropy(logits.float().flatten(0, 1), targets.flatten(), ignore_index=IGNORED, reduction="none")
    return flat.view_as(targets)


def bytes_of(tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """How many bytes of text each token of a byte-level BPE stands for; 0 for those that are no text.

    Such a BPE writes each byte as one character.
    """
    special = {*tokenizer.all_special_ids, *tokenizer.added_tokens_decoder}
    names = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    return [0 if number in special else len(name) for number, name in enumerate(names)]


def _window(stream: Stream, start: int, window: int) -> Tensor:
    count = min(window + 1, len(stream) - start)
    return pad(torch.from_numpy(stream.around(start, count)), (0, window + 1 - count), value=IGNORED)

"""A GPT-2 from token ids to the loss, in bfloat16 where the hardware has it, its layers compiled where that pays.

The layers are compiled one for all: they are alike, so the compiler works for one of them, in a small part of the time
that the whole model takes, and what it could have merged across their borders is little. Compiled is also the way from
the last layer to the loss, where logits as wide as the vocabulary would else lie in memory in float32.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, linear
from transformers import GPT2LMHeadModel

from finetune.base import has_bfloat16
from finetune.bits import each_loss


class Forward:
    """Losses of `model` on `device`; with `compiled` its layers are compiled at the first call."""

    def __init__(self, model: GPT2LMHeadModel, device: torch.device, *, compiled: bool, backend: Any = "inductor"):
        self._model, self._device, self._mean = model, device, _mean_loss
        if compiled:
            self._mean = torch.compile(_mean_loss, dynamic=False, backend=backend)
            for block in model.transformer.h:
                block.compile(dynamic=False, fullgraph=True, backend=backend)

    def mean(self, ids: Tensor, targets: Tensor) -> Tensor:
        """The mean loss over `targets`; both (windows, window)."""
        with self._precision():
            return self._mean(self._hidden(ids), self._model.lm_head.weight, targets)

    def each(self, ids: Tensor, targets: Tensor) -> Tensor:
        """The loss of each target, without compiling anything: it is asked for seldom, and without gradients."""
        with self._precision(), torch.compiler.set_stance("force_eager"):
            hidden = self._hidden(ids.to(self._device))
            return each_loss(linear(hidden, self._model.lm_head.weight), targets.to(self._device))

    def close(self) -> None:
        """Leave a plain model behind."""
        for block in self._model.transformer.h:
            block._compiled_call_impl = None

    def _hidden(self, ids: Tensor) -> Tensor:
        # Without a mask transformers leaves attention to the kernel's own causal form, the fastest there is.
        hidden: Tensor = self._model.transformer(ids, use_cache=False).last_hidden_state
        return hidden

    @contextmanager
    def _precision(self) -> Iterator[None]:
        with torch.autocast(self._device.type, torch.bfloat16, enabled=has_bfloat16()):
            yield


def _mean_loss(hidden: Tensor, words: Tensor, targets: Tensor) -> Tensor:
    return cross_entropy(linear(hidden, words).float().flatten(0, 1), targets.flatten())

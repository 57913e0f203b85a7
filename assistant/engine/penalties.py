"""What the tokens that a reply has said do to the next: frequency and presence penalties, subtracted from the logits as
the OpenAI API defines them; and the rule that no run of tokens is said twice.
"""

import torch
from transformers import LogitsProcessor

from assistant.engine.sampling import Sampling


class Penalties(LogitsProcessor):
    """For a token said `n` times in the reply, its logit falls by `n * frequency + (n > 0) * presence`.

    The prompt does not count: its words are what a grounded answer is made of.
    """

    def __init__(self, sampling: Sampling, prompt_length: int):
        self._frequency = sampling.frequency_penalty
        self._presence = sampling.presence_penalty
        self._prompt_length = prompt_length

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """`input_ids` (batch, length), `scores` (batch, vocabulary); both as transformers' generate passes them."""
        said = input_ids[:, self._prompt_length :]
        counts = torch.zeros_like(scores).scatter_add_(1, said, torch.ones_like(said, dtype=scores.dtype))
        return scores - self._frequency * counts - self._presence * (counts > 0)


class NoRunTwice(LogitsProcessor):
    """A run of `length` tokens that the reply has said is not said again: a small model would go round in circles.

    transformers' own processor of this kind counts the prompt too, and would forbid to quote it.
    """

    def __init__(self, length: int, prompt_length: int):
        self._length = length
        self._prompt_length = prompt_length

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """`input_ids` (batch, length), `scores` (batch, vocabulary); both as transformers' generate passes them."""
        said = input_ids[:, self._prompt_length :]
        if said.shape[1] < self._length:
            return scores
        runs = said.unfold(1, self._length, 1)
        last = said[:, said.shape[1] - self._length + 1 :]
        row, place = (runs[:, :, :-1] == last[:, None]).all(-1).nonzero(as_tuple=True)
        return scores.index_put((row, runs[row, place, -1]), scores.new_tensor(float("-inf")))

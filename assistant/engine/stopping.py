"""Where a reply ends: at the ChatML end, or at a stop text of the request.

The end is looked for in the decoded tail, not only among the ids: a model without the tags as single tokens writes them
as a sequence of ordinary tokens, and which sequence depends on what stands before (`.` and `<|` may share a token).
"""

from collections.abc import Sequence

import torch
from transformers import PreTrainedTokenizerBase, StoppingCriteria

_SLACK = 8


class StopOnText(StoppingCriteria):
    """Ends generation once one of `texts` stands in what was generated."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], prompt_length: int):
        self._tokenizer = tokenizer
        self._texts = texts
        self._prompt_length = prompt_length
        # A token stands for at least one byte, so this many tokens always cover the longest text.
        self._tail = max(len(text.encode()) for text in texts) + _SLACK

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor, **_: object) -> torch.Tensor:
        """`input_ids` (batch, length); True in the result (batch,) ends that row."""
        tails = input_ids[:, self._prompt_length :][:, -self._tail :]
        done = [any(text in self._tokenizer.decode(tail) for text in self._texts) for tail in tails]
        return torch.tensor(done, device=input_ids.device)


def cut_at_stop(text: str, stops: Sequence[str]) -> tuple[str, bool]:
    """`text` before the first of `stops` in it, and whether there was one."""
    places = [place for stop in stops if (place := text.find(stop)) >= 0]
    return (text[: min(places)], True) if places else (text, False)


def safe_length(text: str, stops: Sequence[str]) -> int:
    """How much of `text` can be shown: not the half of a character, nor what may become one of `stops`."""
    text = text.rstrip("\ufffd")
    held = 0
    for stop in stops:
        for size in range(min(len(stop) - 1, len(text)), held, -1):
            if text.endswith(stop[:size]):
                held = size
                break
    return len(text) - held

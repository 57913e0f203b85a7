"""What a kind of recipe hands to the training: a trainer ready to go, and what to do with its model afterwards."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from transformers import PreTrainedTokenizerBase, Trainer


@dataclass(frozen=True, slots=True)
class Run:
    """A trainer ready to go, with what is saved beside the weights in the end."""

    trainer: Trainer
    tokenizer: PreTrainedTokenizerBase
    counts: dict[str, int]
    test_rows: list[dict[str, Any]] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)
    """More for `run.json`, such as the labels of a classifier."""
    finish: Callable[[Trainer], dict[str, Any]] | None = None
    """Called once the best weights are back in the model, in every process; what it measured goes into `run.json`."""

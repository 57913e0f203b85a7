"""What a kind of recipe hands to the training, and what it gets back when the training is over."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from transformers import PreTrainedModel, PreTrainedTokenizerBase, Trainer

if TYPE_CHECKING:
    from peft import PeftModel


@dataclass(frozen=True, slots=True)
class Trained:
    """A training that is over, the best weights back in the model."""

    trainer: Trainer
    model: "PreTrainedModel | PeftModel | None"
    """All weights, also of a model that was sharded over devices; None in all processes but the first."""
    before: dict[str, float]
    """What the validation measured before the first step, by the Trainer's names."""
    after: dict[str, float]
    """The same of the weights that are kept."""


@dataclass(frozen=True, slots=True)
class Run:
    """A trainer ready to go, with what is saved beside the weights in the end."""

    trainer: Trainer
    tokenizer: PreTrainedTokenizerBase
    counts: dict[str, int]
    test_rows: list[dict[str, Any]] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)
    """More for `run.json`, such as the labels of a classifier."""
    finish: Callable[[Trained], dict[str, Any]] | None = None
    """Called in every process; what it measured in the first goes into `run.json`."""

"""Running out of memory, told as such, with what to change."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from assistant.errors import InputError
from finetune.config import Recipe
from finetune.output import go_on


@contextmanager
def out_of_memory_told(recipe: Recipe) -> Iterator[None]:
    """InputError in place of what PyTorch raises, of whatever kind, when a step of `recipe` does not fit."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as fault:
        raise _refusal(recipe) from fault
    except RuntimeError as fault:
        if "can't allocate memory" in str(fault):
            raise _refusal(recipe) from fault
        raise


def _refusal(recipe: Recipe) -> InputError:
    plan = recipe.training
    return InputError(
        f"out of memory at training.batch = {plan.batch} of {plan.window} tokens: lower it and raise "
        f"training.accumulate ({plan.accumulate}) by as much, or set training.checkpointing = true; then "
        f"{go_on(Path(recipe.output))}"
    )

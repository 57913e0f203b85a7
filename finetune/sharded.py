"""A model whose weights are sharded over devices (FSDP), made whole again.

Each process holds a part of every weight, so gathering them takes all processes at once; what one does alone, such as
saving or generating, takes a model that needs no other.
"""

import copy
from typing import TYPE_CHECKING

from transformers import PreTrainedModel, Trainer

from assistant.errors import InputError

if TYPE_CHECKING:
    from peft import PeftModel


def spare_model(trainer: Trainer) -> "PreTrainedModel | PeftModel | None":
    """A copy to gather weights into, made before they are sharded: in the first process, None where none is needed.

    InputError for a model that cannot be sharded.
    """
    if not trainer.is_fsdp_enabled:
        return None
    adapters = getattr(trainer.model, "peft_config", {})
    if any(getattr(one, "trainable_token_indices", None) for one in adapters.values()):
        raise InputError(
            "tags: tokens added beside adapters cannot be sharded over devices (FSDP); leave out [lora], or launch "
            "without the configuration for FSDP"
        )
    return copy.deepcopy(trainer.model) if trainer.is_world_process_zero() else None


def whole_model(trainer: Trainer, spare: "PreTrainedModel | PeftModel | None") -> "PreTrainedModel | PeftModel | None":
    """The trained model with all its weights in the first process, None in the others; all must call this.

    One that was sharded is `spare` with the gathered weights, on the CPU.
    """
    weights = trainer.accelerator.get_state_dict(trainer.model) if trainer.is_fsdp_enabled else {}
    if not trainer.is_world_process_zero():
        return None
    if spare is None:
        return trainer.accelerator.unwrap_model(trainer.model)
    spare.load_state_dict(weights)
    return spare

"""A GPT-2 that, while it is trained, computes logits only for the tokens that it has to learn.

In a conversation most tokens are context: of the instruction set that comes with the program about three in four. Their
logits, each as wide as the vocabulary, would be computed and masked away again.
"""

from typing import Any

import torch
import transformers
from torch.nn.functional import cross_entropy
from transformers import PreTrainedModel
from transformers.modeling_outputs import CausalLMOutputWithCrossAttentions

from finetune.windows import IGNORED


class GPT2LMHeadModel(transformers.GPT2LMHeadModel):
    """Transformers' own with the same loss, up to rounding, and no logits where labels are given.

    It keeps the name, because the name of the class is written into the checkpoint's configuration.
    """

    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        *,
        labels: torch.Tensor | None = None,
        num_items_in_batch: torch.Tensor | int | None = None,
        **inputs: Any,
    ) -> CausalLMOutputWithCrossAttentions:
        """Loss over `labels` (batch, window): their mean, or their sum over `num_items_in_batch`."""
        if labels is None:
            return super().forward(input_ids, **inputs)
        hidden = self.transformer(input_ids, **inputs).last_hidden_state[:, :-1]
        following = labels[:, 1:]
        learned = following != IGNORED
        logits = self.lm_head(hidden[learned]).float()
        total = cross_entropy(logits, following[learned], reduction="sum")
        count = learned.sum() if num_items_in_batch is None else num_items_in_batch
        return CausalLMOutputWithCrossAttentions(loss=total / count)


def learned_tokens_only(model: PreTrainedModel) -> PreTrainedModel:
    """`model`, from now on trained the short way; anything but a plain GPT-2 is left as it is."""
    if type(model) is transformers.GPT2LMHeadModel:
        model.__class__ = GPT2LMHeadModel
    return model

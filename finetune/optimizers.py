"""The optimisers of pretraining: AdamW for all weights, or Muon for the matrices of the layers and AdamW for the rest.

Embeddings (which are the output layer too), gains and biases are not decayed: what pulls a seldom word's embedding to
nothing between its occurrences teaches nothing.
"""

from collections.abc import Sequence
from typing import Any

from torch.nn import Parameter
from torch.optim import AdamW, Optimizer
from transformers import GPT2LMHeadModel

from finetune.config import Training
from finetune.muon import Muon

_BETAS = (0.9, 0.95)
_IN_ONE = "c_attn"
"""The layer that has query, key and value in one matrix."""


def optimizers_of(model: GPT2LMHeadModel, plan: Training) -> list[Optimizer]:
    """Each weight that is trained, in one of them."""
    matrices = {n: w for n, w in model.transformer.h.named_parameters() if w.ndim == 2 and w.requires_grad}
    rest = [weight for weight in model.parameters() if weight.requires_grad and weight.ndim == 1]
    words = [weight for weight in (model.transformer.wte.weight, model.transformer.wpe.weight) if weight.requires_grad]
    groups = [_group(words, plan.embedding_rate, 0.0), _group(rest, 1.0, 0.0)]
    decay = plan.weight_decay
    if plan.optimizer == "adamw":
        groups.append(_group(list(matrices.values()), 1.0, decay))
        return [_adamw(groups, plan)]
    apart = [weight for name, weight in matrices.items() if _IN_ONE in name]
    whole = [weight for name, weight in matrices.items() if _IN_ONE not in name]
    muon = [{**_group(apart, 1.0, decay), "parts": 3}, _group(whole, 1.0, decay)]
    return [Muon(muon, lr=plan.learning_rate), _adamw(groups, plan)]


def set_rate(optimizers: Sequence[Optimizer], rate: float) -> None:
    """The learning rate of the next step; each group takes its own share of it."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = rate * group["share"]


def _group(weights: list[Parameter], share: float, decay: float) -> dict[str, Any]:
    return {"params": weights, "share": share, "weight_decay": decay}


def _adamw(groups: list[dict[str, Any]], plan: Training) -> AdamW:
    return AdamW(groups, lr=plan.learning_rate, betas=_BETAS, fused=True)

"""Muon: momentum whose update is made orthogonal, for the matrices of the layers.

    M ← μ M + (1 − μ) G        N = (1 − μ) G + μ M  (Nesterov)        W ← W − η (0.2 √max(m, n) O + λ W)

for a matrix W (m, n) with gradient G, where O is near U Vᵀ for N = U S Vᵀ: every direction of the update is of the same
size. It is found by five steps of a Newton-Schulz iteration, X ← a X + (b X Xᵀ + c (X Xᵀ)²) X, with the coefficients of
Jordan et al. 2024 ("Muon: an optimizer for hidden layers in neural networks", kellerjordan.github.io/posts/muon), which
bring all singular values to between about 0.7 and 1.2.

Why here: the runs that train a GPT-2 of this size soonest use it, with AdamW for embeddings, gains and biases: the
modded-nanogpt records (124 M parameters; about 1.35 times as fast as AdamW to the same loss, by that post) and
karpathy/nanochat. The factor 0.2 √max(m, n) is that of Liu et al. 2025 ("Muon is scalable for LLM training", section
2.2), by which an update is as large as one of AdamW, so that both share a learning rate and a weight decay. As the post
advises, query, key and value, which GPT-2 keeps in one matrix, are made orthogonal each on its own.

Not followed: a warm-up of the momentum, and separate rates for each kind of weight, which those records tune.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

_A, _B, _C = 3.4445, -4.7750, 2.0315
_STEPS = 5
_AS_ADAMW = 0.2
"""The usual root mean square of an update of AdamW (Liu et al. 2025)."""


class Muon(Optimizer):
    """Muon over matrices; a group may say that its matrices are `parts` beside each other, as c_attn is of three."""

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        momentum: float = 0.95,
        weight_decay: float = 0.1,
    ):
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "parts": 1})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Move all weights that have a gradient."""
        moves: dict[tuple[torch.Size, float], list[tuple[Tensor, Tensor]]] = defaultdict(list)
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                wanted = self._direction(weight, group["momentum"])
                weight.mul_(1 - group["lr"] * group["weight_decay"])
                pieces = zip(weight.chunk(group["parts"], 1), wanted.chunk(group["parts"], 1), strict=True)
                for piece, direction in pieces:
                    moves[piece.shape, group["lr"]].append((piece, direction))
        for (shape, rate), pairs in moves.items():  # matrices of one shape in one go: a few large products, not many
            moved = orthogonal(torch.stack([direction for _, direction in pairs]))
            _subtract([piece for piece, _ in pairs], moved * (rate * _AS_ADAMW * math.sqrt(max(shape))))

    def _direction(self, weight: Tensor, momentum: float) -> Tensor:
        state = self.state[weight]
        if not state:
            state["momentum"] = torch.zeros_like(weight)
        state["momentum"].lerp_(weight.grad, 1 - momentum)
        return weight.grad.lerp(state["momentum"], momentum)  # type: ignore[union-attr]


def orthogonal(matrices: Tensor) -> Tensor:
    """Near U Vᵀ for each of `matrices` (count, m, n) = U S Vᵀ; in bfloat16 on an accelerator, where that is enough."""
    found = matrices.bfloat16() if matrices.is_cuda else matrices
    is_tall = found.size(1) > found.size(2)
    if is_tall:  # the products are then of the smaller side
        found = found.mT
    found = found / (found.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(_STEPS):
        square = found @ found.mT
        found = _A * found + (_B * square + _C * square @ square) @ found
    moved: Tensor = (found.mT if is_tall else found).to(matrices.dtype)
    return moved


def _subtract(weights: Sequence[Tensor], moves: Tensor) -> None:
    torch._foreach_sub_(list(weights), list(moves.unbind()))

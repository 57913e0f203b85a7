"""Muon against its definition and against PyTorch's own."""

import math

import pytest
import torch

from finetune.base import new_model
from finetune.config import ModelShape, Training
from finetune.muon import Muon, orthogonal
from finetune.optimizers import optimizers_of, set_rate

SHAPES = [(8, 8), (8, 32), (32, 8), (16, 24)]


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


@pytest.mark.parametrize("shape", SHAPES)
def test_an_orthogonal_matrix_moves_every_direction_alike(shape):
    matrices = torch.randn(3, *shape) * torch.tensor([1.0, 1e-4, 1e4])[:, None, None]
    found = orthogonal(matrices)
    assert found.shape == matrices.shape
    sizes = torch.linalg.svdvals(found)
    assert sizes.min() > 0.3
    assert sizes.max() < 1.3
    for one, moved in zip(matrices, found, strict=True):
        u, _, v = torch.linalg.svd(one, full_matrices=False)
        inner = torch.linalg.svdvals(u.mT @ moved @ v.mT)
        assert torch.allclose(inner, torch.linalg.svdvals(moved), atol=1e-4)  # the same directions


def test_it_agrees_with_pytorchs():
    ours, theirs = ([torch.nn.Parameter(torch.ones(*shape)) for shape in SHAPES] for _ in range(2))
    one = Muon(ours, lr=0.02, momentum=0.9, weight_decay=0.1)
    other = torch.optim.Muon(theirs, lr=0.02, momentum=0.9, weight_decay=0.1, adjust_lr_fn="match_rms_adamw")
    for _ in range(4):
        for weight, same in zip(ours, theirs, strict=True):
            weight.grad = torch.randn(weight.shape)
            same.grad = weight.grad.clone()
        one.step()
        other.step()
    for weight, same in zip(ours, theirs, strict=True):
        moved, off = (weight - 1).norm(), (weight - same).norm()
        assert off / moved < 0.03  # theirs computes in bfloat16


def test_the_parts_of_a_matrix_move_as_matrices_of_their_own():
    whole = torch.nn.Parameter(torch.randn(8, 24))
    parts = [torch.nn.Parameter(part.detach().clone()) for part in whole.chunk(3, 1)]
    gradient = torch.randn(8, 24)
    whole.grad = gradient
    for part, own in zip(parts, gradient.chunk(3, 1), strict=True):
        part.grad = own.clone()
    Muon([{"params": [whole], "parts": 3}], lr=0.1).step()
    Muon(parts, lr=0.1).step()
    assert torch.allclose(whole, torch.cat(parts, 1), atol=1e-6)


def test_an_update_is_as_large_as_one_of_adamw():
    weight = torch.nn.Parameter(torch.zeros(64, 256))
    weight.grad = torch.randn(64, 256)
    Muon([weight], lr=0.01, weight_decay=0.0).step()
    # Singular values of about 0.9, 64 of them, over 64 * 256 numbers, times 0.2 * sqrt(256).
    assert weight.square().mean().sqrt().item() == pytest.approx(0.01 * 0.2 * 0.9, rel=0.15)


@pytest.fixture
def model(tiny_tokenizer):
    return new_model(ModelShape(layers=2, width=32, heads=2, positions=64), tiny_tokenizer)


@pytest.mark.parametrize("name", ["adamw", "muon"])
def test_each_weight_has_one_optimiser(model, name):
    optimizers = optimizers_of(model, Training(optimizer=name, embedding_rate=0.5))
    groups = [group for optimizer in optimizers for group in optimizer.param_groups]
    owned = [id(weight) for group in groups for weight in group["params"]]
    assert sorted(owned) == sorted(id(weight) for weight in model.parameters())
    set_rate(optimizers, 0.1)
    embeddings = {id(model.transformer.wte.weight), id(model.transformer.wpe.weight)}
    for group in groups:
        is_embedding = {id(weight) for weight in group["params"]} == embeddings
        assert group["lr"] == (0.05 if is_embedding else 0.1)
        assert bool(group["weight_decay"]) == all(weight.ndim == 2 for weight in group["params"]) - is_embedding
    if name == "muon":
        (own,) = (group for group in groups if group.get("parts") == 3)
        assert {weight.shape for weight in own["params"]} == {(32, 96)}
        assert math.isclose(sum(weight.numel() for weight in own["params"]), 2 * 32 * 96)


def test_frozen_places_are_left_alone(model):
    model.transformer.wpe.weight.requires_grad_(False)
    groups = [group for optimizer in optimizers_of(model, Training()) for group in optimizer.param_groups]
    assert id(model.transformer.wpe.weight) not in {id(weight) for group in groups for weight in group["params"]}

"""A step of pretraining on the disk, from which the run goes on as if it had never stopped.

    steps/checkpoint-N/model.safetensors       the weights in float32
                       optimizer.safetensors   `WEIGHT/KEY` for each number that an optimiser keeps
                       trainer_state.json      what was counted and measured; written last: with it the step is whole

No pickle, so a step can be taken from another machine without trusting it more than its numbers.
"""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.optim import Optimizer
from transformers import TrainerState

from assistant.atomic import settle
from assistant.errors import InputError
from finetune.output import STEPS, is_complete, writing_to

_WEIGHTS, _OPTIMIZER, _STATE = "model.safetensors", "optimizer.safetensors", "trainer_state.json"


def folder_of(output: Path, step: int) -> Path:
    """Where the step lies."""
    return output / STEPS / f"checkpoint-{step}"


def save_step(output: Path, model: torch.nn.Module, optimizers: Sequence[Optimizer], state: TrainerState) -> None:
    """Write the step that `state` names, and drop all others but the best."""
    folder = folder_of(output, state.global_step)
    with writing_to(output):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        save_file(_weights(model), folder / _WEIGHTS)
        save_file(_kept(model, optimizers), folder / _OPTIMIZER)
        settle(folder)
        state.save_to_json(str(folder / _STATE))
    _drop_others(output, {state.global_step, state.best_global_step})


def load_step(folder: Path, model: torch.nn.Module, optimizers: Sequence[Optimizer]) -> TrainerState:
    """Put the step in `folder` into model and optimisers. InputError where it does not fit them or is damaged."""
    try:
        load_weights(folder, model)
        _put(load_file(folder / _OPTIMIZER), model, optimizers)
        found: TrainerState = TrainerState.load_from_json(str(folder / _STATE))
    except (OSError, SafetensorError, RuntimeError, KeyError, ValueError, TypeError) as fault:
        reason = str(fault).split("\n", 1)[0]
        raise InputError(f"{folder}: cannot be gone on from ({reason}); remove it, then --resume again") from fault
    return found


def load_weights(folder: Path, model: torch.nn.Module) -> None:
    """The weights of a step alone."""
    missing, unknown = model.load_state_dict(load_file(folder / _WEIGHTS), strict=False)
    tied = model.state_dict().keys() - _weights(model).keys()
    if set(missing) - tied or unknown:
        raise KeyError(f"weights of another model: {', '.join(sorted({*missing, *unknown} - tied))}")


def kept_loop(state: TrainerState) -> dict[str, Any]:
    """What the loop keeps in a state, to be read and written."""
    found: dict[str, Any] = state.stateful_callbacks.setdefault("pretraining", {})
    return found


def _weights(model: torch.nn.Module) -> dict[str, Tensor]:
    """The weights by their names, each once: a GPT-2 reads and says words by the same matrix."""
    return {name: weight.detach().contiguous() for name, weight in model.named_parameters()}


def _kept(model: torch.nn.Module, optimizers: Sequence[Optimizer]) -> dict[str, Tensor]:
    kept = {}
    for name, weight in model.named_parameters():
        for optimizer in optimizers:
            for key, value in optimizer.state.get(weight, {}).items():
                kept[f"{name}/{key}"] = value.contiguous()
    return kept


def _put(kept: Mapping[str, Tensor], model: torch.nn.Module, optimizers: Sequence[Optimizer]) -> None:
    weights = dict(model.named_parameters())
    owners = {id(w): opt for opt in optimizers for group in opt.param_groups for w in group["params"]}
    for place, value in kept.items():
        name, _, key = place.rpartition("/")
        weight = weights[name]
        owners[id(weight)].state[weight][key] = value.to(weight.device)


def _drop_others(output: Path, kept: set[int | None]) -> None:
    for folder in (output / STEPS).glob("checkpoint-*"):
        if folder.name.rpartition("-")[2] not in {str(step) for step in kept} or not is_complete(folder):
            shutil.rmtree(folder, ignore_errors=True)

"""Weights as int8: a matrix keeps one byte a number and one scale a row of its output.

    scale[o] = max_i |W[o, i]| / 127        stored[o, i] = round(W[o, i] / scale[o])

Symmetric and per output row, the form of Dettmers et al. 2022 (LLM.int8(), section 2), so that a kernel may multiply in
int8 and scale its sums. Smaller groups along the input were measured on the bundled model and are not needed: on 20,480
tokens the perplexity is 1.00015 times that of float32 with rows, 1.0003 times with groups of 64.

On disk: `model.safetensors` whose header says `format: footnote-int8-1`; beside each int8 tensor `NAME` stands
`NAME.scale`, float32, of the same rank with length 1 along the input. All other numbers are float16, and tied weights
are stored once. Against damage inside the numbers there is no checksum.
"""

from collections.abc import Collection, Mapping
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM, GenerationConfig, PreTrainedModel
from transformers.pytorch_utils import Conv1D

from assistant.errors import ModelError

FORMAT = "footnote-int8-1"
SCALE = ".scale"
WEIGHTS = "model.safetensors"
_OURS = "footnote-"
_LEAST = 1024
"""Numbers of the smallest matrix stored as int8; a smaller one would save less than a kilobyte."""
_STEPS = 127

State = Mapping[str, torch.Tensor]


def quantize(state: State, in_out: Collection[str] = ()) -> dict[str, torch.Tensor]:
    """The tensors of `state` in their order, matrices as int8 (out, in) with a `.scale` (out, 1), the rest as float16.

    `in_out` names the matrices that lie as (in, out), as those of GPT-2's Conv1D do; their scale is (1, out). Tensors
    that hold no floats stay as they are. A number is off by half a scale at most.
    """
    stored: dict[str, torch.Tensor] = {}
    for name, tensor in state.items():
        if not tensor.is_floating_point():
            stored[name] = tensor
        elif tensor.ndim == 2 and tensor.numel() >= _LEAST:
            stored[name], stored[name + SCALE] = _rounded(tensor.float(), inputs=0 if name in in_out else 1)
        else:
            stored[name] = tensor.to(torch.float16)
    return stored


def dequantize(state: State) -> dict[str, torch.Tensor]:
    """What `quantize` stored, as float32. Raises ModelError where an int8 tensor has no scale of a fitting shape."""
    matrices = {name for name, tensor in state.items() if tensor.dtype == torch.int8}
    scales = {name + SCALE for name in matrices}
    restored: dict[str, torch.Tensor] = {}
    for name, tensor in state.items():
        if name in matrices:
            restored[name] = tensor.float() * _scale_of(name, state)
        elif name not in scales:
            restored[name] = tensor.float() if tensor.is_floating_point() else tensor
    return restored


def save_quantized(model: PreTrainedModel, folder: Path) -> None:
    """Write weights as int8, config and generation config of `model` into `folder`."""
    state = {name: model.state_dict()[name] for name in _stored_names(model)}
    in_out = {f"{name}.weight" for name, module in model.named_modules() if isinstance(module, Conv1D)}
    whole = {name: tensor.contiguous() for name, tensor in quantize(state, in_out).items()}
    save_file(whole, folder / WEIGHTS, metadata={"format": FORMAT})
    model.config.save_pretrained(folder)
    model.generation_config.save_pretrained(folder)


def is_quantized(folder: Path) -> bool:
    """Whether the weights in `folder` are of this format; another of our formats is refused as a ModelError."""
    path = folder / WEIGHTS
    if not path.is_file():
        return False
    with safe_open(path, framework="pt") as file:
        declared: str = (file.metadata() or {}).get("format", "")
    if declared != FORMAT and declared.startswith(_OURS):
        raise ModelError(f"{folder}: weights of format {declared!r}, this program reads {FORMAT!r}; export them again")
    return declared == FORMAT


def load_quantized(folder: Path) -> PreTrainedModel:
    """The model of `folder` in float32; ModelError where a tensor is missing, unexpected or of another shape."""
    config = AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    state = dequantize(load_file(folder / WEIGHTS))
    with torch.device("meta"):
        empty = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    _check_tensors(folder, state, empty)
    # The class itself: the Auto class insists on a folder, from which it would load the weights.
    model = type(empty).from_pretrained(None, config=config, state_dict=state, dtype=torch.float32)
    model.name_or_path = model.config.name_or_path = str(folder)  # what an adapter trained on it will name as its base
    if (folder / "generation_config.json").is_file():
        model.generation_config = GenerationConfig.from_pretrained(folder, local_files_only=True)
    return model


def _rounded(matrix: torch.Tensor, inputs: int) -> tuple[torch.Tensor, torch.Tensor]:
    # A row of zeros gets the least scale there is, not 0: nothing is divided by zero.
    least = torch.finfo(torch.float32).tiny
    scale = (matrix.abs().amax(dim=inputs, keepdim=True) / _STEPS).clamp_min(least)
    return (matrix / scale).round().clamp(-_STEPS, _STEPS).to(torch.int8), scale


def _scale_of(name: str, state: State) -> torch.Tensor:
    scale, matrix = state.get(name + SCALE), state[name]
    rows = {(matrix.shape[0], 1), (1, matrix.shape[-1])} if matrix.ndim == 2 else set()
    if scale is None or tuple(scale.shape) not in rows or not scale.is_floating_point():
        raise ModelError(f"{name} is int8 without a scale for each of its rows; export the model again")
    return scale.float()


def _stored_names(model: PreTrainedModel) -> list[str]:
    """The tensors that a file of `model` holds: of tied ones, the one that the others are tied to."""
    tied = model.all_tied_weights_keys
    return [name for name in model.state_dict() if name not in tied]


def _check_tensors(folder: Path, state: State, expected: PreTrainedModel) -> None:
    shapes = {name: expected.state_dict()[name].shape for name in _stored_names(expected)}
    found = {
        "missing": [name for name in shapes if name not in state],
        "unexpected": [name for name in state if name not in shapes],
        "of another shape": [name for name in shapes if name in state and state[name].shape != shapes[name]],
    }
    told = [f"{len(names)} {what} (as {names[0]})" for what, names in found.items() if names]
    if told:
        raise ModelError(f"{folder}: {WEIGHTS} does not fit config.json, tensors {', '.join(told)}; export it again")

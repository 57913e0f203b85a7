"""Several LoRA adapters of one base made into one model, by PEFT's own weighted combinations.

    linear        weighted sum of the A and of the B matrices
    ties          trims small numbers, elects a sign, sums what agrees (Yadav et al. 2023)
    dare_linear   drops numbers by chance, rescales the rest, then as linear (Yu et al. 2023)
    dare_ties     the same drop, then as ties

All four work on A and B apart, so that a sum holds the products of one adapter's A with another's B too: which one
serves is measured, not known before. `density` is the share of numbers kept by all but linear.
"""

import json
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from peft import PeftModel, get_peft_model_state_dict
from safetensors import SafetensorError, safe_open
from transformers import PreTrainedModel

from assistant.chatml import Rendered
from assistant.checkpoint import Checkpoint
from assistant.errors import InputError, ModelError
from finetune.base import shared
from finetune.losses import mean_loss

Method = Literal["linear", "ties", "dare_linear", "dare_ties"]
_ADAPTER = "adapter"
"""The subfolder in which a finetuned checkpoint keeps the adapter that was merged into it."""
_CONFIG = "adapter_config.json"
_WEIGHTS = "adapter_model.safetensors"
_BEYOND_LORA = ("use_dora", "use_rslora", "lora_bias", "modules_to_save", "trainable_token_indices")
"""What PEFT's combinations refuse, lose, or scale wrongly."""
_MIXED = "mixed"
Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Mix:
    """How adapters are combined."""

    weights: tuple[float, ...]
    """One for each adapter."""
    density: float = 0.5
    seed: int = 1
    """For what `dare_…` drops."""

    def __post_init__(self) -> None:
        if not all(math.isfinite(weight) for weight in self.weights):
            raise InputError("--weights must be finite numbers")
        if not 0 < self.density <= 1:
            raise InputError(f"--density must be above 0 and at most 1, not {self.density}")


@dataclass(frozen=True, slots=True)
class Comparison:
    """Losses in nats per token of the assistant, all on the same conversations."""

    base: float
    adapters: Mapping[str, float]
    methods: Mapping[str, float]
    tokens: int

    @property
    def best(self) -> Method:
        """The method of the lowest loss; InputError where none gives a loss that is a number."""
        methods: list[Method] = [method for method in get_args(Method) if math.isfinite(self.methods[method])]
        if not methods:
            raise InputError("--weights: with these no method gives a loss that is a number; name smaller ones")
        return min(methods, key=lambda method: self.methods[method])


def combine(base: Checkpoint, adapters: Sequence[Path], method: Method, mix: Mix) -> PreTrainedModel:
    """The base's model with `adapters` combined by `method` and merged in; `base` is used up.

    InputError for a wrong method or number of weights, ModelError for adapters that do not fit the base or each other.
    """
    if method not in get_args(Method):
        raise InputError(f"--method must be one of {', '.join(get_args(Method))}, not {method!r}")
    model = _with_adapters(base, adapters, mix)
    _mix_in(model, len(adapters), method, mix)
    return model.merge_and_unload(adapter_names=[_MIXED])


def compare(base: Checkpoint, adapters: Sequence[Path], examples: Sequence[Rendered], mix: Mix) -> Comparison:
    """The loss of the base, of each adapter alone and of each method; afterwards `base` is as it was."""
    model = _with_adapters(base, adapters, mix)
    with model.disable_adapter():
        before = mean_loss(model, examples, "the base")
    alone = {}
    for number, label in enumerate(labels(adapters)):
        model.set_adapter(_name(number))
        alone[label] = mean_loss(model, examples, label).mean
    methods = {method: _mixed_loss(model, len(adapters), method, mix, examples) for method in get_args(Method)}
    model.unload()
    return Comparison(before.mean, alone, methods, before.tokens)


def labels(adapters: Sequence[Path]) -> list[str]:
    """A name for each adapter: its folder's, or that of the checkpoint around it; numbered where two are the same."""
    names = [path.parent.name if path.name == _ADAPTER else path.name for path in map(Path.absolute, adapters)]
    return [f"{name} ({place})" if names.count(name) > 1 else name for place, name in enumerate(names, start=1)]


def _mixed_loss(model: PeftModel, adapters: int, method: Method, mix: Mix, examples: Sequence[Rendered]) -> float:
    _mix_in(model, adapters, method, mix)
    try:
        return mean_loss(model, examples, method).mean
    finally:
        model.set_adapter(_name(0))  # PEFT warns when the one in use is deleted
        model.delete_adapter(_MIXED)


def _mix_in(model: PeftModel, adapters: int, method: Method, mix: Mix) -> None:
    names = [_name(number) for number in range(adapters)]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(mix.seed)
        model.add_weighted_adapter(names, list(mix.weights), _MIXED, combination_type=method, density=mix.density)
    model.set_adapter(_MIXED)


def _with_adapters(base: Checkpoint, adapters: Sequence[Path], mix: Mix) -> PeftModel:
    """The base with all adapters beside each other, none merged."""
    if len(mix.weights) != len(adapters):
        raise InputError(f"--weights: {len(mix.weights)} given for {len(adapters)} adapters; give one for each")
    folders = [_folder(path) for path in adapters]
    shapes = [_shapes(folder) for folder in folders]
    for folder, found in zip(folders, shapes, strict=True):
        _check_config(folder, base.name)
        tied = [name for name in shared(base.model) if any(f".{name}.lora_" in key for key in found)]
        if tied:
            raise ModelError(f"{folder}: adapts {', '.join(tied)}, whose weights are another layer's too; leave it out")
        if found != shapes[0]:
            raise ModelError(f"{folder} and {folders[0]} adapt other layers or differ in rank; train them alike")
    try:
        return _loaded(base.model, folders, shapes[0])
    except (ValueError, RuntimeError, KeyError, UserWarning) as fault:  # each mismatch has its own error in PEFT
        reason = str(fault).strip().split("\n", 1)[0]
        raise ModelError(f"{folders[0]}: does not fit the base {base.name} ({reason}); name its own base") from fault


def _loaded(base: PreTrainedModel, folders: Sequence[Path], shapes: Shapes) -> PeftModel:
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="Found missing adapter keys")  # layers that only the base has
        # PEFT asks transformers by a name that goes away only with its next major version.
        warnings.filterwarnings("ignore", message=".is_gradient_checkpointing", category=FutureWarning)
        model = PeftModel.from_pretrained(base, folders[0], adapter_name=_name(0))
        for number, folder in enumerate(folders[1:], start=1):
            model.load_adapter(folder, adapter_name=_name(number))
    loaded = get_peft_model_state_dict(model, adapter_name=_name(0), save_embedding_layers=False)
    if {name: tuple(tensor.shape) for name, tensor in loaded.items()} != shapes:
        raise ValueError("other layers")
    return model.eval()


def _name(number: int) -> str:
    """PEFT's name of an adapter; the folders' own may hold dots, which it refuses."""
    return f"adapter{number}"


def _folder(path: Path) -> Path:
    for folder in (path, path / _ADAPTER):
        if (folder / _CONFIG).is_file() and (folder / _WEIGHTS).is_file():
            return folder
    raise InputError(f"{path}: no adapter in it ({_CONFIG}, {_WEIGHTS}); name the folder of one")


def _check_config(folder: Path, base: str) -> None:
    """Refuse what is no plain LoRA of a causal model, or says that it was trained on another base."""
    try:
        config: dict[str, Any] = json.loads((folder / _CONFIG).read_text(encoding="utf-8"))
        kind, trained_on = config.get("task_type"), Path(config.get("base_model_name_or_path") or base).name
    except (OSError, ValueError, AttributeError, TypeError) as fault:
        raise ModelError(f"{folder / _CONFIG}: cannot be read ({fault}); train the adapter again") from fault
    more = [name for name in _BEYOND_LORA if config.get(name)]
    if config.get("bias", "none") != "none":
        more.append("bias")
    if config.get("peft_type") != "LORA" or kind not in ("CAUSAL_LM", None) or more:
        what = ", ".join(more) or f"{config.get('peft_type')} for {kind}"
        raise ModelError(f"{folder}: holds {what}; only plain LoRA of a language model can be combined")
    if trained_on != Path(base).name:
        raise ModelError(f"{folder}: trained on {trained_on}, not on {base}; name its own base")


def _shapes(folder: Path) -> Shapes:
    try:
        with safe_open(folder / _WEIGHTS, framework="pt") as file:
            return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as fault:
        raise ModelError(f"{folder / _WEIGHTS}: damaged ({fault}); train the adapter again") from fault

"""Recipes: what to train, from what, how. A recipe is a TOML file; unknown keys and wrong types are refused by name."""

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from assistant.errors import InputError


@dataclass(frozen=True, slots=True)
class ModelShape:
    """A GPT-2 made from scratch. Left out of recipes that start from a checkpoint."""

    layers: int = 6
    width: int = 256
    heads: int = 4
    positions: int = 1024
    vocabulary: int = 8192

    def __post_init__(self) -> None:
        for item in fields(self):
            _require(getattr(self, item.name) > 0, f"model.{item.name} must be above 0")
        _require(self.width % self.heads == 0, "model.width must be a multiple of model.heads")
        _require(self.vocabulary > 260, "model.vocabulary must be above 260: 256 bytes and four control tokens")


@dataclass(frozen=True, slots=True)
class Data:
    """Where the rows come from."""

    paths: list[str] = field(default_factory=list)
    """JSON lines (plain, .gz or .xz) or folders of them."""
    plain_text: list[str] = field(default_factory=list)
    """Instruct recipes: files of `{"text"}` rows, of which `cloze_rows` grounded questions are made."""
    cloze_rows: int = 0
    learn_sources: bool = False
    """Instruct recipes: learn the sources of those rows too, not the replies alone."""
    max_tokens: int = 0
    """Pretraining: how many tokens to take in all, over the files in even shares; 0 takes all of them."""
    held_out: int = 64
    """Windows kept apart for validation."""
    repeats: dict[str, int] = field(default_factory=dict)
    """Instruct recipes: how often the rows of a `source` are seen in one epoch; 1 where it is not named."""

    def __post_init__(self) -> None:
        _require(self.cloze_rows >= 0, "data.cloze_rows must not be negative")
        _require(self.max_tokens >= 0, "data.max_tokens must not be negative")
        _require(self.held_out >= 1, "data.held_out must be at least 1")
        _require(all(n >= 0 for n in self.repeats.values()), "data.repeats must not be negative")


@dataclass(frozen=True, slots=True)
class Training:
    """The optimiser and its schedule."""

    window: int = 1024
    """Tokens of a packed window."""
    batch: int = 8
    """Windows of one forward pass."""
    accumulate: int = 1
    """Forward passes of one step."""
    epochs: float = 1.0
    learning_rate: float = 1e-3
    warmup: float = 0.02
    """Share of the steps."""
    weight_decay: float = 0.1
    save_steps: int = 200
    seed: int = 1

    def __post_init__(self) -> None:
        for name in ("window", "batch", "accumulate", "epochs", "learning_rate", "save_steps"):
            _require(getattr(self, name) > 0, f"training.{name} must be above 0")
        _require(0 <= self.warmup < 1, "training.warmup must be from 0 to below 1")
        _require(self.weight_decay >= 0, "training.weight_decay must not be negative")


@dataclass(frozen=True, slots=True)
class Recipe:
    """One training run."""

    kind: Literal["pretrain", "instruct"]
    output: str
    """The folder of the finished checkpoint."""
    base: str = ""
    """A checkpoint folder to start from; empty starts from scratch."""
    model: ModelShape = field(default_factory=ModelShape)
    data: Data = field(default_factory=Data)
    training: Training = field(default_factory=Training)
    licences: dict[str, str] = field(default_factory=dict)
    """What the data are and under which licence; copied into `run.json`."""

    def __post_init__(self) -> None:
        _require(self.kind in ("pretrain", "instruct"), "kind must be pretrain or instruct")
        _require(bool(self.output), "output must name the folder of the checkpoint")
        _require(bool(self.data.paths), "data.paths is empty: name the training files, --set 'data.paths=[\"FILE\"]'")
        _require(self.kind == "pretrain" or bool(self.base), "base must name the checkpoint to start from")
        _require(self.kind != "pretrain" or not self.base, "base must be empty: pretraining starts from random weights")
        _require(
            not self.data.cloze_rows or bool(self.data.plain_text),
            "data.plain_text is empty: name the files that data.cloze_rows are made of, "
            "--set 'data.plain_text=[\"FILE\"]'",
        )
        if self.kind == "pretrain":  # the positions of a base are known once it is loaded
            _require(self.training.window <= self.model.positions, "training.window must not exceed model.positions")

    def as_dict(self) -> dict[str, Any]:
        """The recipe as plain values, for `run.json`; without `model` where the base gave the shape."""
        values = asdict(self)
        if self.kind == "instruct":
            values.pop("model")
        return values


def load_recipe(path: Path, settings: Sequence[str] = ()) -> Recipe:
    """Read a recipe; `settings` are `key=value` or `table.key=value` with a TOML value that replace its own."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as fault:
        raise InputError(f"{path}: cannot be read ({fault.strerror}); name a recipe file") from fault
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise InputError(f"{path}: not a TOML file: {fault}") from fault
    for setting in settings:
        _override(table, setting)
    recipe: Recipe = _build(Recipe, table, "")
    return recipe


def _override(table: dict[str, Any], setting: str) -> None:
    key, equals, value = setting.partition("=")
    if not equals:
        raise InputError(f"--set {setting}: write key=value")
    *parents, last = key.strip().split(".")
    for parent in parents:
        table = table.setdefault(parent, {})
        if not isinstance(table, dict):
            raise InputError(f"--set {key}: {parent} is not a table")
    try:
        table[last] = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        table[last] = value


def _build(kind: type, table: Mapping[str, Any], prefix: str) -> Any:
    hints = get_type_hints(kind)
    known = {item.name for item in fields(kind)}
    for key in table:
        _require(key in known, f"{prefix}{key}: unknown key; known are {', '.join(sorted(known))}")
    for item in fields(kind):
        required = item.default is MISSING and item.default_factory is MISSING
        _require(not required or item.name in table, f"{prefix}{item.name} is missing")
    return kind(**{key: _value(hints[key], value, f"{prefix}{key}") for key, value in table.items()})


def _value(hint: Any, value: Any, name: str) -> Any:
    if is_dataclass(hint):
        _require(isinstance(value, dict), f"{name} must be a table")
        return _build(hint, value, f"{name}.")  # type: ignore[arg-type]
    expected = get_origin(hint) or hint
    if expected is Literal:
        _require(value in get_args(hint), f"{name} must be one of {', '.join(get_args(hint))}")
        return value
    if expected is float and type(value) is int:
        return float(value)
    _require(type(value) is expected, f"{name} must be of type {expected.__name__}, not {type(value).__name__}")
    _require(expected is not float or math.isfinite(value), f"{name} must be a finite number")
    for item, kind in _items(hint, value):
        _require(type(item) is kind, f"{name} must hold values of type {kind.__name__}")
    return value


def _items(hint: Any, value: Any) -> list[tuple[Any, type]]:
    arguments = get_args(hint)
    if isinstance(value, list):
        return [(item, arguments[0]) for item in value]
    if isinstance(value, dict):
        return [(item, arguments[1]) for item in value.values()]
    return []


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise InputError(message)

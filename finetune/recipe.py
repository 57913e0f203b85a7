"""Reading a recipe: a TOML file with `--set` on top, checked against the dataclasses of `finetune.config`."""

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from assistant.errors import InputError
from finetune.config import Recipe, require

_ONE_KIND = {"task": "task", "preference": "preference"}
"""Tables that only one kind of recipe reads."""


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
    require("model" not in table or recipe.from_scratch, "[model] is for a model from scratch; base has its own shape")
    for name, kind in _ONE_KIND.items():
        require(name not in table or recipe.kind == kind, f"[{name}] is for recipes of the kind {kind}; leave it out")
    return recipe


def _override(table: dict[str, Any], setting: str) -> None:
    key, equals, value = setting.partition("=")
    if not equals:
        raise InputError(f"--set {setting}: write key=value")
    *parents, last = _key(key.strip(), setting)
    for parent in parents:
        table = table.setdefault(parent, {})
        if not isinstance(table, dict):
            raise InputError(f"--set {key}: {parent} is not a table")
    try:
        table[last] = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        table[last] = value


def _key(key: str, setting: str) -> list[str]:
    """The parts of a dotted key; one with a dot in it stands in quotes, as in TOML."""
    parts: list[str] = []
    try:
        level: Any = tomllib.loads(f"{key} = 0")
        while isinstance(level, dict):
            ((part, level),) = level.items()
            parts.append(part)
    except ValueError as fault:
        raise InputError(f"--set {setting}: write table.key=value; a name with a dot in it stands in quotes") from fault
    return parts


def _build(kind: type, table: Mapping[str, Any], prefix: str) -> Any:
    hints = get_type_hints(kind)
    known = {item.name for item in fields(kind)}
    for key in table:
        require(key in known, f"{prefix}{key}: unknown key; known are {', '.join(sorted(known))}")
    for item in fields(kind):
        required = item.default is MISSING and item.default_factory is MISSING
        require(not required or item.name in table, f"{prefix}{item.name} is missing")
    return kind(**{key: _value(hints[key], value, f"{prefix}{key}") for key, value in table.items()})


def _value(hint: Any, value: Any, name: str) -> Any:
    if isinstance(hint, UnionType):  # a table that may be left out
        (hint,) = (kind for kind in get_args(hint) if kind is not NoneType)
    if is_dataclass(hint):
        require(isinstance(value, dict), f"{name} must be a table")
        return _build(hint, value, f"{name}.")  # type: ignore[arg-type]
    expected = get_origin(hint) or hint
    if expected is Literal:
        require(value in get_args(hint), f"{name} must be one of {', '.join(get_args(hint))}")
        return value
    if expected is float and type(value) is int:
        return float(value)
    require(type(value) is expected, f"{name} must be of type {expected.__name__}, not {type(value).__name__}")
    require(expected is not float or math.isfinite(value), f"{name} must be a finite number")
    for item, kind in _items(hint, value):
        require(type(item) is kind, f"{name} must hold values of type {kind.__name__}")
    return value


def _items(hint: Any, value: Any) -> list[tuple[Any, type]]:
    arguments = get_args(hint)
    if isinstance(value, list):
        return [(item, arguments[0]) for item in value]
    if isinstance(value, dict):
        return [(item, arguments[1]) for item in value.values()]
    return []

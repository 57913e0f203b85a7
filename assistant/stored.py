"""What a checkpoint folder says of itself, read from the headers of its files: no weights are loaded."""

import json
import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from assistant.checkpoint import RUN_FILE

_TYPES = {"I8": "int8", "F16": "fp16", "BF16": "bf16", "F32": "fp32", "F64": "fp64"}
_SCALE = ".scale"


@dataclass(frozen=True, slots=True)
class Stored:
    """A checkpoint on disk. What its files do not tell is None."""

    parameters: int | None
    """Numbers in the weights, tied ones counted once."""
    dtype: str | None
    """The type that most of them are stored in."""
    bytes: int
    """Of all its files."""
    kind: str | None
    """What made it: `pretrain`, `instruct`, …, from its run record."""
    base: str | None
    """What it was made from."""
    problem: str = ""
    """Why it cannot be described in full; such a model will not load."""


def describe(folder: Path) -> Stored:
    """Describe the checkpoint in `folder`; one that is damaged is described too, with its problem."""
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    try:
        counts = _counts(folder)
        record = _record(folder)
    except (OSError, ValueError, SafetensorError) as fault:
        return Stored(None, None, size, None, None, " ".join(str(fault).split()) or type(fault).__name__)
    most = max(counts, key=lambda name: counts[name], default=None)
    problem = "" if counts or any(folder.glob("*.bin")) else "no weights in it"
    return Stored(sum(counts.values()) or None, most, size, _text(record, "kind"), _base(record), problem)


def _counts(folder: Path) -> Counter[str]:
    """Numbers of each type in the weights, scales of int8 tensors apart."""
    counts: Counter[str] = Counter()
    for path in folder.glob("model*.safetensors"):
        with safe_open(path, framework="np") as file:
            names = set(file.keys())
            for name in names:
                part = file.get_slice(name)
                is_scale = name.endswith(_SCALE) and name.removesuffix(_SCALE) in names
                counts[_TYPES.get(part.get_dtype(), part.get_dtype())] += 0 if is_scale else math.prod(part.get_shape())
    return counts


def _record(folder: Path) -> dict[str, Any]:
    path = folder / RUN_FILE
    record = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    if not isinstance(record, dict):
        raise ValueError(f"{RUN_FILE} is not a record")
    return record


def _base(record: dict[str, Any]) -> str | None:
    recipe = record.get("recipe")
    return _text(recipe if isinstance(recipe, dict) else {}, "base") or _text(record, "base")


def _text(record: dict[str, Any], key: str) -> str | None:
    value = record.get(key)
    return value if isinstance(value, str) and value else None

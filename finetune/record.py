"""What `run.json` says of a run: of what it was made, how, and what came of it."""

import hashlib
import json
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel

from assistant.chatml import PROMPT_FORMAT
from assistant.checkpoint import BUNDLED, RUN_FILE, find_checkpoint
from assistant.config import read_config
from assistant.rows import STANDARD_INPUT, data_files
from finetune.config import TEXT_KINDS, Recipe
from finetune.language import OWN_SET
from finetune.output import FILES
from finetune.progress import progress

_SHAPE = {
    "layers": "num_hidden_layers",
    "width": "hidden_size",
    "heads": "num_attention_heads",
    "positions": "max_position_embeddings",
    "vocabulary": "vocab_size",
}
"""Our names of a model's measures, and those that the configurations of transformers share."""
_WEIGHTS = "*.safetensors"


@dataclass(frozen=True, slots=True)
class Origin:
    """What a run is made of, as it was when the run began: by its end files may have moved."""

    base: str
    """The base by a name that says nothing of this machine: a hub id in full, of a folder its own name."""
    data: dict[str, str]
    """The SHA-256 of each file; not of the standard input, which is gone once it is read."""
    weights: dict[str, str]
    """The same of the files of a base that is a folder."""
    base_run: dict[str, Any] | None
    """The record of the checkpoint that the run started from, so that the last one tells the whole story."""

    @property
    def read(self) -> dict[str, str]:
        """Everything that was hashed."""
        return {**self.data, **{f"base/{name}": digest for name, digest in self.weights.items()}}


def origin(recipe: Recipe) -> Origin:
    """The files and the base of `recipe`, read now."""
    files = dict(_named(recipe))
    folder = Path(find_checkpoint(recipe.base, read_config().home / "models")) if recipe.base else None
    weights = {path.name: path for path in sorted(folder.glob(_WEIGHTS))} if folder and folder.is_dir() else {}
    with progress("hashing the data", "files", len(files) + len(weights)) as counted:
        digests = [_sha256(path) for path in counted([*files.values(), *weights.values()])]
    data, base = digests[: len(files)], digests[len(files) :]
    return Origin(
        base_name(recipe),
        dict(zip(files, data, strict=True)),
        dict(zip(weights, base, strict=True)),
        _run_of(folder) if folder else None,
    )


def base_name(recipe: Recipe) -> str:
    """The base of `recipe` by a name that tells no path of this machine."""
    is_folder = recipe.base and recipe.base != BUNDLED and Path(recipe.base).is_dir()
    return Path(recipe.base).resolve().name if is_folder else recipe.base


def describe(recipe: Recipe, source: Origin, model: PreTrainedModel, measured: dict[str, Any]) -> dict[str, Any]:
    """The record of a finished run; `model` is what is saved, adapters merged."""
    plan = recipe.as_dict()
    for name in ("paths", "plain_text", "home", "shards"):
        plan["data"].pop(name, None)
    plan.pop("output")
    plan["base"] = source.base
    return {
        "prompt_format": PROMPT_FORMAT,
        "kind": recipe.kind,
        "parameters": model.num_parameters(),
        "shape": {name: getattr(model.config, key, None) for name, key in _SHAPE.items()},
        "recipe": plan,
        "data": source.data,
        **measured,
        "base_run": source.base_run,
        "made_with": {"python": platform.python_version(), "torch": torch.__version__},
    }


def _named(recipe: Recipe) -> Iterator[tuple[str, Path]]:
    """The files of `recipe` by their names; a name that comes again has a number."""
    times: dict[str, int] = {}
    for path in _files(recipe):
        name = f"own/{path.name}" if str(path.parent) == OWN_SET else path.name
        times[name] = times.get(name, 0) + 1
        yield (name if times[name] == 1 else f"{name} ({times[name]})"), path


def _files(recipe: Recipe) -> Iterator[Path]:
    is_text = recipe.kind in TEXT_KINDS
    for setting, paths, text in (
        ("data.paths", recipe.data.paths, is_text),
        ("data.plain_text", recipe.data.plain_text, True),
        ("data.own", [OWN_SET] if recipe.data.own else [], False),
    ):
        named = [path for path in paths if path != STANDARD_INPUT]
        if named:
            yield from data_files(named, setting, text=text)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _run_of(folder: Path) -> dict[str, Any] | None:
    path = folder / RUN_FILE
    if not path.is_file():
        return None
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    record.pop(FILES, None)  # those of the base's folder
    return record

"""Saving a finished run: everything is written beside its place first, so that nothing half-written is found there.

A checkpoint is the weights (adapters merged), the tokenizer and `run.json`, which says how it was made; the adapters
alone are kept in `adapter/`.
"""

import hashlib
import json
import os
import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from safetensors import SafetensorError
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from assistant.atomic import settle
from assistant.chatml import PROMPT_FORMAT
from assistant.checkpoint import RUN_FILE, find_checkpoint
from assistant.config import read_config
from assistant.errors import InputError
from assistant.rows import STANDARD_INPUT, data_files
from finetune.config import Recipe
from finetune.progress import progress

ADAPTER = "adapter"
TEST_ROWS = "test.jsonl"
_PART = ".part"
_TORCH_WRITER = "inline_container"
"""The file of PyTorch's source that an error of its writer names."""
_SHAPE = {
    "layers": "num_hidden_layers",
    "width": "hidden_size",
    "heads": "num_attention_heads",
    "positions": "max_position_embeddings",
    "vocabulary": "vocab_size",
}
"""Our names of a model's measures, and those that the configurations of transformers share."""


def save(
    output: Path,
    model: PreTrainedModel | PeftModel,
    tokenizer: PreTrainedTokenizerBase,
    record: dict[str, Any],
    test_rows: list[dict[str, Any]],
) -> None:
    """Write the checkpoint in half precision; adapters are merged into it and kept beside it."""
    with written_whole(output) as folder:
        if isinstance(model, PeftModel):
            model.save_pretrained(folder / ADAPTER)
            model = model.merge_and_unload()
        blame = "training.learning_rate: the training has diverged: lower it and start again"
        in_half_precision(model, blame).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        if test_rows:
            lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in test_rows)
            (folder / TEST_ROWS).write_text("".join(lines), encoding="utf-8")
        (folder / RUN_FILE).write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def in_half_precision(model: PreTrainedModel, blame: str) -> PreTrainedModel:
    """`model` in float16, in place; InputError with `blame` where a weight is no number or too large for it."""
    model.to(torch.float16)
    for name, weight in model.named_parameters():
        if not torch.isfinite(weight).all():
            raise InputError(f"{blame} ({name} is not finite in half precision)")
    return model


@contextmanager
def written_whole(output: Path) -> Iterator[Path]:
    """A folder whose files are moved into `output` at the end, `run.json` last; on an error nothing of it is left.

    The record of an earlier run goes first: a folder without one still loads, as any model does, but a save that is cut
    short must not leave new weights beside a record that describes others. Nor are adapters or test rows of the earlier
    run left beside weights that have none.
    """
    part = output / _PART
    shutil.rmtree(part, ignore_errors=True)
    try:
        with writing_to(output):
            part.mkdir(parents=True)
            yield part
            settle(part)
            (output / RUN_FILE).unlink(missing_ok=True)
            shutil.rmtree(output / ADAPTER, ignore_errors=True)
            (output / TEST_ROWS).unlink(missing_ok=True)
            for path in sorted(part.iterdir(), key=lambda path: path.name == RUN_FILE):
                path.replace(output / path.name)
    finally:
        shutil.rmtree(part, ignore_errors=True)


@contextmanager
def writing_to(output: Path) -> Iterator[None]:
    """Tell a write that failed within, by whatever library, as a refusal that names the setting."""
    try:
        yield
    except (OSError, SafetensorError, RuntimeError) as fault:
        # PyTorch has no error of its own for a file that it could not write; a lost process is no matter of files.
        if isinstance(fault, ConnectionError) or (isinstance(fault, RuntimeError) and _TORCH_WRITER not in str(fault)):
            raise
        reason = getattr(fault, "strerror", None) or str(fault).split("\n", 1)[0]
        raise InputError(
            f"output: {output} cannot be written ({reason}); make room or name another folder, then run again with "
            "--resume"
        ) from fault


def check_output(output: Path) -> None:
    """Refuse a folder that cannot be written before anything is computed for it; nothing is made."""
    nearest = next(folder for folder in (output, *output.absolute().parents) if os.path.lexists(folder))
    if not os.path.isdir(nearest) or not os.access(nearest, os.W_OK | os.X_OK):
        raise InputError(f"output: {nearest} is no folder that can be written; name another")


@dataclass(frozen=True, slots=True)
class Origin:
    """What a run is made of, as it was when the run began: by its end files may have moved."""

    data: dict[str, str]
    """The SHA-256 of each file; not of the standard input, which is gone once it is read."""
    base_run: dict[str, Any] | None
    """The record of the checkpoint that the run started from, so that the last one tells the whole story."""


def origin(recipe: Recipe) -> Origin:
    """The files and the base of `recipe`, read now."""
    return Origin(_hashes(recipe), _base_run(recipe))


def describe(
    recipe: Recipe,
    source: Origin,
    model: PreTrainedModel | PeftModel,
    counts: dict[str, int],
    measured: dict[str, Any],
) -> dict[str, Any]:
    """What `run.json` says: how the checkpoint was made, of what, and what was measured on the way."""
    plan = recipe.as_dict()
    for name in ("paths", "plain_text", "home"):
        plan["data"].pop(name)
    plan.pop("output")
    plan["base"] = Path(recipe.base).name
    return {
        "prompt_format": PROMPT_FORMAT,
        "kind": recipe.kind,
        "parameters": model.num_parameters(),
        "trained_parameters": model.num_parameters(only_trainable=True),
        "shape": {name: getattr(model.config, key, None) for name, key in _SHAPE.items()},
        "recipe": plan,
        "data": source.data,
        "counts": counts,
        **measured,
        "base_run": source.base_run,
        "made_with": {"python": platform.python_version(), "torch": torch.__version__},
    }


def _hashes(recipe: Recipe) -> dict[str, str]:
    named = [path for path in (*recipe.data.paths, *recipe.data.plain_text) if path != STANDARD_INPUT]
    files = data_files(named) if named else []
    with progress("hashing the data", "files", len(files)) as counted:
        return {path.name: _sha256(path) for path in counted(files)}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _base_run(recipe: Recipe) -> dict[str, Any] | None:
    if not recipe.base:
        return None
    path = Path(find_checkpoint(recipe.base, read_config().home / "models"), RUN_FILE)
    if not path.is_file():
        return None
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return record

"""Exporting a checkpoint in a smaller type, measured before it is handed over.

The exported folder is loaded again as any checkpoint is, and both read the same held-out text: what is refused or
recorded is what people will run, not what the arithmetic promises. The source is measured as it is stored: a run saves
float16, so what that rounding cost stands in its record, under `rounding`.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import torch

from assistant.atomic import new_folder
from assistant.chatml import PROMPT_FORMAT
from assistant.checkpoint import RUN_FILE, Checkpoint, load_checkpoint
from assistant.errors import InputError
from assistant.quantized import save_quantized
from assistant.stored import describe
from finetune.losses import Loss, mean_loss, text_windows
from finetune.output import FILES

Dtype = Literal["fp16", "int8"]
MOST_TOKENS = 20_000
_WORST_RATIO = 1.01


@dataclass(frozen=True, slots=True)
class Perplexity:
    """Perplexity of the source as it is stored and of the export, both computed in float32, over the same `tokens`."""

    source: float
    exported: float
    ratio: float
    tokens: int


@dataclass(frozen=True, slots=True)
class Export:
    """An exported checkpoint."""

    folder: Path
    source_dtype: str | None
    """The type that the source is stored in; None where it comes from a hub, which does not say before it is loaded."""
    dtype: str
    bytes: int
    """Of the weights."""
    perplexity: Perplexity


def export(
    source: str | Path, output: Path, dtype: Dtype, texts: Sequence[Path], *, most_tokens: int = MOST_TOKENS
) -> Export:
    """Write `source` (a folder or a hub id) into the new folder `output` as `dtype`, measured on at most `most_tokens`.

    The folder holds the weights, tokenizer, config, generation config and `run.json`: the source's record with
    `export` added. Left out are adapters kept in a subfolder, saved steps, metrics and the model card, which tell of
    the source. InputError, and nothing left behind, where the perplexity rises above 1.01 times the source's.
    """
    if dtype not in get_args(Dtype):
        raise InputError(f"--dtype must be one of {', '.join(get_args(Dtype))}, not {dtype!r}")
    # An output that is taken is refused at once, not after the measuring.
    with new_folder(output) as folder:
        original = load_checkpoint(source)
        stored = stored_type(source, dtype)
        windows = text_windows(texts, original, most_tokens)
        before = mean_loss(original.model, windows, "the source")
        _write(original, dtype, folder)
        perplexity = _compared(before, mean_loss(load_checkpoint(folder).model, windows, "the export"))
        _refuse_worse(dtype, perplexity)
        size = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
        record = {**_source_record(source, original), "export": _summary(dtype, stored, size, perplexity)}
        (folder / RUN_FILE).write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return Export(output, stored, dtype, size, perplexity)


def stored_type(source: str | Path, dtype: Dtype) -> str | None:
    """The type of the weights in the folder `source`; InputError where they are stored as `dtype` already."""
    stored = describe(Path(source)).dtype if Path(source).is_dir() else None
    if stored == dtype:
        raise InputError(f"--dtype {dtype}: {source} is stored in {dtype} already, so there is nothing to convert")
    return stored


def _write(checkpoint: Checkpoint, dtype: Dtype, folder: Path) -> None:
    if dtype == "int8":
        save_quantized(checkpoint.model, folder)
    else:
        checkpoint.model.to(torch.float16).save_pretrained(folder)
    checkpoint.tokenizer.save_pretrained(folder)


def _compared(source: Loss, exported: Loss) -> Perplexity:
    ratio = exported.perplexity / source.perplexity
    return Perplexity(round(source.perplexity, 4), round(exported.perplexity, 4), round(ratio, 6), source.tokens)


def _refuse_worse(dtype: Dtype, perplexity: Perplexity) -> None:
    if perplexity.ratio <= _WORST_RATIO:  # false for NaN, the mark of numbers too large for the type
        return
    raise InputError(
        f"--dtype {dtype}: the perplexity goes from {perplexity.source} to {perplexity.exported}, more than "
        f"{_WORST_RATIO} times; keep the source, or export it as another of {', '.join(get_args(Dtype))}"
    )


def _summary(dtype: Dtype, stored: str | None, size: int, perplexity: Perplexity) -> dict[str, Any]:
    return {"source_dtype": stored, "dtype": dtype, "bytes": size, "perplexity": asdict(perplexity)}


def _source_record(source: str | Path, original: Checkpoint) -> dict[str, Any]:
    """The record of the source; for a foreign model, which has none, where it comes from."""
    path = Path(source, RUN_FILE)
    if path.is_file():
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        record.pop(FILES, None)  # those of the run, not of this folder
        return record
    base = Path(source).name if Path(source).is_dir() else str(source)
    parameters = original.model.num_parameters()
    return {"prompt_format": PROMPT_FORMAT, "kind": "export", "parameters": parameters, "base": base}

"""Saving a finished run: everything is written beside its place first, so that nothing half-written is found there.

A checkpoint is the weights (adapters merged), the tokenizer and `run.json`, which says how it was made; the adapters
alone are kept in `adapter/`.
"""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from assistant.atomic import settle
from assistant.checkpoint import RUN_FILE
from finetune.divergence import half_precision_or_diverged
from finetune.output import ADAPTER, FILES, LOSSES, METRICS, TEST_ROWS, move_in, writing_to
from finetune.rounding import Rounding
from finetune.watch import plot_losses

if TYPE_CHECKING:
    from peft import PeftModel

_PART = ".footnote-save.part"
_CARD = """# Adapters of low rank

Trained by `footnote finetune` on {base}. The checkpoint in the folder above is that base with these adapters merged;
`run.json` there says by which recipe and on what. `footnote models combine` reads this folder.
"""
_Describe = Callable[[PreTrainedModel], dict[str, Any]]


def save(
    output: Path,
    model: "PreTrainedModel | PeftModel",
    tokenizer: PreTrainedTokenizerBase,
    describe: _Describe,
    test_rows: list[dict[str, Any]],
    rounding: Rounding,
) -> None:
    """Write the checkpoint in half precision; adapters are merged into it and kept beside it.

    `describe` makes the record of the model that is saved; what the rounding cost is added to it.
    """
    with written_whole(output) as folder:
        if hasattr(model, "merge_and_unload"):  # without asking for the library, which pretraining does without
            _save_adapters(model, folder / ADAPTER)
            model = model.merge_and_unload()
        record = describe(model)
        rounding.before(model)
        half_precision_or_diverged(model).save_pretrained(folder)
        record["rounding"] = rounding.after(model.to(torch.float32))
        tokenizer.save_pretrained(folder)
        if test_rows:
            write_rows(folder / TEST_ROWS, test_rows)
        plot_losses(output / METRICS, folder / LOSSES)
        names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
        record[FILES] = [*names, METRICS, RUN_FILE]
        (folder / RUN_FILE).write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write `rows` as JSON lines."""
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def _save_adapters(model: "PeftModel", folder: Path) -> None:
    """Adapters with a card of ours, and the base by a name that tells no path of this machine."""
    model.save_pretrained(folder)
    path = folder / "adapter_config.json"
    config: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    base = config.get("base_model_name_or_path")
    if base and Path(base).is_dir():
        base = config["base_model_name_or_path"] = Path(base).resolve().name
        path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    (folder / "README.md").write_text(_CARD.format(base=base), encoding="utf-8")


@contextmanager
def written_whole(output: Path) -> Iterator[Path]:
    """A folder whose files are moved into `output` at the end; on an error nothing of it is left."""
    part = output / _PART
    shutil.rmtree(part, ignore_errors=True)
    try:
        with writing_to(output):
            part.mkdir(parents=True)
            yield part
            settle(part)
            move_in(part, output)
    finally:
        shutil.rmtree(part, ignore_errors=True)

"""The way from adapters to a measured, saved checkpoint: `footnote models combine`."""

import json
import math
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

from assistant.atomic import new_folder
from assistant.chatml import PROMPT_FORMAT
from assistant.checkpoint import RUN_FILE, Checkpoint, load_checkpoint
from finetune.combine import Comparison, Method, Mix, combine, compare, labels
from finetune.config import require
from finetune.divergence import in_half_precision
from finetune.losses import conversations


def measure_and_save(
    base: str, adapters: Sequence[Path], data: Sequence[Path], mix: Mix, method: Method | None, output: Path | None
) -> tuple[Comparison, Method]:
    """Compare on the conversations of `data`; with an `output`, save the base with the adapters combined by `method`.

    Without a `method` the best one is taken. The checkpoint is in half precision, with `run.json` beside it; the
    adapters themselves are left where they are. InputError for weights with which it would not speak.
    """
    # An output that is taken is refused at once, not after the measuring.
    with new_folder(output) if output is not None else nullcontext() as folder:
        checkpoint = load_checkpoint(base, name=base)
        comparison = compare(checkpoint, adapters, conversations(data, checkpoint), mix)
        chosen = method or comparison.best
        if folder is not None:
            require(math.isfinite(comparison.methods[chosen]), f"--weights: with these {chosen} gives no loss at all")
            model = combine(checkpoint, adapters, chosen, mix)
            in_half_precision(model, "--weights: too large; name smaller ones").save_pretrained(folder)
            checkpoint.tokenizer.save_pretrained(folder)
            record = _record(checkpoint, adapters, chosen, mix, comparison)
            (folder / RUN_FILE).write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return comparison, chosen


def _record(
    base: Checkpoint, adapters: Sequence[Path], method: Method, mix: Mix, comparison: Comparison
) -> dict[str, Any]:
    path = Path(base.name, RUN_FILE)
    return {
        "prompt_format": PROMPT_FORMAT,
        "kind": "combine",
        "parameters": base.model.num_parameters(),
        "base": Path(base.name).name if Path(base.name).is_dir() else base.name,
        "adapters": labels(adapters),
        "method": method,
        **asdict(mix),
        "losses": asdict(comparison),
        "base_run": json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None,
    }

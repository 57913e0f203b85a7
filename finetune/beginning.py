"""What a run looks at before it trains and writes when it has trained; of several processes only the first does."""

import time
from pathlib import Path
from typing import Any

from finetune.config import Recipe
from finetune.output import begin, check_output
from finetune.plan import check_resumed, check_rows, fingerprint, note_resumed, plan_of, resumed
from finetune.progress import progress
from finetune.record import describe, origin
from finetune.rounding import rounding
from finetune.run import Run, Trained
from finetune.save import save
from finetune.trainer import processes


class Beginning:
    """The folder, the recipe and the data of a run, as they were when it began."""

    def __init__(self, recipe: Recipe, saved: str | None):
        """Refuse an output that is not a run's, and to go on from the step `saved` by another recipe or data."""
        self._recipe, self._saved = recipe, saved
        self._output, self._time = Path(recipe.output), time.monotonic()
        check_output(recipe)
        self._source = origin(recipe)
        self._plan = plan_of(recipe, self._source.base, self._source.read, processes())
        self._changed = check_resumed(self._output, self._plan) if saved else {}

    def mark(self, prepared: Run) -> None:
        """Note what the steps are steps of, or whether those that are there are steps of the same."""
        self._rows = fingerprint(prepared.trainer.train_dataset)
        if self._saved is None:
            begin(self._output, {**self._plan, "rows": self._rows})
            return
        check_rows(self._output, self._rows)
        if self._changed:
            since = {"step": int(self._saved.rpartition("-")[2]), "changed": self._changed}
            note_resumed(self._output, since)

    def save(self, prepared: Run, trained: Trained, found: dict[str, Any]) -> None:
        """Write the checkpoint with its record."""
        whole = trained.model
        if whole is None:  # never in the first process
            return
        measured = {
            "trained_parameters": whole.num_parameters(only_trainable=True),
            "rows": self._rows,
            "resumed": resumed(self._output),
            "counts": prepared.counts,
            **_measured(trained),
            **found,
            "seconds": round(time.monotonic() - self._time),
            **prepared.extra,
        }
        rounded = rounding(trained.trainer, self._recipe.kind)
        with progress(f"saving {self._output}"):
            save(
                self._output,
                whole,
                prepared.tokenizer,
                lambda model: describe(self._recipe, self._source, model, measured),
                prepared.test_rows,
                rounded,
            )


def _measured(trained: Trained) -> dict[str, Any]:
    state = trained.trainer.state
    return {
        "trained_tokens": int(state.num_input_tokens_seen),
        "steps": state.global_step,
        "best_step": state.best_global_step,
        "validation_loss": {"before": trained.before["eval_loss"], "after": trained.after["eval_loss"]},
    }

"""What a person sees of a run: one line of progress, `metrics.jsonl`, and a picture of the losses."""

import json
import sys
import time
from contextlib import ExitStack
from itertools import repeat
from pathlib import Path
from typing import Any

from tqdm import tqdm
from transformers import TrainerCallback

from finetune.progress import between_lines, progress


class ProgressLine(TrainerCallback):
    """A bar with loss, tokens per second and the time left, and one for each validation.

    Where the output is no terminal, a line now and then: the training's alone until it is over.
    """

    def __init__(self) -> None:
        self._bar: Any = None
        self._loss = ""
        self._start = (0.0, 0)
        self._validation = ExitStack()
        self._validated: Any = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Open the bar, at the step where the run goes on."""
        if state.is_world_process_zero:
            self._start = (time.monotonic(), state.num_input_tokens_seen)
            self._bar = tqdm(
                total=state.max_steps,
                initial=state.global_step,
                unit="step",
                desc="training",
                file=sys.stderr,
                mininterval=between_lines(),
                dynamic_ncols=True,
            )

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Move the bar."""
        if self._bar is not None:
            seconds, tokens = self._start
            speed = (state.num_input_tokens_seen - tokens) / max(time.monotonic() - seconds, 1e-9)
            self._bar.total = state.max_steps  # a run with a limit of time learns on the way how many steps it has
            self._bar.set_postfix_str(f"{self._loss}{speed:,.0f} tokens/s", refresh=False)
            self._bar.update(state.global_step - self._bar.n)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any) -> None:
        """Note the loss."""
        if logs and "loss" in logs:
            self._loss = f"loss {logs['loss']:.3f}, "

    def on_prediction_step(self, args: Any, state: Any, control: Any, eval_dataloader: Any = None, **_: Any) -> None:
        """Count a batch of a validation; the first one opens its line."""
        if self._validated is None and (self._bar is None or sys.stderr.isatty()):
            counted = self._validation.enter_context(progress("validating", "batches", len(eval_dataloader)))
            self._validated = counted(repeat(None))
            next(self._validated)  # counted when the next one is asked for
        if self._validated is not None:
            next(self._validated)

    def on_evaluate(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Close the line of a validation."""
        self._validation.close()
        self._validated = None

    def on_predict(self, args: Any, state: Any, control: Any, metrics: Any, **_: Any) -> None:
        """Close the line of a measurement."""
        self.on_evaluate(args, state, control)

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Close the bar."""
        self.close()

    def close(self) -> None:
        """Leave the bars as they are, and their lines."""
        self._validation.close()
        if self._bar is not None:
            self._bar.close()
            self._bar = None


class MetricsFile(TrainerCallback):
    """Appends each logged line to `metrics.jsonl`, with step and tokens.

    A resumed run first takes back the lines of steps that are trained again, so that the file reads like one of a run
    that was never broken off.
    """

    def __init__(self, path: Path):
        self._path = path

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Take back the lines of steps that are trained again."""
        if state.is_world_process_zero and self._path.is_file():
            kept = _logged_before(state.global_step, read_metrics(self._path))
            _replace(self._path, "".join(json.dumps(line) + "\n" for line in kept))

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any) -> None:
        """Append a line."""
        if not state.is_world_process_zero:
            return
        row = {"step": state.global_step, "tokens": state.num_input_tokens_seen, **(logs or {})}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(row) + "\n")


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The lines of a metrics file; a last line that was cut off by a kill is left out."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            found.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return found


def plot_losses(metrics: Path, picture: Path) -> None:
    """Draw training and validation loss over the steps as a PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    lines = read_metrics(metrics)
    figure = Figure(figsize=(7, 4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot(xlabel="step", ylabel="loss")
    for key, label in (("loss", "training"), ("eval_loss", "validation")):
        points = [(line["step"], line[key]) for line in lines if key in line]
        if points:
            axes.plot(*zip(*points, strict=True), label=label, marker="." if key == "eval_loss" else None)
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(picture, dpi=120)


def _logged_before(step: int, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The lines up to `step`, each once: a run that is resumed at its end measures the weights that it keeps again."""
    kept: dict[tuple[int, bool], dict[str, Any]] = {}
    for line in lines:
        if line["step"] <= step and "train_loss" not in line:  # the line that closes a run
            kept.setdefault((line["step"], "eval_loss" in line), line)
    return list(kept.values())


def _replace(path: Path, text: str) -> None:
    unfinished = path.with_name(f"{path.name}.part")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)

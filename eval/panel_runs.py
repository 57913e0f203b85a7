"""A panel that labels texts, as a run: every vote is a row; labels and figures are a function of the rows."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from assistant.engine.engine import Engine
from assistant.rows import Row
from eval.judge import LabelJudge
from eval.panel import majority, panel_report
from eval.runs import Outcome, Run

_TEXTS = "texts"


def panel_run(
    rows: Sequence[Row],
    labels: Sequence[str],
    judges: Mapping[str, Engine],
    seed: int = 1,
    *,
    written: str = "",
    progress: Callable[[float], None] = lambda _: None,
) -> Run:
    """Ask each judge for the label of each row, to be `written` to that file.

    Raises ModelError where a judge cannot reply.
    """
    panel = {name: LabelJudge(engine, labels) for name, engine in judges.items()}
    votes: list[Outcome] = []
    for number, row in enumerate(rows):
        votes += (_vote(number, row.text("text"), name, panel[name], judges[name]) for name in panel)
        progress((number + 1) / len(rows))
    settings = {"file": written, "labels": list(labels), "judges": list(judges)}
    return Run("label", seed, settings, {_TEXTS: [row.values for row in rows]}, votes)


def labelled_rows(run: Run) -> list[dict[str, Any]]:
    """Each row with `label`, `to_person` and the `votes` by judge."""
    return list(_labelled(run))


def panel_figures(run: Run) -> dict[str, Any]:
    """What `footnote eval label --json` prints."""
    return {"file": run.settings["file"], **panel_report(labelled_rows(run), run.settings["labels"], run.seed)}


def _labelled(run: Run) -> Iterator[dict[str, Any]]:
    judges = run.settings["judges"]
    by_judge = [[vote.outcome["label"] for vote in run.of(_TEXTS, judge)] for judge in judges]
    for item, labels in zip(run.items[_TEXTS], zip(*by_judge, strict=True), strict=True):
        label = majority(labels)
        yield {**item, "label": label, "to_person": label is None, "votes": dict(zip(judges, labels, strict=True))}


def _vote(number: int, text: str, name: str, judge: LabelJudge, engine: Engine) -> Outcome:
    found = judge.label(text)
    return Outcome(
        *(_TEXTS, number, name, {"label": found.verdict}),
        checkpoint=engine.checkpoint,
        sampling=judge.sampling,
        messages=judge.messages(text),
        reply=found.reply,
        latency_ms=found.latency_ms,
    )

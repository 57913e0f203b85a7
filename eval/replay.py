"""Every report of the records, made anew from their rows: the same rows and settings give the same bytes.

Sessions and versions are computed with the settings given; a run of `eval qa`, `label` or `report` with its own
seed, which is in its row, so that its figures are those that it printed.
"""

import json
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

from eval.form_report import form_report
from eval.panel_runs import panel_figures
from eval.qa_runs import qa_figures
from eval.ratings import Settings
from eval.report import make_report
from eval.runs import Kind, Run, list_runs, read_run
from eval.session_report import battle_report
from eval.sessions import list_sessions, session_row
from eval.versions import versions_report
from retrieval.database import Database

_FIGURES: dict[Kind, tuple[str, Callable[[Run], dict[str, Any]]]] = {
    "qa": ("qa", qa_figures),
    "label": ("labels", panel_figures),
    "report": ("reports", make_report),
}
"""Where the figures of a kind of run stand, by the numbers of the runs, and what computes them."""


def replay(
    db: Database,
    names: Sequence[str] = (),
    settings: Settings | None = None,
    progress: Callable[[float], None] = lambda _: None,
) -> dict[str, Any]:
    """The reports of the sessions `names`, by name; without any, those of all, of versions over all, and of all runs.

    Raises InputError for an unknown name.
    """
    chosen = settings or Settings()
    kinds = {each.name: each.kind for each in list_sessions(db)}
    for name in names:
        session_row(db, name)
    wanted = sorted(names or kinds)
    runs = [] if names else list_runs(db)
    done, steps = count(1), len(wanted) + len(runs)
    reports = {}
    for name in wanted:
        battle = kinds[name] == "battle"
        reports[name] = battle_report(db, name, chosen) if battle else form_report(db, name, chosen.seed)
        progress(next(done) / steps)
    figures: dict[str, dict[str, Any]] = {heading: {} for heading, _ in _FIGURES.values()}
    for run in runs:
        heading, make = _FIGURES[run.kind]
        figures[heading][str(run.id)] = make(read_run(db, run.id))
        progress(next(done) / steps)
    found = {"seed": chosen.seed, "sessions": reports}
    return found if names else {**found, "versions": versions_report(db, chosen), **figures}


def as_text(found: dict[str, Any]) -> str:
    """The reports as JSON, keys in their order, so that the same reports are the same bytes."""
    return json.dumps(found, ensure_ascii=False, indent=1, sort_keys=True, allow_nan=False) + "\n"

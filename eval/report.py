"""The report that compares checkpoints on everything at hand, as plain values: a function of the rows of a run.

The same rows give the same values, to the last digit, on one machine; measured times are rows too, and stand under
`timings` and nowhere else. `eval.report_measure` makes the rows, `eval.report_html` shows the values,
`eval.report_files` writes both.
"""

from collections.abc import Callable
from typing import Any

from eval.bootstrap import CONFIDENCE, RESAMPLES
from eval.changes import Compared, judged
from eval.changes_of_records import of_battles, of_scores
from eval.form_report import form_report
from eval.form_scores import scores_of
from eval.forms import find_form
from eval.qa_runs import QUESTIONS
from eval.ratings import Settings
from eval.report_models import (
    INSTRUCTIONS,
    RETRIEVAL,
    TEXT,
    Part,
    Tell,
    instructions_part,
    questions_part,
    retrieval_part,
    text_part,
)
from eval.runs import Run
from eval.session_report import battle_report
from eval.sessions import find_session
from eval.snapshot import restored
from eval.votes import as_battles, votes_of
from retrieval.database import Database

VERSION = 1
_PARTS: dict[str, Callable[[Run], Part]] = {
    TEXT: text_part,
    INSTRUCTIONS: instructions_part,
    QUESTIONS: questions_part,
    RETRIEVAL: retrieval_part,
}


def make_report(run: Run, tell: Tell = lambda *_: None) -> dict[str, Any]:
    """All figures of a run; `tell` is called with what is being computed and the share done."""
    told = run.settings
    parts = {name: make(run) for name, make in _PARTS.items() if name in told["parts"]}
    settings = Settings(seed=run.seed)
    with restored([run.items[f"session {name}"] for name in (*told["sessions"], *told["forms"])]) as db:
        battles = {name: _battles(db, name, settings, tell) for name in told["sessions"]}
        forms = {name: _form(db, name, run.seed, tell) for name in told["forms"]}
    everything = [*parts.values(), *battles.values(), *forms.values()]
    return {
        "name": run.name,
        "version": VERSION,
        "models": told["models"],
        "inputs": told["inputs"],
        "limit": told["limit"],
        "seed": run.seed,
        "confidence": CONFIDENCE,
        "resamples": RESAMPLES,
        "changes": judged([change for part in everything for change in part.changes]),
        **{name: part.values for name, part in parts.items()},
        "battles": {name: part.values for name, part in battles.items()},
        "forms": {name: part.values for name, part in forms.items()},
        "timings": {name: part.seconds for name, part in parts.items()},
    }


def _battles(db: Database, name: str, settings: Settings, tell: Tell) -> Part:
    session = find_session(db, name)
    values = battle_report(db, name, settings)
    names = [contestant.name for contestant in session.contestants]
    changes: list[Compared] = []
    for kind, label in (("person", "people"), ("model", "models")):
        battles = as_battles([vote for vote in votes_of(db, session.id) if vote.kind == kind])
        if battles is not None:
            changes += of_battles(f"battles {name}, {label}", battles, names, settings)
    tell(f"battles {name}", 1.0)
    return Part(values, tuple(changes))


def _form(db: Database, name: str, seed: int, tell: Tell) -> Part:
    values = form_report(db, name, seed)
    scores = scores_of(db, find_form(db, name))
    changes: list[Compared] = []
    for kind, label in (("person", "people"), ("model", "models")):
        own = scores.of_kind(kind) if scores else None
        if own is not None and len(own.score):
            changes += of_scores(f"form {name}, {label}", own, values["systems"], seed)
    tell(f"form {name}", 1.0)
    return Part(values, tuple(changes))

"""The report that compares checkpoints on everything at hand, as plain values. It reads top to bottom.

The same inputs, records and seed give the same values, to the last digit, on one machine; measured times stand under
`timings` and nowhere else. `eval.report_html` shows the values, `eval.report_cli` writes both.
"""

import time
from collections.abc import Callable
from typing import Any

from assistant.config import Config
from assistant.engine.pool import Engines
from eval.bootstrap import CONFIDENCE, RESAMPLES
from eval.changes import Compared, judged
from eval.changes_of_records import of_battles, of_scores
from eval.comparison import compare
from eval.form_report import form_report
from eval.form_scores import scores_of
from eval.forms import find_form
from eval.legs import rank_in
from eval.qa_documents import documents
from eval.ratings import Settings
from eval.report_input import Inputs
from eval.report_models import Part, Tell, instructions_part, questions_part, text_part
from eval.session_report import battle_report
from eval.sessions import find_session
from eval.votes import as_battles, votes_of
from retrieval.database import Database
from retrieval.library import Library

VERSION = 1


def make_report(inputs: Inputs, config: Config, engines: Engines, db: Database, tell: Tell) -> dict[str, Any]:
    """Measure all that `inputs` holds; `tell` is called with what is being measured and the share done."""
    wanted = inputs.wanted
    parts: dict[str, Part] = {}
    if inputs.documents:
        parts["text"] = text_part(inputs, config, engines, tell)
    if inputs.instructions:
        parts["instructions"] = instructions_part(inputs, engines, tell)
    if inputs.question_file:
        with documents(config, wanted.collection, inputs.question_file, _said(tell, "documents")) as (library, name):
            parts["questions"] = questions_part(inputs, library, name, config.passages, engines, tell)
            if inputs.search:
                parts["retrieval"] = _retrieval(inputs, library, tell)
    settings = Settings(seed=wanted.seed)
    battles = {name: _battles(db, name, settings, tell) for name in wanted.sessions}
    forms = {name: _form(db, name, wanted.seed, tell) for name in wanted.forms}
    everything = [*parts.values(), *battles.values(), *forms.values()]
    return {
        "version": VERSION,
        "models": [_model(engines, name) for name in wanted.models],
        "inputs": inputs.files,
        "limit": wanted.limit,
        "seed": wanted.seed,
        "confidence": CONFIDENCE,
        "resamples": RESAMPLES,
        "changes": judged([change for part in everything for change in part.changes]),
        **{name: part.values for name, part in parts.items()},
        "battles": {name: part.values for name, part in battles.items()},
        "forms": {name: part.values for name, part in forms.items()},
        "timings": {name: part.seconds for name, part in parts.items()},
    }


def _model(engines: Engines, name: str) -> dict[str, Any]:
    engine = engines.get(name)
    return {"name": name, "checkpoint": engine.checkpoint, "positions": engine.positions}


def _retrieval(inputs: Inputs, library: Library, tell: Tell) -> Part:
    """What a search finds, which is the same for all models."""
    assert inputs.search is not None  # noqa: S101 - the caller looked
    begun = time.perf_counter()
    rankings = rank_in(library, inputs.search, _said(tell, "retrieval"))
    values = compare(inputs.search, rankings, inputs.wanted.seed).as_dict()
    return Part(values, (), {"all": round(time.perf_counter() - begun, 3)})


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


def _said(tell: Tell, what: str) -> Callable[[float], None]:
    return lambda share: tell(what, share)

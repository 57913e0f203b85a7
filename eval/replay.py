"""Every report of the records, made anew from their rows: the same rows and settings give the same bytes."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from eval.form_report import form_report
from eval.ratings import Settings
from eval.session_report import battle_report
from eval.sessions import list_sessions, session_row
from eval.versions import versions_report
from retrieval.database import Database


def replay(
    db: Database,
    names: Sequence[str] = (),
    settings: Settings | None = None,
    progress: Callable[[float], None] = lambda _: None,
) -> dict[str, Any]:
    """The reports of the sessions `names`, by name; without any, those of all, and of versions over all.

    Raises InputError for an unknown name.
    """
    chosen = settings or Settings()
    kinds = {each.name: each.kind for each in list_sessions(db)}
    for name in names:
        session_row(db, name)
    reports = {}
    for number, name in enumerate(sorted(names or kinds), start=1):
        battle = kinds[name] == "battle"
        reports[name] = battle_report(db, name, chosen) if battle else form_report(db, name, chosen.seed)
        progress(number / len(names or kinds))
    return {"seed": chosen.seed, "sessions": reports, **({} if names else {"versions": versions_report(db, chosen)})}


def as_text(found: dict[str, Any]) -> str:
    """The reports as JSON, keys in their order, so that the same reports are the same bytes."""
    return json.dumps(found, ensure_ascii=False, indent=1, sort_keys=True, allow_nan=False) + "\n"

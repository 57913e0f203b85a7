"""How far the judges of a session agree with the people who rated the same, with what could not be read beside it.

Battles: over every pair of answers that people and the judge both voted on. People speak by majority; without one, and
where both answers were bad, it is a tie. `equal` is the share on which both say the same, alpha is Krippendorff's,
nominal. Beside it stands how far people agree among themselves, which a judge can hardly exceed.
Forms: for each aspect, over the texts that both scored, ordinal alpha and Spearman's rho between the mean of the people
and the score of the judge.

A figure that cannot be had is None, and a note says why. Intervals draw whole prompts, or sources, anew.
"""

from typing import Any

from eval.judge_battle_agreement import battle_agreement
from eval.judge_form_agreement import form_agreement
from eval.sessions import session_row
from retrieval.database import Database


def judge_agreement(db: Database, name: str, seed: int = 1) -> dict[str, Any]:
    """The figures of each judge of the session `name`, by its name. Raises InputError where there is none."""
    kind, session_id = session_kind(db, name), session_row(db, name)[0]
    figures = battle_agreement(db, session_id, seed) if kind == "battle" else form_agreement(db, name, seed)
    return {"session": name, "kind": kind, **figures}


def session_kind(db: Database, name: str) -> str:
    """`battle` or `form`. Raises InputError for an unknown session."""
    ((kind,),) = db.all("SELECT kind FROM sessions WHERE id = ?", session_row(db, name)[0])
    return str(kind)

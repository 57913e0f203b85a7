"""A model as the rater of a session, whatever its kind, and what came of it with how far it agrees with people."""

import hashlib
from collections.abc import Callable
from typing import Any

from assistant.engine.engine import Engine
from eval.judge_agreement import judge_agreement, session_kind
from eval.judge_battles import judge_battles
from eval.judge_forms import judge_form
from eval.sessions import LONGEST_NAME
from retrieval.database import Database

Progress = Callable[[float], None]


def judge_session(
    db: Database, name: str, engine: Engine, progress: Progress = lambda _: None, called: str = ""
) -> dict[str, Any]:
    """Judge what is left of a session as `called`, else by the engine's name; then the figures of all its judges.

    `judged_now` is how many battles or texts that were. Raises InputError and ModelError; what was judged stays.
    """
    judge = " ".join(called.split()) or judge_name(engine)
    kind = session_kind(db, name)
    judged = (judge_battles if kind == "battle" else judge_form)(db, name, engine, judge, progress)
    return {"judge": judge, "judged_now": judged, **judge_agreement(db, name)}


def judge_name(engine: Engine) -> str:
    """The name of an engine as a rater has it: a long one is cut at its front, and told apart by a hash."""
    if len(engine.name) <= LONGEST_NAME:
        return engine.name
    mark = hashlib.sha256(engine.name.encode(errors="replace")).hexdigest()[:8]
    return f"{mark} …{engine.name[-(LONGEST_NAME - 10) :]}"

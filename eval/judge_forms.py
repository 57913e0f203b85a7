"""A model judges the texts of a form: one question for each aspect of its rubric.

Each text is one transaction, resumed after a kill and judged once by one judge. A text has scores of all aspects or of
none, as those of people: where one aspect could not be read, the judgements of all are kept, and no score is.
"""

from collections.abc import Callable, Sequence

from assistant.engine.engine import Engine
from assistant.records import now
from eval.forms import Form, add_scores, find_form
from eval.judge import FormJudge, Judgement
from eval.sessions import add_rater
from retrieval.database import Database


def judge_form(
    db: Database, name: str, engine: Engine, judge: str, progress: Callable[[float], None] = lambda _: None
) -> int:
    """Judge the texts of the form `name` that `judge` has not judged yet; how many that were.

    Raises InputError for an unknown form or a name that a person has, ModelError where the engine cannot reply.
    """
    form = find_form(db, name)
    with db.transaction():
        judge = add_rater(db, judge, "model")
    items = db.all("SELECT number, text, source FROM items WHERE session_id = ? ORDER BY number", form.id)
    left = [item for item in items if not _judged(db, form, judge, item[0])]
    rater = FormJudge(engine, form.rubric.aspects)
    for done, (number, text, source) in enumerate(left, start=1):
        judgements = list(rater.score(text, source if form.rubric.source else ""))
        _store(db, form, judge, number, judgements, engine.checkpoint)
        progress(done / len(left))
    return len(left)


def _judged(db: Database, form: Form, judge: str, item: int) -> bool:
    return bool(
        db.all(
            "SELECT 1 FROM judgements WHERE session_id = ? AND judge = ? AND item = ?"
            " UNION SELECT 1 FROM scores WHERE session_id = ? AND rater = ? AND item = ?",
            *(form.id, judge, item) * 2,
        )
    )


def _store(db: Database, form: Form, judge: str, item: int, judgements: Sequence[Judgement], checkpoint: str) -> None:
    with db.transaction():
        if _judged(db, form, judge, item):
            return  # by another run of the same judge, meanwhile
        db.many(
            "INSERT INTO judgements (session_id, item, judge, part, reply, verdict, checkpoint, latency_ms, made_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (form.id, item, judge, each.part, each.reply, each.verdict, checkpoint, each.latency_ms, now())
                for each in judgements
            ],
        )
        scores = {each.part: int(each.verdict) for each in judgements if each.verdict is not None}
        if len(scores) == len(judgements):
            took = round(sum(each.latency_ms for each in judgements) / 1000, 1)
            add_scores(db, form, item, judge, scores, kind="model", seconds=took)

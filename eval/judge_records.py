"""What judges said, as the records have it, and what has to be said of a judge."""

from collections.abc import Sequence
from dataclasses import dataclass

from retrieval.database import Database

_SELF = (
    "{judge} is the model behind {names}: models tend to prefer what they wrote themselves (self-preference), so its "
    "verdicts on these say less"
)
_CHANGED = "{judge} judged with {count} different checkpoints, one after another; give another name to a new judge"


@dataclass(frozen=True, slots=True)
class Spoken:
    """One judgement: the battle or the text it is `of`, its part, and the verdict, None where it was not read."""

    of: int
    part: str
    verdict: str | None


def spoken_of(db: Database, session_id: int, judge: str) -> list[Spoken]:
    """The judgements of a judge in a session, in the order in which they were made."""
    rows = db.all(
        "SELECT ifnull(battle_id, item), part, verdict FROM judgements WHERE session_id = ? AND judge = ? ORDER BY id",
        *(session_id, judge),
    )
    return [Spoken(*row) for row in rows]


def made_by_judge(db: Database, session_id: int, judge: str) -> list[str]:
    """Notes: that a judge judges its own answers, and that it was not the same model all the time."""
    checkpoints = _names(
        db.all("SELECT DISTINCT checkpoint FROM judgements WHERE session_id = ? AND judge = ?", session_id, judge)
    )
    own = _names(
        db.all(
            "SELECT DISTINCT contestants.name FROM generations"
            " JOIN judgements ON judgements.session_id = generations.session_id"
            " AND judgements.checkpoint = generations.checkpoint AND judgements.judge = ?"
            " JOIN contestants ON contestants.session_id = generations.session_id AND number = contestant"
            " WHERE generations.session_id = ?"
            " UNION SELECT DISTINCT system FROM items WHERE session_id = ? AND system = ?",
            *(judge, session_id, session_id, judge),
        )
    )
    notes = [_SELF.format(judge=judge, names=", ".join(own))] if own else []
    return [*notes, *([_CHANGED.format(judge=judge, count=len(checkpoints))] if len(checkpoints) > 1 else [])]


def first_places(names: Sequence[str]) -> dict[str, int]:
    """A number for each name, in the order in which they first come."""
    return {name: number for number, name in enumerate(dict.fromkeys(names))}


def _names(rows: Sequence[tuple[str]]) -> list[str]:
    return sorted(name for (name,) in rows)

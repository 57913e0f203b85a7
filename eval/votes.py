"""Votes of the records: casting one, and reading those of a session in the form that ratings are computed from."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from assistant.errors import InputError
from assistant.records import now
from eval.battles import Battles
from eval.sessions import RaterKind
from retrieval.database import Database

Winner = Literal["left", "right", "tie", "bad", "skip", "unreadable"]
WINNERS: tuple[Winner, ...] = get_args(Winner)
BY_PEOPLE: tuple[Winner, ...] = ("left", "right", "tie", "bad", "skip")
SCORES = {"left": 1.0, "right": 0.0, "tie": 0.5, "bad": 0.5}
"""Of the left side; a skip and a verdict that could not be read say nothing of either."""


@dataclass(frozen=True, slots=True)
class Vote:
    """A vote with its battle; `left` and `right` are names, lengths are in words, None before an answer was stored."""

    battle: int
    rater: str
    kind: RaterKind
    number: int
    prompt: str
    left: str
    right: str
    winner: Winner
    seconds: float | None
    probability: float
    voted_at: str
    left_words: int | None
    right_words: int | None


def cast(db: Database, battle: int, winner: str, seconds: float | None = None) -> None:
    """Store a vote. Raises InputError for a battle that has one, or is not known, or a winner that is none."""
    if winner not in WINNERS:
        raise InputError(f"a vote is one of {', '.join(WINNERS)}, not {winner!r}")
    with db.transaction():
        rows = db.all("SELECT kind FROM battles JOIN raters ON name = rater WHERE id = ?", battle)
        if not rows:
            raise InputError("this battle is not there any more; go on with the next one")
        if rows[0][0] == "person" and winner not in BY_PEOPLE:
            raise InputError(f"a vote of a person is one of {', '.join(BY_PEOPLE)}, not {winner!r}")
        if db.all("SELECT 1 FROM votes WHERE battle_id = ?", battle):
            raise InputError("this battle has your vote already, perhaps from another window; go on with the next one")
        db.all("INSERT INTO votes VALUES (?, ?, ?, ?)", battle, winner, seconds, now())


def votes_of(db: Database, session_id: int) -> list[Vote]:
    """The votes of a session in the order in which they came."""
    rows = db.all(
        """
        SELECT battles.id, battles.rater, raters.kind, battles.number, prompts.text, l.name, r.name, winner, seconds,
            probability, voted_at,
            json_extract(lg.answer, '$.answer'), json_extract(rg.answer, '$.answer')
        FROM votes
            JOIN battles ON battles.id = votes.battle_id
            JOIN raters ON raters.name = battles.rater
            JOIN prompts ON prompts.session_id = battles.session_id AND prompts.number = battles.prompt
            JOIN contestants l ON l.session_id = battles.session_id AND l.number = left_contestant
            JOIN contestants r ON r.session_id = battles.session_id AND r.number = right_contestant
            LEFT JOIN generations lg ON lg.session_id = battles.session_id
                AND lg.contestant = left_contestant AND lg.prompt = battles.prompt
            LEFT JOIN generations rg ON rg.session_id = battles.session_id
                AND rg.contestant = right_contestant AND rg.prompt = battles.prompt
        WHERE battles.session_id = ? ORDER BY voted_at, battles.id
        """,
        session_id,
    )
    return [_vote(list(row)) for row in rows]


def scores_by_pair(db: Database, session_id: int, kind: RaterKind = "person") -> dict[tuple[int, int], list[float]]:
    """The scores of the first of each pair of contestants, by their numbers, the smaller first."""
    rows = db.all(
        """
        SELECT left_contestant, right_contestant, winner FROM votes
            JOIN battles ON battles.id = votes.battle_id JOIN raters ON raters.name = battles.rater
        WHERE session_id = ? AND kind = ? ORDER BY battles.id
        """,
        *(session_id, kind),
    )
    found = defaultdict(list)
    for left, right, winner in rows:
        if winner in SCORES:
            pair = (min(left, right), max(left, right))
            found[pair].append(SCORES[winner] if left < right else 1 - SCORES[winner])
    return dict(found)


def as_battles(votes: Sequence[Vote]) -> Battles | None:
    """The votes that prefer or equal, None without any; "both bad" is a tie."""
    told = [vote for vote in votes if vote.winner in SCORES]
    if not told:
        return None
    names = tuple(dict.fromkeys(name for vote in told for name in (vote.left, vote.right)))
    place = {name: at for at, name in enumerate(names)}
    lengths = [(vote.left_words, vote.right_words) for vote in told]
    known = all(length is not None for pair in lengths for length in pair)
    return Battles(
        names=names,
        left=np.array([place[vote.left] for vote in told], np.intp),
        right=np.array([place[vote.right] for vote in told], np.intp),
        score=np.array([SCORES[vote.winner] for vote in told]),
        groupings={"prompt": _numbers([v.prompt for v in told]), "rater": _numbers([v.rater for v in told])},
        lengths=np.array(lengths, float) if known else None,
    )


def _numbers(values: Sequence[str]) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    known: dict[str, int] = {}
    return np.array([known.setdefault(value, len(known)) for value in values], np.intp)


def _vote(row: list[Any]) -> Vote:
    right_answer, left_answer = row.pop(), row.pop()
    row += [_words(left_answer), _words(right_answer)]
    return Vote(*row)


def _words(answer: str | None) -> int | None:
    return None if answer is None else len(answer.split())

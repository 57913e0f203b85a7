"""What the records of a session of battles say, as plain values: a function of its rows and the settings alone.

People and models are rated apart. `history` has the ratings after a tenth, two tenths … of the votes, with the
intervals of `eval.rating_intervals` without its bootstraps, which are for the last of them, `people`.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from statistics import mean, median
from typing import Any

from eval.battles import Battles
from eval.bradley_terry import fit, pairs_of
from eval.connections import connections
from eval.judge_battle_agreement import battle_agreement
from eval.rating_intervals import intervals
from eval.ratings import Settings, rate
from eval.ratings_report import report
from eval.sessions import BattleSession, find_session
from eval.votes import SCORES, WINNERS, Vote, as_battles, votes_of
from retrieval.database import Database

_STEPS = 10
_FEWEST = 5
"""Votes between two points of the history."""
Share = Callable[[float], None]


def battle_report(
    db: Database, name: str, settings: Settings | None = None, progress: Share = lambda _: None
) -> dict[str, Any]:
    """The report of the session `name`. Raises InputError where there is none."""
    session, chosen = find_session(db, name), settings or Settings()
    votes = votes_of(db, session.id)
    people, models = ([vote for vote in votes if vote.kind == kind] for kind in ("person", "model"))
    return {
        "session": session.name,
        "kind": "battle",
        "seed": session.seed,
        "prompts": len(session.prompts),
        "contestants": _contestants(db, session),
        "votes": {"people": _tally(people), "models": _tally(models)},
        "raters": _raters(votes),
        "people": _rated(people, chosen, progress),
        "models": _rated(models, chosen, progress),
        "judges": battle_agreement(db, session.id, chosen.seed)["judges"],
        "history": history(people),
        "notes": _notes(people, models),
    }


def history(votes: Sequence[Vote]) -> list[dict[str, Any]]:
    """Ratings of the models known so far, after some of the votes and after all: {"votes", "ratings"}."""
    told = [vote for vote in votes if vote.winner in SCORES]
    every = max(_FEWEST, -(-len(told) // _STEPS))
    ends = sorted({*range(every, len(told), every), len(told)} - {0})
    return [{"votes": end, "ratings": _quick(as_battles(told[:end]))} for end in ends]


def _quick(battles: Battles | None) -> dict[str, dict[str, float | None]]:
    if battles is None:
        return {}
    pairs = pairs_of(battles)
    found = intervals(pairs, fit(pairs), connections(pairs.won()), {})
    rows = zip(battles.names, found.ratings, found.ci, strict=True)
    return {name: {"rating": float(at), "low": _end(low), "high": _end(high)} for name, at, (low, high) in rows}


def _end(value: float) -> float | None:
    """An end of an interval, None where it is open."""
    return float(value) if math.isfinite(value) else None


def _rated(votes: Sequence[Vote], settings: Settings, progress: Share) -> dict[str, Any] | None:
    battles = as_battles(votes)
    return None if battles is None else report(rate(battles, settings, progress))


def _tally(votes: Sequence[Vote]) -> dict[str, int]:
    counted = Counter(vote.winner for vote in votes)
    return {"all": len(votes), **{winner: counted[winner] for winner in WINNERS}}


def _raters(votes: Sequence[Vote]) -> dict[str, dict[str, Any]]:
    """By name: how often each voted what, and how long it took them."""
    found: dict[str, list[Vote]] = defaultdict(list)
    for vote in votes:
        found[vote.rater].append(vote)
    return {
        name: {"kind": cast[0].kind, **_tally(cast), "seconds_median": _middle([vote.seconds for vote in cast])}
        for name, cast in sorted(found.items())
    }


def _contestants(db: Database, session: BattleSession) -> dict[str, dict[str, Any]]:
    rows = db.all(
        "SELECT contestant, checkpoint, latency_ms, json_extract(answer, '$.abstained'),"
        " json_extract(answer, '$.answer') FROM generations WHERE session_id = ? ORDER BY contestant, prompt",
        session.id,
    )
    made: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        made[row[0]].append(row)
    return {each.name: {**each.settings(), **_answers(made[number])} for number, each in enumerate(session.contestants)}


def _answers(rows: Sequence[Any]) -> dict[str, Any]:
    return {
        "answers": len(rows),
        "checkpoints": sorted({row[1] for row in rows}),
        "latency_ms_median": _middle([row[2] for row in rows]),
        "abstained": sum(row[3] for row in rows),
        "words_mean": round(mean(len(row[4].split()) for row in rows), 2) if rows else None,
    }


def _middle(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(median(known), 3) if known else None


def _notes(people: Sequence[Vote], models: Sequence[Vote]) -> list[str]:
    notes = []
    if not people:
        notes.append("no person has voted yet")
    for kind, votes in (("people", people), ("models", models)):
        if votes and as_battles(votes) is None:
            notes.append(f"of the votes of {kind}, none says which answer is better")
    unreadable = sum(vote.winner == "unreadable" for vote in models)
    if unreadable:
        notes.append(f"{unreadable:,} of {len(models):,} verdicts of models could not be read; they rate nothing")
    if any(vote.winner == "bad" for vote in people):
        notes.append("both bad counts as a tie in the ratings")
    return notes

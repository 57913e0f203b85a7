"""A model judges the battles of a session: every pair of contestants, on every prompt that both have answered.

A judge is a rater of the kind `model`. Each battle is one transaction with its vote and both judgements, so that a run
that is killed goes on where it stopped, and nothing is judged twice by one judge. Which answer stands left is drawn by
the session's seed; what the judge reads besides is the question and the passages that the two answers cite.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from assistant.engine.engine import Engine
from assistant.records import now
from eval.judge import PairJudge, Ruling
from eval.pairing import rng_of
from eval.sessions import BattleSession, add_rater, find_session
from retrieval.database import Database


@dataclass(frozen=True, slots=True)
class Bout:
    """Two answers to be judged, contestants and prompt by number."""

    prompt: int
    left: int
    right: int


def judge_battles(
    db: Database, name: str, engine: Engine, judge: str, progress: Callable[[float], None] = lambda _: None
) -> int:
    """Judge what `judge` has not judged yet in the session `name`; how many battles that were.

    Raises InputError for an unknown session or a name that a person has, ModelError where the engine cannot reply.
    """
    session = find_session(db, name)
    with db.transaction():
        judge = add_rater(db, judge, "model")
    answers = _answers(db, session)
    bouts = [bout for bout in _bouts(session, judge, answers) if not _judged(db, session, judge, bout)]
    rater = PairJudge(engine)
    for number, bout in enumerate(bouts, start=1):
        left, right = (answers[side, bout.prompt] for side in (bout.left, bout.right))
        sources = _sources(answers, bout)
        ruling = rater.rule(session.prompts[bout.prompt], left["answer"], right["answer"], sources)
        _store(db, session, judge, bout, ruling, engine.checkpoint)
        progress(number / len(bouts))
    return len(bouts)


def _answers(db: Database, session: BattleSession) -> dict[tuple[int, int], dict[str, Any]]:
    """The stored answers by contestant and prompt."""
    rows = db.all("SELECT contestant, prompt, answer FROM generations WHERE session_id = ?", session.id)
    return {(contestant, prompt): json.loads(answer) for contestant, prompt, answer in rows}


def _bouts(session: BattleSession, judge: str, answers: dict[tuple[int, int], dict[str, Any]]) -> Iterator[Bout]:
    for prompt in range(len(session.prompts)):
        for pair in combinations(range(len(session.contestants)), 2):
            if all((side, prompt) in answers for side in pair):
                turned = rng_of(session.seed, "judge", judge, prompt, *pair).random() < 0.5
                yield Bout(prompt, *(reversed(pair) if turned else pair))


def _judged(db: Database, session: BattleSession, judge: str, bout: Bout) -> bool:
    low, high = sorted((bout.left, bout.right))
    return bool(
        db.all(
            "SELECT 1 FROM battles WHERE session_id = ? AND rater = ? AND prompt = ?"
            " AND min(left_contestant, right_contestant) = ? AND max(left_contestant, right_contestant) = ?",
            *(session.id, judge, bout.prompt, low, high),
        )
    )


def _sources(answers: dict[tuple[int, int], dict[str, Any]], bout: Bout) -> list[str]:
    """The passages that either answer cites, once each, in an order that does not tell the sides apart."""
    sides = sorted((bout.left, bout.right))
    quotes = [each["quote"] for side in sides for each in answers[side, bout.prompt]["citations"]]
    return sorted(set(quotes))


def _store(db: Database, session: BattleSession, judge: str, bout: Bout, ruling: Ruling, checkpoint: str) -> None:
    with db.transaction():
        if _judged(db, session, judge, bout):
            return  # by another run of the same judge, meanwhile
        ((number,),) = db.all(
            "SELECT 1 + ifnull(max(number), 0) FROM battles WHERE session_id = ? AND rater = ?", session.id, judge
        )
        ((battle,),) = db.all(
            "INSERT INTO battles (session_id, rater, number, prompt, left_contestant, right_contestant, probability,"
            " made_at) VALUES (?, ?, ?, ?, ?, ?, 1, ?) RETURNING id",
            *(session.id, judge, number, bout.prompt, bout.left, bout.right, now()),
        )
        seconds = round(sum(each.latency_ms for each in ruling.judgements) / 1000, 1)
        db.all("INSERT INTO votes VALUES (?, ?, ?, ?)", battle, ruling.winner, seconds, now())
        db.many(
            "INSERT INTO judgements (session_id, battle_id, judge, part, reply, verdict, checkpoint, latency_ms,"
            " made_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (session.id, battle, judge, each.part, each.reply, each.verdict, checkpoint, each.latency_ms, now())
                for each in ruling.judgements
            ],
        )

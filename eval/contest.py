"""Battles as they are fought: who meets whom, two answers that grow side by side, one vote, and only then the names.

    next    the battle that the rater left open, or a new one, drawn by `eval.pairing`
    play    both answers as they grow, in step, so that no pace tells who is who; an answer that is kept grows again
    vote    stored first, then the names

Several raters may be at it at once, in this process and others; the records hold each battle and each vote once.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from assistant.errors import InputError
from assistant.pipeline import Assistant
from assistant.records import now
from assistant.types import Event
from eval.generations import Generations
from eval.pace import in_step
from eval.pairing import Draw, draw, rng_of
from eval.sessions import BattleSession, add_rater, rater_name
from eval.together import together
from eval.votes import cast, scores_by_pair
from retrieval.database import Database

Side = Literal["left", "right"]
SIDES: tuple[Side, Side] = ("left", "right")


@dataclass(frozen=True, slots=True)
class Matchup:
    """A battle of a rater, whose `number` counts from 1; `left` and `right` are contestants by number."""

    id: int
    number: int
    prompt: int
    left: int
    right: int


@dataclass(frozen=True, slots=True)
class Said:
    """An event of one of the two answers."""

    side: Side
    event: Event


@dataclass(frozen=True, slots=True)
class Revealed:
    """The names, after the vote."""

    left: str
    right: str
    winner: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How many battles a rater has voted on, and of how many there are: an answer is in one battle of a rater."""

    voted: int
    battles: int


class Contest:
    """The battles of one session."""

    def __init__(self, db: Database, session: BattleSession, assistant: Assistant):
        self.session = session
        self._db = db
        self.generations = Generations(db, session, assistant)

    def next(self, rater: str) -> Matchup | None:
        """The battle that `rater` is to vote on, None where they have seen all. Raises InputError for a bad name."""
        with self._db.transaction():
            rater = add_rater(self._db, rater, "person")
            if not (found := self._open(rater)):
                if (drawn := self._drawn(rater)) is None:
                    return None
                found = self._added(rater, drawn)
        return found

    def play(self, matchup: Matchup, stop: threading.Event | None = None) -> Iterator[Said]:
        """The events of both answers as they come. `stop`, or closing the iterator, ends them early.

        Raises what the answers raise, as InputError where a person can do something about it.
        """
        sides = {"left": matchup.left, "right": matchup.right}
        ended = stop or threading.Event()
        streams = [self.generations.stream(sides[side], matchup.prompt, ended) for side in SIDES]
        for place, event in in_step(together(streams, ended), len(SIDES)):
            yield Said(SIDES[place], event)

    def vote(self, matchup: Matchup, winner: str, seconds: float | None = None) -> Revealed:
        """Store the vote, and tell the names. Raises InputError where the battle has a vote, or no answers yet."""
        if not all(self.generations.stored(side, matchup.prompt) for side in (matchup.left, matchup.right)):
            raise InputError("both answers must be there before a vote; wait until they are written")
        cast(self._db, matchup.id, winner, seconds)
        return self.revealed(matchup, winner)

    def revealed(self, matchup: Matchup, winner: str) -> Revealed:
        """The names of the two sides; to be told after the vote only."""
        contestants = self.session.contestants
        return Revealed(contestants[matchup.left].name, contestants[matchup.right].name, winner)

    def progress(self, rater: str) -> Progress:
        """How far `rater` is."""
        ((voted,),) = self._db.all(
            "SELECT count(*) FROM votes JOIN battles ON battles.id = battle_id WHERE session_id = ? AND rater = ?",
            *(self.session.id, rater_name(rater)),
        )
        return Progress(voted, len(self.session.contestants) // 2 * len(self.session.prompts))

    def _open(self, rater: str) -> Matchup | None:
        rows = self._db.all(
            """
            SELECT id, number, prompt, left_contestant, right_contestant FROM battles
            WHERE session_id = ? AND rater = ? AND id NOT IN (SELECT battle_id FROM votes) ORDER BY number LIMIT 1
            """,
            *(self.session.id, rater),
        )
        return Matchup(*rows[0]) if rows else None

    def _drawn(self, rater: str) -> Draw | None:
        rows = self._db.all(
            "SELECT left_contestant, right_contestant, prompt FROM battles WHERE session_id = ? AND rater = ?",
            *(self.session.id, rater),
        )
        return draw(
            len(self.session.contestants),
            len(self.session.prompts),
            [(side, prompt) for *sides, prompt in rows for side in sides],
            scores_by_pair(self._db, self.session.id),
            self.session.uniform,
            rng_of(self.session.seed, rater, len(rows) + 1),
        )

    def _added(self, rater: str, drawn: Draw) -> Matchup:
        ((number,),) = self._db.all(
            "SELECT 1 + ifnull(max(number), 0) FROM battles WHERE session_id = ? AND rater = ?",
            *(self.session.id, rater),
        )
        self._db.all(
            "INSERT INTO battles (session_id, rater, number, prompt, left_contestant, right_contestant, probability,"
            " made_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            *(self.session.id, rater, number, drawn.prompt, drawn.left, drawn.right, drawn.probability, now()),
        )
        found = self._open(rater)
        if found is None:
            raise AssertionError("a battle that was just added has no vote")
        return found

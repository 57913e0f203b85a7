"""The same vote in several sessions of a home, as imports under another name leave it: it counts once.

Votes are the same where rater, prompt, the words of both answers, sides, time and choice are. Two votes of one session
never are: a rater votes once on a pair. Not seen: a vote whose words or time somebody changed.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass

from retrieval.database import Database

_QUERY = """
SELECT battles.id, battles.session_id, sessions.name, battles.rater, prompts.text,
    json_extract(lg.answer, '$.answer'), json_extract(rg.answer, '$.answer'), voted_at, winner
FROM votes
    JOIN battles ON battles.id = votes.battle_id
    JOIN sessions ON sessions.id = battles.session_id
    JOIN prompts ON prompts.session_id = battles.session_id AND prompts.number = battles.prompt
    LEFT JOIN generations lg ON lg.session_id = battles.session_id
        AND lg.contestant = left_contestant AND lg.prompt = battles.prompt
    LEFT JOIN generations rg ON rg.session_id = battles.session_id
        AND rg.contestant = right_contestant AND rg.prompt = battles.prompt
ORDER BY sessions.made_at, sessions.name, battles.id
"""


@dataclass(frozen=True, slots=True)
class Held:
    """How many of the `votes` of a session are `elsewhere` too, and the names of the sessions that hold them."""

    votes: int
    elsewhere: int
    sessions: tuple[str, ...]


def repeated_battles(db: Database) -> frozenset[int]:
    """The ids of the battles whose vote an earlier session, or one of the same time by name, holds too."""
    first: dict[bytes, int] = {}
    return frozenset(battle for battle, session, _, vote in _votes(db) if first.setdefault(vote, session) != session)


def held_elsewhere(db: Database, session_id: int) -> Held:
    """Which votes of a session other sessions hold too."""
    others: dict[bytes, str] = {}
    own: list[bytes] = []
    for _, session, name, vote in _votes(db):
        if session == session_id:
            own.append(vote)
        else:
            others.setdefault(vote, name)
    known = [others[vote] for vote in own if vote in others]
    return Held(len(own), len(known), tuple(dict.fromkeys(known)))


def _votes(db: Database) -> Iterator[tuple[int, int, str, bytes]]:
    """Battle, session and its name, and a hash of what makes the vote the same; the earlier session first."""
    for battle, session, name, *vote in db.all(_QUERY):
        yield battle, session, name, hashlib.sha256(json.dumps(vote).encode()).digest()

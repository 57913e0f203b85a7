"""Sessions of evaluation in the records: battles of contestants on prompts, and forms of texts to score.

What a session was begun with never changes: prompts, contestants and seed are what its rows mean.
"""

import json
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from assistant.errors import InputError
from assistant.records import now
from eval.contestants import Contestant, contestant_of
from retrieval.database import Database

UNIFORM = 0.2
"""The share of battles whose pair is drawn with equal chances, whatever is known of the contestants."""
MOST_PROMPTS, MOST_CONTESTANTS, LONGEST_PROMPT = 10_000, 60, 4_000
LONGEST_NAME = 80
Kind = Literal["battle", "form"]
RaterKind = Literal["person", "model"]


@dataclass(frozen=True, slots=True)
class BattleSession:
    """Who fights on what. Prompts and contestants are numbered from 0, as the rows of the records have them."""

    id: int
    name: str
    seed: int
    uniform: float
    prompts: tuple[str, ...]
    contestants: tuple[Contestant, ...]


@dataclass(frozen=True, slots=True)
class SessionSummary:
    """A session in a list. `prompts` are the texts of a form, `contestants` its systems, `votes` the scores."""

    name: str
    kind: Kind
    made_at: str
    prompts: int
    contestants: int
    votes: int


def create_session(
    db: Database,
    name: str,
    prompts: Sequence[str],
    contestants: Sequence[Contestant],
    *,
    seed: int = 1,
    uniform: float = UNIFORM,
) -> BattleSession:
    """Begin a session of battles. The same prompt twice is one. Raises InputError, and then nothing was written."""
    planned = plan_session(name, prompts, contestants, seed=seed, uniform=uniform)
    with db.transaction():
        session_id = add_session(db, planned.name, "battle", seed, {"uniform": uniform})
        for at, each in enumerate(planned.contestants):
            db.all(
                "INSERT INTO contestants VALUES (?, ?, ?, ?)", session_id, at, each.name, json.dumps(each.settings())
            )
        for at, text in enumerate(planned.prompts):
            db.all("INSERT INTO prompts VALUES (?, ?, ?)", session_id, at, text)
    return replace(planned, id=session_id)


def plan_session(
    name: str, prompts: Sequence[str], contestants: Sequence[Contestant], *, seed: int = 1, uniform: float = UNIFORM
) -> BattleSession:
    """A session as it would be begun, with the id 0, to try its contestants before. Raises InputError."""
    texts = list(dict.fromkeys(text.strip() for text in prompts if text.strip()))
    _check_prompts(texts)
    _check_contestants(contestants)
    if not 0 < uniform <= 1:
        raise InputError(f"uniform must be above 0 and at most 1, not {uniform:g}: without it a pair may never meet")
    return BattleSession(0, name.strip(), seed, uniform, tuple(texts), tuple(contestants))


def add_session(db: Database, name: str, kind: Kind, seed: int, settings: dict[str, Any]) -> int:
    """The row of a new session, and its id; call it inside a transaction. Raises InputError for a bad or taken name."""
    kept = name.strip()
    if not kept or len(kept) > LONGEST_NAME or not kept.isprintable():
        raise InputError(f"a session's name must be 1 to {LONGEST_NAME} visible characters, not {name!r}")
    if not 0 <= seed < 2**63:
        raise InputError(f"seed must be from 0 to 2^63 - 1, not {seed}")
    if db.all("SELECT 1 FROM sessions WHERE name = ?", kept):
        raise InputError(f"there is a session called {kept!r} already; choose another name")
    db.all(
        "INSERT INTO sessions (name, kind, seed, settings, made_at) VALUES (?, ?, ?, ?, ?)",
        *(kept, kind, seed, json.dumps(settings), now()),
    )
    return int(db.all("SELECT id FROM sessions WHERE name = ?", kept)[0][0])


def find_session(db: Database, name: str) -> BattleSession:
    """The session of battles called `name`. Raises InputError where there is none."""
    session_id, seed, settings = session_row(db, name, "battle")
    prompts = db.all("SELECT text FROM prompts WHERE session_id = ? ORDER BY number", session_id)
    contestants = db.all("SELECT name, settings FROM contestants WHERE session_id = ? ORDER BY number", session_id)
    return BattleSession(
        id=session_id,
        name=name,
        seed=seed,
        uniform=settings["uniform"],
        prompts=tuple(text for (text,) in prompts),
        contestants=tuple(contestant_of({"name": called, **json.loads(values)}) for called, values in contestants),
    )


def session_row(db: Database, name: str, kind: Kind | None = None) -> tuple[int, int, dict[str, Any]]:
    """Id, seed and settings of a session. Raises InputError for an unknown name, or one of the other kind."""
    rows = db.all("SELECT id, kind, seed, settings FROM sessions WHERE name = ?", name)
    if not rows:
        known = ", ".join(repr(each.name) for each in list_sessions(db)) or "none yet"
        raise InputError(f"there is no session called {name!r}; there are: {known}")
    session_id, found, seed, settings = rows[0]
    if kind is not None and found != kind:
        raise InputError(f"{name!r} is a session of {found}s, not of {kind}s; name another")
    return session_id, seed, json.loads(settings)


def list_sessions(db: Database) -> list[SessionSummary]:
    """All sessions, the newest first."""
    rows = db.all(
        """
        SELECT name, kind, made_at,
            (SELECT count(*) FROM prompts WHERE session_id = id) + (SELECT count(*) FROM items WHERE session_id = id),
            (SELECT count(*) FROM contestants WHERE session_id = id)
                + (SELECT count(DISTINCT system) FROM items WHERE session_id = id),
            (SELECT count(*) FROM votes JOIN battles ON battles.id = battle_id WHERE session_id = sessions.id)
                + (SELECT count(*) FROM scores WHERE session_id = sessions.id)
        FROM sessions ORDER BY id DESC
        """
    )
    return [SessionSummary(*row) for row in rows]


def remove_session(db: Database, name: str) -> None:
    """Delete a session with all that people and models did in it. Raises InputError for an unknown name."""
    with db.transaction():
        session_id, _, _ = session_row(db, name)
        db.all("DELETE FROM sessions WHERE id = ?", session_id)


def rater_name(name: str) -> str:
    """A name as it is kept, however it was typed: in the Unicode normal form C, white space as one blank."""
    return " ".join(unicodedata.normalize("NFC", name).split())


def add_rater(db: Database, name: str, kind: RaterKind) -> str:
    """The name of a rater, known from now on; call it inside a transaction.

    Raises InputError for an empty name, or one that is known as of the other kind.
    """
    kept = rater_name(name)
    if not kept or len(kept) > LONGEST_NAME or not kept.isprintable():
        raise InputError(f"a rater's name must be 1 to {LONGEST_NAME} visible characters, not {name!r}")
    known = db.all("SELECT kind FROM raters WHERE name = ?", kept)
    if known and known[0][0] != kind:
        raise InputError(f"{kept!r} is the name of a {known[0][0]} that rates; choose another")
    if not known:
        db.all("INSERT INTO raters VALUES (?, ?)", kept, kind)
    return kept


def _check_prompts(texts: Sequence[str]) -> None:
    if not 1 <= len(texts) <= MOST_PROMPTS:
        raise InputError(f"a session takes 1 to {MOST_PROMPTS:,} different prompts, not {len(texts):,}")
    for number, text in enumerate(texts, start=1):
        if len(text) > LONGEST_PROMPT:
            raise InputError(f"prompt {number} has {len(text):,} characters; {LONGEST_PROMPT:,} are the most")


def _check_contestants(contestants: Sequence[Contestant]) -> None:
    if not 2 <= len(contestants) <= MOST_CONTESTANTS:
        raise InputError(f"a session takes 2 to {MOST_CONTESTANTS} contestants, not {len(contestants)}")
    seen: dict[str, Contestant] = {}
    for each in contestants:
        name = rater_name(each.name)
        if name in seen:
            raise InputError(f"two contestants are called {each.name!r}; give each a name of its own")
        if twin := next((other for other in seen.values() if other.settings() == each.settings()), None):
            raise InputError(f"{twin.name!r} and {each.name!r} are the same in all but name; change one of them")
        seen[name] = each

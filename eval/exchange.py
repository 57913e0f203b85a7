"""Sessions as files: every row as JSON lines, to take to another home; votes as CSV; preferences to train on.

jsonl        one row of the records a line, {"table": …, its columns}; importing it gives the same reports
csv          left,right,winner,… as `footnote eval elo` reads it; "both bad" as tie, skips left out;
                 of people, or of models
preference   {"prompt", "chosen", "rejected"} as the preference recipe reads it, of people's votes on answers that
             were written without documents. Prompts that are held back to evaluate with are left out, so that no
             model is judged on what it was trained for: which ones depends on their text and the seed alone.
"""

import csv
import hashlib
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from assistant.atomic import write_file
from assistant.errors import InputError
from eval.sessions import RaterKind, find_session, session_row
from eval.votes import SCORES, Vote, votes_of
from retrieval.database import Database

FORMATS = ("jsonl", "csv", "preference")
_CSV = ("left", "right", "winner", "prompt", "rater", "left_length", "right_length", "verdict", "kind", "probability")
_OF_SESSION = ("contestants", "prompts", "generations", "battles", "items", "scores", "judgements")


@dataclass(frozen=True, slots=True)
class Exported:
    """How many rows a file has; of preferences also how many prompts were held back."""

    path: str
    rows: int
    prompts_held_back: int = 0


def export_session(
    db: Database,
    name: str,
    form: str,
    path: Path,
    *,
    raters: str = "person",
    hold_back: float = 0.2,
    seed: int = 1,
) -> Exported:
    """Write the session `name` to the new file `path`; `raters` says whose votes a CSV has. Raises InputError."""
    if form not in FORMATS:
        raise InputError(f"--format is {form!r}; it must be one of {', '.join(FORMATS)}")
    if raters not in get_args(RaterKind):
        raise InputError(f"--raters is {raters!r}; it must be person or model")
    if not 0 <= hold_back < 1:
        raise InputError(f"--hold-back is {hold_back:g}; it must be from 0 to below 1")
    if path.exists():
        raise InputError(f"{path} exists; name a new file")
    if form == "jsonl":
        rows = [json.dumps(row, ensure_ascii=False) for row in session_rows(db, name)]
        write_file(path, "".join(f"{row}\n" for row in rows))
        return Exported(str(path), len(rows))
    session = find_session(db, name)
    votes = votes_of(db, session.id)
    if form == "csv":
        told = [vote for vote in votes if vote.kind == raters and vote.winner in SCORES]
        write_file(path, votes_csv(told))
        return Exported(str(path), len(told))
    held = held_back(session.prompts, hold_back, seed)
    pairs = [pair for pair in _preferences(db, session.id, votes) if pair["prompt"] not in held]
    if not pairs:
        raise InputError(
            f"{name!r} has no vote of a person for one of two answers without documents on a prompt that is not held "
            f"back ({len(held)} of {len(session.prompts)} are); vote on more, or lower --hold-back"
        )
    write_file(path, "".join(f"{json.dumps(pair, ensure_ascii=False)}\n" for pair in pairs))
    return Exported(str(path), len(pairs), len(held))


def session_rows(db: Database, name: str) -> Iterator[dict[str, Any]]:
    """Every row of the session `name`, the session first; ids are those of this home."""
    session_id, _, _ = session_row(db, name)
    yield from _rows(db, "sessions", "id = ?", session_id)
    yield from _rows(db, "saved_prompts", f"name IN ({_PROMPTS_USED})", session_id)
    yield from _rows(db, "raters", f"name IN ({_RATERS})", session_id)
    for table in _OF_SESSION:
        yield from _rows(db, table, "session_id = ?", session_id)
    yield from _rows(db, "votes", "battle_id IN (SELECT id FROM battles WHERE session_id = ?)", session_id)


_RATERS = (
    "SELECT rater FROM battles WHERE session_id = ?1 UNION SELECT rater FROM scores WHERE session_id = ?1 "
    "UNION SELECT judge FROM judgements WHERE session_id = ?1"
)
_PROMPTS_USED = "SELECT json_extract(settings, '$.prompt') FROM contestants WHERE session_id = ?"


def votes_csv(votes: Sequence[Vote]) -> str:
    """Votes as `footnote eval elo` reads them, with the columns that it does not read behind."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    lengths = all(vote.left_words is not None and vote.right_words is not None for vote in votes)
    columns = [name for name in _CSV if lengths or not name.endswith("_length")]
    writer.writerow(columns)
    for vote in votes:
        values = {
            "left": vote.left,
            "right": vote.right,
            "winner": "tie" if vote.winner == "bad" else vote.winner,
            "prompt": " ".join(vote.prompt.split()),
            "rater": vote.rater,
            "left_length": vote.left_words,
            "right_length": vote.right_words,
            "verdict": vote.winner,
            "kind": vote.kind,
            "probability": f"{vote.probability:.6g}",
        }
        writer.writerow([values[name] for name in columns])
    return text.getvalue()


def held_back(prompts: Sequence[str], share: float, seed: int) -> set[str]:
    """The prompts that are kept for evaluation: about a share of all texts, the same ones in every session.

    Above a share of 0 at least one is, of a session in which chance would keep none: then the first that it would.
    """
    places = {prompt: _place(prompt, seed) for prompt in prompts}
    kept = {prompt for prompt, place in places.items() if place < share}
    return kept or ({min(prompts, key=lambda prompt: places[prompt])} if share > 0 else set())


def _place(prompt: str, seed: int) -> float:
    """From 0 to 1, by chance of the seed."""
    return int.from_bytes(hashlib.sha256(f"{seed}\n{prompt}".encode()).digest()[:8]) / 2**64


def _preferences(db: Database, session_id: int, votes: Sequence[Vote]) -> Iterator[dict[str, str]]:
    """Every vote of a person for one of two different answers, neither empty, written without documents."""
    rows = db.all(
        """
        SELECT prompts.text, contestants.name, generations.draft FROM generations
            JOIN contestants ON contestants.session_id = generations.session_id
                AND contestants.number = generations.contestant
            JOIN prompts ON prompts.session_id = generations.session_id AND prompts.number = generations.prompt
        WHERE generations.session_id = ? AND json_extract(contestants.settings, '$.retrieval') = 'none'
        """,
        session_id,
    )
    drafts = {(prompt, name): draft.strip() for prompt, name, draft in rows}
    for vote in votes:
        if vote.kind != "person" or vote.winner not in ("left", "right"):
            continue
        left, right = drafts.get((vote.prompt, vote.left)), drafts.get((vote.prompt, vote.right))
        if left and right and left != right:
            chosen, rejected = (left, right) if vote.winner == "left" else (right, left)
            yield {"prompt": vote.prompt, "chosen": chosen, "rejected": rejected}


def _rows(db: Database, table: str, where: str, *values: object) -> Iterator[dict[str, Any]]:
    columns = [name for _, name, *_ in db.all(f"PRAGMA table_info({table})")]
    order = "rowid" if table in ("sessions", "generations", "battles", "judgements", "votes") else "1, 2"
    for row in db.all(f"SELECT {', '.join(columns)} FROM {table} WHERE {where} ORDER BY {order}", *values):  # noqa: S608 - names of our own tables
        yield {"table": table, **dict(zip(columns, row, strict=True))}

"""A session from the JSON lines that `eval.exchange` wrote: all of it, or nothing and why.

Ids are given anew; the time, words and votes of every row stay, so the reports are those of the home it came from.
A session of battles whose votes are all here already is refused (`eval.same_votes`).
"""

import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from assistant.errors import FootnoteError, InputError
from assistant.prompt_builder import parts_of
from assistant.rows import Row, read_rows
from assistant.types import Answer
from eval.form_scores import scores_of
from eval.forms import find_form
from eval.same_votes import held_elsewhere
from eval.sessions import add_rater, add_session, find_session
from eval.votes import votes_of
from retrieval.database import Database

_TABLES = (
    *("contestants", "prompts", "generations", "battles", "items", "scores", "judgements"),
    *("raters", "votes", "saved_prompts"),
)
_OWN_IDS = ("generations", "battles", "judgements")


def import_session(db: Database, path: Path, name: str | None = None) -> str:
    """Add the session of `path`, called `name` where that is given; its name. Raises InputError, naming the line."""
    rows = list(read_rows(path))
    if not rows:
        raise InputError(f"{path}: empty; name a file that `footnote eval export --format jsonl` wrote")
    with db.transaction():
        taken = _TakeIn(db, rows[0], name)
        for row in rows[1:]:
            taken.add(row)
        taken.check(path)
        taken.check_new(path)
    return taken.name


class _TakeIn:
    """Adds row by row, inside one transaction; `name` is the session's."""

    def __init__(self, db: Database, first: Row, name: str | None):
        if first.values.get("table") != "sessions":
            raise InputError(f"{first.place}: the first row must be that of the session; export it again")
        values = _checked(db, first, "sessions")
        self._db = db
        self.name = (name or values["name"]).strip()
        self._kind = values["kind"]
        if self._kind not in ("battle", "form"):
            raise InputError(f"{first.place}: 'kind' must be battle or form")
        self._session = add_session(db, self.name, self._kind, values["seed"], _object(first, values, "settings"))
        db.all("UPDATE sessions SET made_at = ? WHERE id = ?", values["made_at"], self._session)
        self._battles: dict[int, int] = {}

    def add(self, row: Row) -> None:
        """One row. Raises InputError and names it."""
        table = row.values.get("table")
        if table not in _TABLES:
            raise InputError(f"{row.place}: no rows of {table!r} can be here; export the session again")
        values = _checked(self._db, row, table)
        try:
            match table:
                case "raters":
                    add_rater(self._db, values["name"], values["kind"])
                case "saved_prompts":
                    self._add_prompt(row, values)
                case _:
                    self._insert(table, values)
        except (sqlite3.Error, KeyError) as fault:
            raise InputError(f"{row.place}: does not fit the rows above ({fault}); export the session again") from fault

    def check(self, path: Path) -> None:
        """Whether all of it can be read. Raises InputError."""
        try:
            if self._kind == "battle":
                votes_of(self._db, find_session(self._db, self.name).id)
            else:
                scores_of(self._db, find_form(self._db, self.name))
            for (answer,) in self._db.all("SELECT answer FROM generations WHERE session_id = ?", self._session):
                TypeAdapter(Answer).validate_json(answer)
        except (FootnoteError, ValidationError, ValueError, TypeError, KeyError, sqlite3.Error) as fault:
            first = str(fault).splitlines()[0]
            raise InputError(f"{path}: its rows are no session ({first}); export the session again") from fault

    def check_new(self, path: Path) -> None:
        """Whether any vote is new, where there are votes. Raises InputError and names the session that holds them."""
        held = held_elsewhere(self._db, self._session)
        if held.votes and held.elsewhere == held.votes:
            where = " and ".join(map(repr, held.sessions))
            raise InputError(
                f"{path}: each of its {held.votes:,} votes is here already, in {where}, and nothing is counted twice; "
                f"use that, or remove it before this is imported"
            )

    def _insert(self, table: str, values: dict[str, Any]) -> None:
        if "session_id" in values:
            values["session_id"] = self._session
        old = values.pop("id") if table in _OWN_IDS else None
        if values.get("battle_id") is not None:
            values["battle_id"] = self._battles[values["battle_id"]]
        columns = ", ".join(values)
        marks = ", ".join("?" * len(values))
        self._db.all(f"INSERT INTO {table} ({columns}) VALUES ({marks})", *values.values())  # noqa: S608 - our own names
        if table == "battles" and old is not None:
            self._battles[old] = int(self._db.all("SELECT last_insert_rowid()")[0][0])

    def _add_prompt(self, row: Row, values: dict[str, Any]) -> None:
        parts_of(_object(row, values, "parts"))
        known = self._db.all("SELECT parts FROM saved_prompts WHERE name = ?", values["name"])
        if known and json.loads(known[0][0]) != json.loads(values["parts"]):
            raise InputError(f"{row.place}: another prompt is saved as {values['name']!r} here; rename that first")
        if not known:
            self._insert("saved_prompts", values)


def _checked(db: Database, row: Row, table: str) -> dict[str, Any]:
    """The columns of the row: all that the table has, each of the table's type, and no others."""
    values = {key: value for key, value in row.values.items() if key != "table"}
    columns = {name: (kind, needed or key) for _, name, kind, needed, _, key in db.all(f"PRAGMA table_info({table})")}
    if missing := sorted(columns.keys() - values.keys()):
        raise InputError(f"{row.place}: {missing[0]!r} is missing in a row of {table}; export the session again")
    if unknown := sorted(values.keys() - columns.keys()):
        raise InputError(f"{row.place}: a row of {table} has no {unknown[0]!r}; export the session again")
    for name, (kind, needed) in columns.items():
        if not _is_a(values[name], kind, bool(needed)):
            raise InputError(f"{row.place}: {name!r} of {table} cannot be {values[name]!r:.60}; export it again")
    return values


def _is_a(value: object, kind: str, needed: bool) -> bool:
    if value is None:
        return not needed
    kinds: Sequence[type] = {"INTEGER": (int,), "REAL": (int, float), "TEXT": (str,)}[kind]
    return type(value) in kinds and not (isinstance(value, int) and abs(value) >= 2**63)


def _object(row: Row, values: dict[str, Any], column: str) -> dict[str, Any]:
    try:
        found = json.loads(values[column])
    except json.JSONDecodeError as fault:
        raise InputError(f"{row.place}: {column!r} is not JSON ({fault.msg}); export the session again") from fault
    if not isinstance(found, dict):
        raise InputError(f"{row.place}: {column!r} must be a JSON object")
    return found

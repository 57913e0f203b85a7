"""Prompts under a name, in the records of the home: tried, and entered in battles as part of a contestant.

What took part in a session stays what it was: while a session has a contestant with a prompt, that prompt is neither
replaced nor removed.
"""

import json
from dataclasses import dataclass

from assistant.errors import InputError
from assistant.pipeline import Assistant
from assistant.prompt_builder import PromptParts, parts_of
from assistant.records import now
from retrieval.database import Database

_LONGEST_NAME = 80
_USED_BY = """
SELECT sessions.name FROM contestants JOIN sessions ON sessions.id = contestants.session_id
WHERE json_extract(contestants.settings, '$.prompt') = ? ORDER BY sessions.id LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class SavedPrompt:
    """A prompt and its name; `made_at` is ISO 8601, UTC."""

    name: str
    parts: PromptParts
    made_at: str


def save_prompt(db: Database, name: str, parts: PromptParts, *, replace: bool = False) -> SavedPrompt:
    """Keep `parts` as `name`. Raises InputError where the name cannot be one, or is taken and not to be replaced."""
    saved = SavedPrompt(_checked(name), parts, now())
    with db.transaction():
        before = _row(db, saved.name)
        if before and before.parts == parts:
            return before
        if before and not replace:
            raise InputError(f"there is a prompt {saved.name!r} already; choose another name, or replace it")
        if before:
            _refuse_where_used(db, saved.name)
        db.all(
            "INSERT OR REPLACE INTO saved_prompts (name, parts, made_at) VALUES (?, ?, ?)",
            saved.name,
            json.dumps(parts.as_dict(), ensure_ascii=False),
            saved.made_at,
        )
    return saved


def find_prompt(db: Database, name: str) -> SavedPrompt:
    """The prompt `name`. Raises InputError where there is none."""
    found = _row(db, name.strip())
    if found is None:
        raise InputError(f"there is no saved prompt {name!r}; `footnote eval prompts list` shows those there are")
    return found


def list_prompts(db: Database) -> list[SavedPrompt]:
    """All of them, by name."""
    return [_prompt(*row) for row in db.all("SELECT name, parts, made_at FROM saved_prompts ORDER BY name")]


def remove_prompt(db: Database, name: str) -> SavedPrompt:
    """Forget a prompt. Raises InputError where there is none, or a session uses it."""
    with db.transaction():
        found = find_prompt(db, name)
        _refuse_where_used(db, found.name)
        db.all("DELETE FROM saved_prompts WHERE name = ?", found.name)
    return found


def told_by(assistant: Assistant, parts: PromptParts) -> Assistant:
    """An assistant with the library and the model of another, which stays the one to close, that is told `parts`."""
    return Assistant(
        assistant.library,
        assistant.model_name,
        assistant.engines,
        passages=assistant.passages,
        system=parts.text(),
    )


def _row(db: Database, name: str) -> SavedPrompt | None:
    rows = db.all("SELECT name, parts, made_at FROM saved_prompts WHERE name = ?", name)
    return _prompt(*rows[0]) if rows else None


def _prompt(name: str, parts: str, made_at: str) -> SavedPrompt:
    return SavedPrompt(name, parts_of(json.loads(parts)), made_at)


def _refuse_where_used(db: Database, name: str) -> None:
    for (session,) in db.all(_USED_BY, name):
        raise InputError(
            f"the prompt {name!r} is used by a contestant of the session {session!r}, so it stays as it is; "
            "save the new one under another name"
        )


def _checked(name: str) -> str:
    name = name.strip()
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise InputError(f"a prompt's name must be 1 to {_LONGEST_NAME} visible characters, not {name!r}")
    return name

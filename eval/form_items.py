"""The texts of a form: from JSON lines, or the answers of a battle session.

A row is `{"item": "…", "system": "…", "text": "…", "source": "…"}`: what `system` made of `item`, and the source that
raters need beside it. Texts of one item are by different systems and have the same source. Other keys are passed over.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assistant.errors import InputError
from assistant.rows import Row, read_rows
from eval.rubric import Rubric
from retrieval.database import Database

LONGEST_TEXT = 20_000
LONGEST_SOURCE = 200_000
MOST_TEXTS = 5_000
MOST_SYSTEMS = 30
"""More are not compared (see `eval.likert_file`)."""
_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class FormText:
    """A text to be scored; `source` is empty where there is none. Raises InputError where it cannot be shown."""

    item: str
    system: str
    text: str
    source: str = ""

    def __post_init__(self) -> None:
        for key, name in (("item", self.item), ("system", self.system)):
            if not name or name != name.strip() or not name.isprintable() or len(name) > _LONGEST_NAME:
                raise InputError(
                    f"{key!r} must be 1 to {_LONGEST_NAME} visible characters, with no space around them, not {name!r}"
                )
        if not self.text.strip():
            raise InputError("'text' is empty; leave the row out, or write what the system made")
        for key, text, longest in (("text", self.text, LONGEST_TEXT), ("source", self.source, LONGEST_SOURCE)):
            if len(text) > longest:
                raise InputError(f"{key!r} has {len(text):,} characters, {longest:,} at most can be rated; shorten it")


def read_texts(path: Path, rubric: Rubric) -> list[FormText]:
    """The rows of a file, checked for `rubric`. Raises InputError, which names file and line."""
    placed = [(row.place, _text_of(row)) for row in read_rows(path)]
    if not placed:
        raise InputError(f'{path}: no row; write {{"item": "…", "system": "…", "text": "…", "source": "…"}}')
    return checked(placed, rubric)


def checked(placed: Iterable[tuple[str, FormText]], rubric: Rubric) -> list[FormText]:
    """The texts, each with the place that an error is to name. Raises InputError where they make no form."""
    places: dict[tuple[str, str], str] = {}
    systems: set[str] = set()
    texts = []
    for place, text in placed:
        if rubric.source and not text.source.strip():
            raise InputError(f"{place}: 'source' is missing or empty; {rubric.name!r} is scored by it")
        if (first := places.setdefault((text.item, text.system), place)) != place:
            what = f"item {text.item!r} by system {text.system!r}"
            raise InputError(f"{place}: {what} is there already ({first}); keep one of the rows")
        systems.add(text.system)
        texts.append(text)
        if len(systems) > MOST_SYSTEMS:
            raise InputError(f"{place}: a form has {MOST_SYSTEMS} systems at most; split the file")
        if len(texts) > MOST_TEXTS:
            raise InputError(f"{place}: a form has {MOST_TEXTS:,} texts at most; split the file")
    return texts


def texts_of_battles(db: Database, session: str, rubric: Rubric) -> list[FormText]:
    """The answers that the contestants of a battle session have given; an item is a prompt, a system a contestant.

    The source is the question, and for an answer with footnotes the words that they quote. Raises InputError where
    there is no such session, or none of its battles was fought yet.
    """
    rows = db.all(
        "SELECT prompts.number, prompts.text, contestants.name, generations.answer FROM generations "
        "JOIN sessions ON sessions.id = generations.session_id "
        "JOIN prompts ON prompts.session_id = sessions.id AND prompts.number = generations.prompt "
        "JOIN contestants ON contestants.session_id = sessions.id AND contestants.number = generations.contestant "
        "WHERE sessions.name = ? AND sessions.kind = 'battle' ORDER BY prompts.number, contestants.number",
        session,
    )
    if not rows:
        raise InputError(f"no battle session {session!r} with answers; fight some of its battles first")
    return checked(_answers(rows), rubric)


def _text_of(row: Row) -> FormText:
    source = row.values.get("source")
    if source is not None and not isinstance(source, str):
        raise InputError(f"{row.place}: 'source' must be a text")
    item, system, text = (row.text(key) for key in ("item", "system", "text"))
    try:
        return FormText(item.strip(), system.strip(), text, source or "")
    except InputError as fault:
        raise InputError(f"{row.place}: {fault}") from fault


def _answers(rows: Sequence[tuple[int, str, str, str]]) -> Iterator[tuple[str, FormText]]:
    for number, prompt, contestant, stored in rows:
        place = f"the answer of {contestant!r} to prompt {number + 1}"
        answer = json.loads(stored)
        quotes = [_quoted(citation) for citation in answer["citations"]]
        try:
            text = FormText(f"prompt {number + 1}", contestant.strip(), _marked(answer), "\n\n".join([prompt, *quotes]))
        except InputError as fault:
            raise InputError(f"{place}: {fault}") from fault
        yield place, text


def _marked(answer: dict[str, Any]) -> str:
    """The answer with the numbers of its footnotes behind the sentences that have some; an empty one says so."""
    if not answer["citations"]:
        return answer["answer"].strip() or "(an empty answer)"
    sentences = (
        " ".join([sentence["text"], *(f"[{number}]" for number in sentence["citations"])])
        for sentence in answer["sentences"]
    )
    return " ".join(sentences)


def _quoted(citation: dict[str, Any]) -> str:
    page = "" if citation["page"] is None else f", page {citation['page']}"
    return f"[{citation['id']}] {citation['document']}{page}:\n{citation['quote']}"

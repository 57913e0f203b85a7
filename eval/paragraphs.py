"""A search task made of questions on paragraphs: every paragraph is a document, and a question is to find its own.

Paragraphs that are the same text are one document. A question that is asked of several paragraphs has several right
ones. A question that its paragraph does not answer is not asked; its paragraph stays, for others to be mistaken for.
"""

import random
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from assistant.errors import InputError
from assistant.rows import Row, read_rows


@dataclass(frozen=True, slots=True)
class Query:
    """A question. Its id is `q` and the line on which it stands first; `judged` gives 1 to its paragraphs."""

    id: str
    text: str
    judged: dict[str, int]
    place: str


@dataclass(frozen=True, slots=True)
class SearchTask:
    """All `paragraphs`, under `p` and the line on which each stands first, and the questions that are asked of them."""

    paragraphs: dict[str, str]
    queries: tuple[Query, ...]


def read_task(path: Path, limit: int = 0, seed: int = 1) -> SearchTask:
    """The task of a file of `context`, `question`, `answerable`; up to `limit` questions (0: all) by chance."""
    documents: dict[str, str] = {}
    queries: dict[str, Query] = {}
    for row in read_rows(path):
        document = documents.setdefault(_text(row, "context"), f"p{row.line}")
        if row.flag("answerable"):
            text = _text(row, "question")
            query = queries.setdefault(text, Query(f"q{row.line}", text, {}, row.place))
            query.judged[document] = 1
    if len(documents) < 2 or not queries:
        raise InputError(
            f"{path}: {len(documents)} paragraphs and {len(queries)} questions that they answer are too few; give at "
            "least two paragraphs and a question"
        )
    paragraphs = {document: text for text, document in documents.items()}
    return SearchTask(paragraphs, tuple(_chosen(queries.values(), limit, seed)))


def _chosen(queries: Iterable[Query], limit: int, seed: int) -> list[Query]:
    found = list(queries)
    return random.Random(seed).sample(found, min(limit, len(found))) if limit else found


def _text(row: Row, key: str) -> str:
    text = row.text(key)
    try:
        text.encode()
    except UnicodeEncodeError as fault:
        raise InputError(f"{row.place}: {key!r} holds half of a surrogate pair; write it as UTF-8") from fault
    return text

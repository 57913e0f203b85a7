"""What a server says, read with care: nothing of it is trusted to be what OpenAI's schema promises."""

import json
from dataclasses import dataclass
from typing import Any

from assistant.types import Usage


class ForeignAnswerError(ValueError):
    """Something came that is no answer of an OpenAI-compatible server."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a reply; `last` where the server says that the reply ends with it."""

    text: str = ""
    last: bool = False
    usage: Usage | None = None


def read_models(text: bytes) -> dict[str, int | None] | None:
    """The models of `GET /models`, each with its window where that is told; None where `text` is no such list."""
    try:
        rows = json.loads(text)["data"]
        return {_text(row["id"]): _positions(row.get("max_model_len")) for row in rows}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def read_piece(chunk: Any) -> Piece:
    """A chunk of a stream. Raises ForeignAnswerError."""
    try:
        usage = _usage(getattr(chunk, "usage", None))
        if not chunk.choices:
            return Piece(usage=usage)
        choice = chunk.choices[0]
        content = getattr(choice.delta, "content", None)
        return Piece("" if content is None else _any_text(content), choice.finish_reason is not None, usage)
    except (AttributeError, TypeError, KeyError, IndexError) as fault:
        raise ForeignAnswerError(str(fault)) from fault


def _usage(given: Any) -> Usage | None:
    if given is None:
        return None
    counts = (given.prompt_tokens, given.completion_tokens)
    return Usage(*counts) if all(type(count) is int and count >= 0 for count in counts) else None


def _positions(given: object) -> int | None:
    return given if type(given) is int and given > 1 else None


def _text(given: object) -> str:
    if not _any_text(given).strip():
        raise ForeignAnswerError("a name is empty")
    return str(given)


def _any_text(given: object) -> str:
    if not isinstance(given, str):
        raise ForeignAnswerError(f"{given!r} is no text")
    return given

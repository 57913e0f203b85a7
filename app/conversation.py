"""A conversation as frozen values: the fold of the pipeline's events into turns, and its copy in the reader's browser.

Nothing here knows of widgets. `advance` is the whole logic of the page: an event and a turn give the next turn.
"""

import logging
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from assistant.chatml import Message
from assistant.types import Answer, Answered, Event, Prompted, Retrieved, Token, Verified

_KEPT_TURNS = 50


@dataclass(frozen=True, slots=True)
class Turn:
    """A question and how far its answer has come. `passages` is None until the documents have been searched."""

    question: str
    passages: int | None = None
    draft: str = ""
    answer: Answer | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """What the server keeps for one browser tab.

    Setting `stop` ends the answer that is being written, if any; `ended` is set once nothing more of it will be shown.
    With `cleared` set, the last that is shown is an empty page.
    """

    turns: tuple[Turn, ...] = ()
    stop: threading.Event | None = None
    ended: threading.Event | None = None
    cleared: threading.Event | None = None


def advance(turn: Turn, event: Event) -> Turn:
    """The turn after `event`."""
    match event:
        case Retrieved(hits=hits):
            return replace(turn, passages=len(hits))
        case Token(text=text):
            return replace(turn, draft=turn.draft + text)
        case Prompted() | Verified():
            # The verdicts come again with the answer, which may not be the draft.
            return turn
        case Answered(answer=answer):
            return replace(turn, answer=answer)


def history(turns: Sequence[Turn]) -> list[Message]:
    """The answered turns, as the pipeline takes them."""
    messages = []
    for turn in turns:
        if turn.answer is not None:
            messages += [Message("user", turn.question), Message("assistant", turn.answer.answer)]
    return messages


def to_stored(turns: Sequence[Turn]) -> list[dict[str, Any]]:
    """The last answers as plain values, without the hits: what the browser keeps over a reload."""
    answers = [turn.answer for turn in turns[-_KEPT_TURNS:] if turn.answer is not None]
    return [asdict(replace(answer, hits=())) for answer in answers]


def from_stored(stored: object) -> tuple[Turn, ...]:
    """The turns that `to_stored` wrote; none where the browser holds something else."""
    try:
        answers = TypeAdapter(list[Answer]).validate_python(stored or [])
    except ValidationError:
        logging.getLogger("footnote").info("the conversation kept by the browser has another form; starting anew")
        return ()
    return tuple(Turn(answer.question, answer=answer) for answer in answers)

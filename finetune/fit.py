"""Conversations made to fit the window: context is lost before a solution ever is, and what was lost is counted."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from assistant.chatml import ChatML, Message, Rendered
from assistant.wording import GROUNDED_SYSTEM
from finetune.conversations import Example

SHORTENED = "shortened: context left out to fit the window"
TOO_LONG = "left out: longer than the window, even with the least context"
_GAP = " … "
_PIECE = re.compile(r"\S{1,16}\s*|\s+")
"""What a question is cut by: words, and parts of what has no blanks, as tables and Chinese have none."""


def fitted(example: Example, chatml: ChatML, window: int, counts: Counter[str]) -> Rendered | None:
    """`example` as token ids within `window`; None, and counted, where its solution cannot be had there."""
    for number, messages in enumerate(_ever_shorter(example, chatml, window)):
        rendered = chatml.render(messages)
        if len(rendered.ids) <= window:
            counts["tokens"] += len(rendered.ids)
            counts[SHORTENED] += number > 0
            return _whole(rendered) if example.whole else rendered
    counts[TOO_LONG] += 1
    return None


def _ever_shorter(example: Example, chatml: ChatML, window: int) -> Iterator[Sequence[Message]]:
    """The example as it is, with less context, without its oldest turns, and last with its question cut.

    Sources are never cut: the reply would cite a sentence that is not there.
    """
    yield example.messages
    yield from example.shorter
    messages = list(example.shorter[-1] if example.shorter else example.messages)
    opening = [message for message in messages[:1] if message.role == "system"]
    turns = messages[len(opening) :]
    while len(turns) > 2:
        turns = _without_oldest(turns)
        yield [*opening, *turns]
    if [turn.role for turn in turns] == ["user", "assistant"] and Message("system", GROUNDED_SYSTEM) not in opening:
        yield [*opening, _cut(turns[0], [*opening, turns[1]], chatml, window), turns[1]]


def _without_oldest(turns: list[Message]) -> list[Message]:
    """Without the first turn and the replies to it, but with the last two: a question and its solution."""
    rest = turns[1:]
    while len(rest) > 2 and rest[0].role == "assistant":
        rest = rest[1:]
    return rest


def _cut(asked: Message, rest: Sequence[Message], chatml: ChatML, window: int) -> Message:
    """`asked` without its middle, so that it fits beside `rest`: its beginning and its end say what to do.

    Something of it is always kept, so it may not fit.
    """
    pieces = _PIECE.findall(asked.content)
    low, high = 1, len(pieces)
    while low < high:
        kept = (low + high + 1) // 2
        shorter = replace(asked, content=_ends(pieces, kept))
        if len(chatml.render([*rest, shorter]).ids) <= window:
            low = kept
        else:
            high = kept - 1
    return replace(asked, content=_ends(pieces, low))


def _ends(pieces: Sequence[str], kept: int) -> str:
    if kept >= len(pieces):
        return "".join(pieces)
    tail = kept // 2
    return "".join(pieces[: kept - tail]).rstrip() + _GAP + "".join(pieces[len(pieces) - tail :])


def _whole(rendered: Rendered) -> Rendered:
    """Learned to the last token: sources are plain text, so they go on teaching the language."""
    return Rendered(rendered.ids, [True] * len(rendered.ids))

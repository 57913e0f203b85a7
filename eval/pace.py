"""Answers that grow in step: who is faster, or was asked before, must not show in a blind battle."""

from collections import deque
from collections.abc import Iterator

from assistant.types import Answered, Event, Token, Verified


def in_step(events: Iterator[tuple[int, Event]], answers: int) -> Iterator[tuple[int, Event]]:
    """The events of `answers` answers, each with the place of its answer, where the pieces of all come as those of the
    slowest do, and the ends together.

    An answer that is shorter than the others stops growing before them: its length is there for all to see.
    """
    waiting: list[deque[Event]] = [deque() for _ in range(answers)]
    ends: list[list[Event]] = [[] for _ in range(answers)]
    for place, event in events:
        if isinstance(event, Token):
            waiting[place].append(event)
        elif isinstance(event, Verified | Answered):
            ends[place].append(event)
        else:
            yield place, event
        yield from _released(waiting, ends)
    for place in range(answers):
        yield from ((place, event) for event in (*waiting[place], *ends[place]))


def _released(waiting: list[deque[Event]], ends: list[list[Event]]) -> Iterator[tuple[int, Event]]:
    """One piece of each, as long as each has one or has come to its end."""
    while any(waiting) and all(pieces or end for pieces, end in zip(waiting, ends, strict=True)):
        yield from ((place, pieces.popleft()) for place, pieces in enumerate(waiting) if pieces)

"""The questions that replies are measured on: instructions, and questions with their sources, by chance of a seed.

A grounded question is asked of its own passage and two others of the same set. Its sources are what the program itself
would show the model of them: `assistant.select` picks them and `assistant.prompt` fits them into the model's window.
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from assistant.chatml import Message
from assistant.errors import InputError
from assistant.prompt import Window, build_prompt
from assistant.rows import Row
from assistant.select import Encode, select
from assistant.wording import chat_messages
from eval.overlap import holds_answer
from eval.selection import Case, cases, hits
from retrieval.sentences import sentence_spans

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Instruction:
    """An instruction and how a person solved it."""

    text: str
    solution: str

    def messages(self) -> list[Message]:
        """The conversation up to the reply."""
        return chat_messages(self.text)


@dataclass(frozen=True, slots=True)
class Grounded:
    """A question with its sources; `answers` is empty where the passage does not hold one.

    `messages` is the conversation up to the reply, with the sources that fit the window.
    """

    question: str
    answers: tuple[str, ...]
    sources: tuple[str, ...]
    messages: tuple[Message, ...]

    def without_sources(self) -> list[Message]:
        """The same question in an open conversation."""
        return chat_messages(self.question)


@dataclass(frozen=True, slots=True)
class Chosen(Generic[Item]):
    """What is asked, and how much was `left_out` on the way because the model's window is too small for it."""

    items: tuple[Item, ...]
    left_out: int


def choose_instructions(rows: Sequence[Row], window: Window, limit: int, seed: int) -> Chosen[Instruction]:
    """Up to `limit` rows (0: all) of `instruction` and `solution`."""
    shuffled = random.Random(seed).sample(list(rows), len(rows))
    read = (Instruction(row.text("instruction"), row.text("solution")) for row in shuffled)
    return _first(limit, (item if window.holds(item.messages()) else None for item in read))


def choose_grounded(rows: Sequence[Row], window: Window, limit: int, seed: int, encode: Encode) -> Chosen[Grounded]:
    """Up to `limit` rows (0: all) of `context`, `question`, `answers` and `answerable`.

    A row whose answer is not a run of whole words in one sentence of its passage is passed over: nothing to copy.
    """
    found = (_grounded(case, window, encode) for case in cases(rows, 0, seed) if _can_be_copied(case))
    return _first(limit, found)


def sentences(text: str) -> list[str]:
    """The sentences of `text` as they stand."""
    return [text[start:end] for start, end in sentence_spans(text)]


def _first(limit: int, found: Iterable[Item | None]) -> Chosen[Item]:
    kept: list[Item] = []
    left_out = 0
    for item in found:
        if item is None:
            left_out += 1
        else:
            kept.append(item)
        if limit and len(kept) == limit:
            break
    return Chosen(tuple(kept), left_out)


def _can_be_copied(case: Case) -> bool:
    lines = sentences(case.passage)
    return not case.answers or any(holds_answer(line, answer) for line in lines for answer in case.answers)


def _grounded(case: Case, window: Window, encode: Encode) -> Grounded | None:
    """The question as the program asks it; None where it takes more than the model's window by itself."""
    chosen = select(case.question, hits([case.passage, *case.others]), encode).sources
    try:
        messages = build_prompt(case.question, chosen, window)
    except InputError:
        return None
    sources = tuple(" ".join(candidate.text for candidate in source) for source in chosen)
    return Grounded(case.question, case.answers, sources, tuple(messages))

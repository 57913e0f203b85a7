"""The questions that replies are measured on: instructions, and questions with their sources, by chance of a seed.

A grounded question stands with its own passage and two others of the same set, in a seeded order. Of a passage whole
sentences are kept: those around the one that holds an answer (around a random one where there is none to find), from
the beginning of the others. Up to `SOURCE_WORDS` words of each, so that every model with room for them is asked the
same; where a model's window is smaller, half as many and half again, at the least one sentence of each.
"""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from assistant.chatml import Message
from assistant.prompt import Window
from assistant.rows import Row
from assistant.wording import chat_messages, grounded_messages
from eval.overlap import holds_answer
from eval.selection import Case, cases
from retrieval.sentences import sentence_spans

SOURCE_WORDS = 120
Item = TypeVar("Item")
_Fits = Callable[[Sequence[Message]], bool]


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
    """A question with its numbered sources, as they are shown; `answers` is empty where they do not hold one."""

    question: str
    answers: tuple[str, ...]
    sources: tuple[str, ...]

    def messages(self) -> list[Message]:
        """The conversation up to the reply, sources included."""
        return grounded_messages(self.question, self.sources)

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


def choose_grounded(rows: Sequence[Row], window: Window, limit: int, seed: int) -> Chosen[Grounded]:
    """Up to `limit` rows (0: all) of `context`, `question`, `answers` and `answerable`.

    A row whose answer is not a run of whole words in one sentence of its passage is passed over: nothing to copy.
    """
    rng = random.Random(seed)
    placed = ((case, _centre(case, rng)) for case in cases(rows, 0, seed))
    fitted = (_grounded(case, centre, window.holds, rng) for case, centre in placed if centre is not None)
    return _first(limit, fitted)


def shortened(lines: Sequence[str], centre: int, most: int) -> str:
    """`lines[centre]` with its neighbours, one before and one after in turn, while all have `most` words or fewer."""
    start, end = centre, centre + 1
    for _ in lines:
        if start > 0 and _words(lines[start - 1 : end]) <= most:
            start -= 1
        if end < len(lines) and _words(lines[start : end + 1]) <= most:
            end += 1
    return " ".join(lines[start:end])


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


def _centre(case: Case, rng: random.Random) -> int | None:
    """The sentence of the passage to keep; None where an answer is said to be there but none is found."""
    lines = sentences(case.passage)
    if not case.answers:
        return rng.randrange(len(lines))
    holding = (place for place, line in enumerate(lines) if any(holds_answer(line, a) for a in case.answers))
    return next(holding, None)


def _grounded(case: Case, centre: int, fits: _Fits, rng: random.Random) -> Grounded | None:
    passages = [(case.passage, centre), *((other, 0) for other in case.others)]
    rng.shuffle(passages)
    for most in _halves(SOURCE_WORDS):
        sources = tuple(shortened(sentences(text), place, most) for text, place in passages)
        found = Grounded(case.question, case.answers, sources)
        if fits(found.messages()):
            return found
    return None


def _halves(number: int) -> Iterator[int]:
    while number:
        yield number
        number //= 2
    yield 0


def _words(lines: Sequence[str]) -> int:
    return sum(len(line.split()) for line in lines)

"""How often the sentence that answers is found, and how often the program answers at all, before any model speaks.

Each question is asked of its own passage and two others of the same set, in a seeded order. The sentences are ranked by
`assistant.select`, and, side by side, by the likeness of their embeddings alone. A sentence counts as the one that
answers when one of the row's answers stands in it.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from assistant.decide import decide
from assistant.errors import InputError
from assistant.rows import Row
from assistant.select import Encode, Evidence, select
from retrieval.sentences import sentence_spans
from retrieval.types import Hit

_OTHERS = 2


@dataclass(frozen=True, slots=True)
class Case:
    """A question with its passage, its answers (none where the passage does not hold it) and two other passages."""

    question: str
    answers: tuple[str, ...]
    passage: str
    others: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Selection:
    """Shares from 0 to 1, each over the number of questions beside it.

    `first`, `first_two`: the sentence that answers is ranked first, or is among the first two; `likeness_` the same by
    embeddings alone. `answered`: not abstained, asked of the own passage and two others; `answered_elsewhere`: of
    others alone; `answered_unanswerable`: questions that their own passage does not answer.
    """

    questions: int
    first: float
    first_two: float
    likeness_first: float
    likeness_first_two: float
    answered: float
    answered_elsewhere: float
    unanswerable_questions: int
    answered_unanswerable: float | None


def cases(rows: Sequence[Row], limit: int, seed: int) -> list[Case]:
    """Up to `limit` rows (0: all) by chance, without those whose answer stands in no sentence of the passage."""
    rng = random.Random(seed)
    passages = sorted({row.text("context") for row in rows})
    if len(passages) <= _OTHERS:
        raise InputError(
            f"{len(passages)} passages are too few: each question is asked of its own and {_OTHERS} others"
        )
    picked = rng.sample(list(rows), min(limit, len(rows)) if limit else len(rows))
    found = [_case(row, passages, rng) for row in picked]
    return [case for case in found if case is not None]


def measure(chosen: Sequence[Case], encode: Encode, progress: Callable[[float], None] | None = None) -> Selection:
    """Rank the sentences of every case; `progress` is called with the share done."""
    answerable: list[tuple[bool, ...]] = []
    unanswerable: list[bool] = []
    for number, case in enumerate(chosen, start=1):
        evidence = select(case.question, hits([case.passage, *case.others]), encode)
        if case.answers:
            elsewhere = select(case.question, hits(case.others), encode)
            answerable.append((*_places(case, evidence, encode), _answered(evidence), _answered(elsewhere)))
        else:
            unanswerable.append(_answered(evidence))
        if progress:
            progress(number / len(chosen))
    if not answerable:
        raise InputError("none of the rows can be answered from its passage; nothing to measure")
    first, two, likeness_first, likeness_two, own, other = map(_share, zip(*answerable, strict=True))
    return Selection(
        questions=len(answerable),
        first=first,
        first_two=two,
        likeness_first=likeness_first,
        likeness_first_two=likeness_two,
        answered=own,
        answered_elsewhere=other,
        unanswerable_questions=len(unanswerable),
        answered_unanswerable=_share(unanswerable) if unanswerable else None,
    )


def _share(marks: Sequence[bool]) -> float:
    return sum(marks) / len(marks)


def _case(row: Row, passages: Sequence[str], rng: random.Random) -> Case | None:
    passage = row.text("context")
    answers = tuple(answer.strip() for answer in row.texts("answers") if answer.strip())
    others = tuple(other for other in rng.sample(list(passages), _OTHERS + 1) if other != passage)[:_OTHERS]
    if not row.flag("answerable"):
        return Case(row.text("question"), (), passage, others)
    lines = [passage[start:end] for start, end in sentence_spans(passage)]
    if not any(_holds(line, answers) for line in lines):
        return None
    return Case(row.text("question"), answers, passage, others)


def _holds(line: str, answers: Sequence[str]) -> bool:
    return any(answer.casefold() in line.casefold() for answer in answers)


def hits(passages: Sequence[str]) -> list[Hit]:
    """Passages as a search would give them, each a document called by its place."""
    return [
        Hit(number, text, f"passage {number}", str(number), None, 0, len(text), 1.0, number, number)
        for number, text in enumerate(passages)
    ]


def _places(case: Case, evidence: Evidence, encode: Encode) -> tuple[bool, bool, bool, bool]:
    """Whether the answer is first, or in the first two, as selected and by likeness alone."""
    ranked = [(candidate.text, candidate.document_id) for candidate in evidence.ranked]
    vectors = encode([case.question, *(text for text, _ in ranked)])
    likeness = vectors[1:] @ vectors[0]
    alike = [ranked[place] for place in sorted(range(len(ranked)), key=lambda place: -float(likeness[place]))]
    # Only the question's own passage counts: the same words elsewhere answer another question.
    right = [[own == "0" and _holds(text, case.answers) for text, own in order[:2]] for order in (ranked, alike)]
    return right[0][0], any(right[0]), right[1][0], any(right[1])


def _answered(evidence: Evidence) -> bool:
    return not decide((), evidence).abstained

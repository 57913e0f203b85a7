"""The whole assistant asked the questions of a file, with documents and without: how good are its answers?

    exact match, token F1   as SQuAD 2.0 defines them (Rajpurkar, Jia, Liang 2018, ACL; `eval.overlap`): against the
                            best reference; to abstain is to say the empty text, right where there is no answer
    holds answer            a reference stands in the answer, word for word
    abstained               the program said that the documents do not hold the answer; or the model's reply begins with
                            "I don't know.", or is empty
    sentences supported     of the sentences of all answers, those that the check holds for supported
    citations hold answer   of the footnotes of all answers to answerable questions, those whose quote holds a reference

`overall` figures are over all questions, the others over those of their kind. Each question is asked anew, without the
conversation before it, and the likeliest token is taken, so a run can be repeated.

Limits: this program answers in sentences and references are a few words, so exact matches are rare and a perfect answer
has a token F1 far below 1; compare systems by these figures, and read "holds answer" for how often the reader finds it.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from assistant.chatml import Message
from assistant.engine.engine import Engine
from assistant.errors import InputError
from assistant.pipeline import DEFAULT_SAMPLING, Assistant
from assistant.prompt import Window, build_chat_prompt, build_prompt
from assistant.types import Answer, Event, hit_summary
from assistant.verify import without_marks
from assistant.wording import REFUSAL, one_line
from eval.overlap import best_token_f1, exact_match, holds_answer
from eval.paired import Sums
from eval.qa_rows import Question
from eval.told import Told
from retrieval.errors import LibraryError

ShareDone = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Given:
    """What came back to a question after so many `seconds`, and the text that is scored: empty where it abstained.

    `messages` are what the model was sent, `draft` is what it wrote, before the check.
    """

    answer: Answer
    prediction: str
    seconds: float
    messages: tuple[Message, ...] = ()
    draft: str = ""

    @property
    def abstained(self) -> bool:
        """Whether it said that it does not know, or nothing at all."""
        text = self.answer.answer.strip()
        return self.answer.abstained or not text or text.startswith(REFUSAL)


@dataclass(frozen=True, slots=True)
class Scores:
    """From 0 to 1; `holds_answer` is None where there is none to hold."""

    exact_match: float
    token_f1: float
    holds_answer: float | None


@dataclass(frozen=True, slots=True)
class Asked:
    """A question and what came back with documents, and without."""

    question: Question
    grounded: Given
    ungrounded: Given


def ask_all(
    assistant: Assistant, collection: str, questions: Sequence[Question], progress: ShareDone = lambda _: None
) -> tuple[Asked, ...]:
    """Ask each question twice; `progress` is called with the share done.

    Raises InputError, which names the row, for a question that is too long for the model, before any is asked.
    """
    check_lengths(assistant.engine, questions)
    assistant.warm_up()
    found: list[Asked] = []
    for number, question in enumerate(questions, start=1):
        try:
            grounded = _given(assistant.stream(question.text, collection=collection))
        except LibraryError as fault:
            raise InputError(f"{question.place}: {fault}") from fault
        found.append(Asked(question, grounded, _given(assistant.chat(question.text))))
        progress(number / len(questions))
    return tuple(found)


def check_lengths(engine: Engine, questions: Sequence[Question]) -> None:
    """Raises InputError, which names the row, for a question that is too long for the model's window."""
    window = Window(engine.length, engine.positions, DEFAULT_SAMPLING.max_tokens)
    for question in questions:
        try:
            build_prompt(question.text, (), window)
            build_chat_prompt(question.text, (), window)
        except InputError as fault:
            raise InputError(f"{question.place}: {fault}") from fault


def scored(question: Question, prediction: str) -> Scores:
    """The scores of a prediction, which is empty where the program abstained."""
    references = question.answers or ("",)
    return Scores(
        exact_match=float(any(exact_match(prediction, reference) for reference in references)),
        token_f1=best_token_f1(prediction, references),
        holds_answer=float(_holds(prediction, question)) if question.answerable else None,
    )


def sums(questions: Sequence[Question], given: Sequence[Given]) -> Sums:
    """What stands above and below the line of each figure, question by question (see `eval.paired`)."""
    rows = [_sums(question, answer) for question, answer in zip(questions, given, strict=True)]
    return {name: ([row[name][0] for row in rows], [row[name][1] for row in rows]) for name in rows[0]}


def as_row(asked: Asked) -> dict[str, Any]:
    """One question as a line of a file."""
    question = asked.question
    return {
        "question": question.text,
        "answers": list(question.answers),
        "answerable": question.answerable,
        **_as_row(question, asked.grounded),
        "ungrounded": _as_row(question, asked.ungrounded),
    }


def _as_row(question: Question, given: Given) -> dict[str, Any]:
    scores, answer = scored(question, given.prediction), given.answer
    return {
        "answer": answer.answer,
        "abstained": given.abstained,
        "confidence": answer.confidence,
        "citations": [citation.quote for citation in answer.citations],
        "hits": [hit_summary(hit) for hit in answer.hits],
        "scores": {"exact_match": scores.exact_match, "token_f1": scores.token_f1, "holds_answer": scores.holds_answer},
        "ms": round(given.seconds * 1000, 1),
    }


def _given(events: Iterator[Event]) -> Given:
    start, told = time.perf_counter(), Told()
    while told.answer is None:
        told.add(next(events))
    took = time.perf_counter() - start
    given = Given(told.answer, one_line(without_marks(told.answer.answer)), took, told.messages, told.draft)
    return replace(given, prediction="") if given.abstained else given


def _sums(question: Question, given: Given) -> Mapping[str, tuple[float, float]]:
    scores, answer = scored(question, given.prediction), given.answer
    has, has_not = float(question.answerable), float(not question.answerable)
    supported = sum(sentence.verdict == "supported" for sentence in answer.sentences)
    quotes = [citation.quote for citation in answer.citations] if question.answerable else []
    return {
        "exact_match": (has * scores.exact_match, has),
        "token_f1": (has * scores.token_f1, has),
        "holds_answer": (scores.holds_answer or 0.0, has),
        "abstained_answerable": (has * given.abstained, has),
        "abstained_unanswerable": (has_not * given.abstained, has_not),
        "sentences_supported": (supported, len(answer.sentences)),
        "citations_hold_answer": (sum(_holds(quote, question) for quote in quotes), len(quotes)),
        "unanswerable_exact_match": (has_not * scores.exact_match, has_not),
        "unanswerable_token_f1": (has_not * scores.token_f1, has_not),
        "overall_exact_match": (scores.exact_match, 1.0),
        "overall_token_f1": (scores.token_f1, 1.0),
    }


def _holds(text: str, question: Question) -> bool:
    return any(holds_answer(text, answer) for answer in question.answers)

"""Answers to questions as rows of a run and back: `footnote eval qa`, and the questions of a report."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from pydantic import TypeAdapter

from assistant.pipeline import DEFAULT_SAMPLING
from assistant.types import Answer
from eval.qa import Asked, Given
from eval.qa_report import QaReport
from eval.qa_rows import Question
from eval.runs import Outcome, Run

QUESTIONS = "questions"
"""The part of a run whose items are questions."""
_WAYS = ("grounded", "ungrounded")
_ANSWER = TypeAdapter(Answer)


def qa_run(asked: Sequence[Asked], checkpoint: str, seed: int, settings: Mapping[str, Any]) -> Run:
    """One model that was asked; `settings` have its name as `model`, the `collection` and `notes`."""
    items = {QUESTIONS: question_items([each.question for each in asked])}
    return Run("qa", seed, settings, items, list(answer_rows(asked, settings["model"], checkpoint)))


def qa_figures(run: Run) -> dict[str, Any]:
    """What `footnote eval qa --json` prints: a function of the rows alone."""
    told = run.settings
    return QaReport(
        asked_of(run, told["model"]), told["model"], told["collection"], run.seed, tuple(told["notes"])
    ).as_dict()


def question_items(questions: Sequence[Question]) -> list[dict[str, Any]]:
    """Questions as items of a run."""
    return [asdict(question) for question in questions]


def answer_rows(asked: Sequence[Asked], model: str, checkpoint: str) -> Iterator[Outcome]:
    """Both answers of `model` to each question; the passages found are not kept, what was quoted of them is."""
    for number, each in enumerate(asked):
        for way in _WAYS:
            given: Given = getattr(each, way)
            yield Outcome(
                *(QUESTIONS, number, model),
                {"answer": asdict(replace(given.answer, hits=())), "scored": given.prediction},
                way,
                checkpoint,
                sampling=DEFAULT_SAMPLING,
                messages=given.messages,
                reply=given.draft,
                latency_ms=round(given.seconds * 1000, 3),
            )


def asked_of(run: Run, model: str) -> tuple[Asked, ...]:
    """The questions of a run with the answers of `model`, as they were but for the passages found."""
    questions = [Question(**{**item, "answers": tuple(item["answers"])}) for item in run.items[QUESTIONS]]
    grounded, ungrounded = ([_given(row) for row in run.of(QUESTIONS, model, way)] for way in _WAYS)
    return tuple(Asked(*each) for each in zip(questions, grounded, ungrounded, strict=True))


def _given(row: Outcome) -> Given:
    return Given(
        answer=_ANSWER.validate_python(row.outcome["answer"]),
        prediction=row.outcome["scored"],
        seconds=(row.latency_ms or 0.0) / 1000,
        messages=tuple(row.messages or ()),
        draft=row.reply or "",
    )

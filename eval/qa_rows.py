"""The questions of a file for `footnote eval qa`: `question`, `answers`, `answerable`, and `context` if you like."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from assistant.errors import InputError
from assistant.guard import check_question
from assistant.rows import Row, read_rows
from eval.words import answer_words


@dataclass(frozen=True, slots=True)
class Question:
    """`answers` are any that count as right, none where the documents do not hold one; `place` is file and line."""

    text: str
    answers: tuple[str, ...]
    context: str | None
    place: str
    line: int

    @property
    def answerable(self) -> bool:
        """Whether the documents hold an answer."""
        return bool(self.answers)

    @property
    def group(self) -> str:
        """Questions on one passage succeed and fail together; one without its passage stands alone."""
        return self.place if self.context is None else self.context


@dataclass(frozen=True, slots=True)
class QuestionFile:
    """All `questions` in the order of the file; `notes` say what was passed over."""

    path: Path
    questions: tuple[Question, ...]
    notes: tuple[str, ...]

    def chosen(self, limit: int, seed: int) -> tuple[Question, ...]:
        """Up to `limit` questions (0: all) by chance."""
        count = min(limit, len(self.questions)) if limit else len(self.questions)
        return tuple(random.Random(seed).sample(self.questions, count)) if limit else self.questions

    def contexts(self) -> dict[str, str]:
        """The passages, by `p` and the line on which each stands first. Raises InputError where a row has none."""
        found: dict[str, str] = {}
        for question in self.questions:
            if question.context is None:
                raise InputError(
                    f"{question.place}: no 'context', so there is nothing to answer from; name the documents with "
                    "--collection, or give every row its 'context'"
                )
            found.setdefault(question.context, f"p{question.line}")
        return {name: text for text, name in found.items()}


def read_questions(path: Path) -> QuestionFile:
    """Read a file. Raises InputError, which names file and row, for a row that is no question."""
    seen: dict[tuple[str, str | None], Question] = {}
    again: list[Question] = []
    for question in _questions(path):
        if seen.setdefault((question.text, question.context), question) is not question:
            again.append(question)
    if not seen:
        raise InputError(f"{path}: no question; write a row of question, answers, answerable on each line")
    return QuestionFile(path, tuple(seen.values()), tuple(_notes(again)))


def _notes(again: Sequence[Question]) -> Iterator[str]:
    if again:
        rows = "1 row that repeats" if len(again) == 1 else f"{len(again)} rows that repeat"
        yield f"left out: {rows} a question on the same passage, the first is {again[0].place}"


def _questions(path: Path) -> Iterator[Question]:
    for row in read_rows(path):
        answerable = row.flag("answerable")
        yield Question(
            text=_asked(row),
            answers=_answers(row) if answerable else _no_answers(row),
            context=None if row.values.get("context") is None else row.text("context"),
            place=row.place,
            line=row.line,
        )


def _asked(row: Row) -> str:
    try:
        return check_question(row.text("question"))
    except InputError as fault:
        raise fault if row.place in str(fault) else InputError(f"{row.place}: {fault}") from fault


def _answers(row: Row) -> tuple[str, ...]:
    """The answers that hold a word; SQuAD's own script passes over the others too."""
    answers = tuple(answer for answer in row.texts("answers") if answer_words(answer))
    if not answers:
        raise InputError(f"{row.place}: 'answers' holds no word, though 'answerable' is true; say what is right")
    return answers


def _no_answers(row: Row) -> tuple[str, ...]:
    if row.values.get("answers") and any(answer.strip() for answer in row.texts("answers")):
        raise InputError(f"{row.place}: 'answers' must be empty where 'answerable' is false; correct one of the two")
    return ()

"""What answers to a file of questions come to: figures with documents, without, and the effect of the documents."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from eval.bootstrap import CONFIDENCE, FEW_GROUPS, RESAMPLES
from eval.paired import Change, Figure, Paired
from eval.qa import Asked, Given, sums

_CHECKED_ONLY = ("sentences_supported", "citations_hold_answer")
"""What only answers from documents have."""


@dataclass(frozen=True, slots=True)
class QaReport:
    """The figures with all that they depend on; `collection` is None where the file's own passages were read."""

    asked: tuple[Asked, ...]
    model: str
    collection: str | None
    seed: int
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """What `footnote eval qa --json` prints; shares from 0 to 1, None where there was no question of the kind."""
        questions = [asked.question for asked in self.asked]
        grounded, ungrounded = ([getattr(asked, way) for asked in self.asked] for way in ("grounded", "ungrounded"))
        paired = Paired(
            [sums(questions, grounded), sums(questions, ungrounded)],
            [question.group for question in questions],
            self.seed,
        )
        own, plain = paired.figures(0), paired.figures(1)
        answerable = sum(question.answerable for question in questions)
        return {
            "questions": len(questions),
            "answerable": answerable,
            "unanswerable": len(questions) - answerable,
            "grounded": {**_system(own), "seconds": seconds(grounded)},
            "ungrounded": {**_system(_without(plain)), "seconds": seconds(ungrounded)},
            "difference": {name: _change(change) for name, change in _without(paired.changes(0, 1)).items()},
            "overall": _overall(own),
            "ungrounded_overall": _overall(plain),
            "model": self.model,
            "collection": self.collection,
            "seed": self.seed,
            "confidence": CONFIDENCE,
            "resamples": RESAMPLES,
            "passages": len({question.group for question in questions}),
            "notes": [*self.notes, *_notes(self.asked)],
        }


def seconds(given: Sequence[Given]) -> dict[str, float]:
    """How long a question took: the mean, the median, and what 95 of 100 stayed below."""
    times = np.array([answer.seconds for answer in given])
    return {
        "mean": round(float(times.mean()), 4),
        "p50": round(float(np.quantile(times, 0.5)), 4),
        "p95": round(float(np.quantile(times, 0.95)), 4),
    }


def _system(figures: dict[str, Figure]) -> dict[str, Any]:
    return {
        **{name: figure.value for name, figure in figures.items()},
        "ci": {name: figure.ci for name, figure in figures.items()},
    }


def _without(figures: dict[str, Any]) -> dict[str, Any]:
    return {name: figure for name, figure in figures.items() if name not in _CHECKED_ONLY}


def _change(change: Change) -> dict[str, Any]:
    return {"value": change.value, "ci": change.ci}


def _overall(figures: dict[str, Figure]) -> dict[str, Any]:
    """As SQuAD 2.0's own script: over all questions, over those with an answer, over those without."""
    kinds = {"": "overall_", "answerable": "", "unanswerable": "unanswerable_"}
    by_kind = {
        kind: {"exact_match": figures[f"{before}exact_match"].value, "f1": figures[f"{before}token_f1"].value}
        for kind, before in kinds.items()
    }
    return {**by_kind.pop(""), **by_kind}


def _notes(asked: Sequence[Asked]) -> Iterator[str]:
    groups = {item.question.group for item in asked}
    if len(groups) == 1:
        yield "all questions are on one passage, so there is no interval: nothing says how others would be answered"
    elif len(groups) <= FEW_GROUPS:
        yield f"the intervals are too narrow: there are {FEW_GROUPS} passages or fewer"
    yield "no interval stands where every question came out alike: chance cannot be read from what does not vary"

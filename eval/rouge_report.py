"""ROUGE of a file of predictions, with intervals; and of two systems on the same references, with their difference.

    precision, recall, f1, f_beta    means over the rows (f_beta for ROUGE-L)
    corpus_recall                    Σ matches / Σ runs of the references: long references count for more

Rows with one reference are drawn together when intervals are drawn (see `eval.bootstrap`). Two systems are two files
whose rows have the same references in the same order; each row is compared with its own counterpart.
"""

from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np

from assistant.errors import InputError
from assistant.rows import Row, read_rows
from eval.bootstrap import (
    CONFIDENCE,
    FEW_GROUPS,
    RESAMPLES,
    Codes,
    Floats,
    group_sums,
    interval_where_defined,
    resampled_sums,
)
from eval.rouge import BETA, Score, measure_name, rouge

_FIGURES = ("precision", "recall", "f1", "f_beta", "corpus_recall")
_SUMS = 6
"""For each row and measure: precision, recall, f1, f_beta, matches, wanted."""


@dataclass(frozen=True, slots=True)
class RougeReport:
    """The figures of each measure with their intervals, and all that they depend on.

    `scores` has under `rouge1`, … `rougeL` the figures and, under `ci`, their intervals (None where all rows have one
    reference). `against` is the same of the other system, `difference` what the first has over it in each figure.
    """

    scores: dict[str, dict[str, Any]]
    against: dict[str, dict[str, Any]] | None
    difference: dict[str, dict[str, Any]] | None
    rows: int
    references: int
    beta: float
    seed: int
    notes: tuple[str, ...]
    confidence: float = CONFIDENCE
    resamples: int = RESAMPLES

    def as_dict(self) -> dict[str, Any]:
        """The measures at the top, then the rest."""
        rest = {name: getattr(self, name) for name in self.__slots__ if name != "scores"}
        return {**self.scores, **rest, "notes": list(self.notes)}


def measure(
    file: Path,
    against: Path | None = None,
    *,
    runs: Sequence[int] = (1, 2),
    beta: float = BETA,
    seed: int = 1,
    progress: Callable[[int], None] = lambda _: None,
) -> RougeReport:
    """Score each `prediction` against its `reference`; `progress` is called with the number of rows done.

    Raises InputError, which names file and row, for what cannot be scored or paired, and for a beta of 0 or below.
    """
    if not 0 < beta < 1e6:
        raise InputError(f"beta must be above 0 and below a million, not {beta}")
    files = [file] if against is None else [file, against]
    names = [*map(measure_name, dict.fromkeys(runs)), "rougeL"]
    values, groups = _scored(files, tuple(dict.fromkeys(runs)), beta, progress)
    shape = (len(files), len(names), _SUMS)
    parts = group_sums(np.column_stack([values, np.ones(len(values))]), groups, seed)
    whole = _figures(parts.sum(axis=0), shape)
    references = int(groups.max()) + 1
    drawn = _figures(resampled_sums(parts, seed), shape) if references > 1 else None
    pair = against is not None
    return RougeReport(
        scores=_system(names, whole, drawn, 0),
        against=_system(names, whole, drawn, 1) if pair else None,
        difference=_system(names, whole[[0]] - whole[[1]], _minus(drawn), 0) if pair else None,
        rows=len(values),
        references=references,
        beta=beta,
        seed=seed,
        notes=_notes(references),
    )


def _scored(
    files: Sequence[Path], runs: tuple[int, ...], beta: float, progress: Callable[[int], None]
) -> tuple[Floats, Codes]:
    """The sums of each row, of shape (rows, files · measures · 6), and the number of its reference."""
    values, groups = array("d"), array("q")
    numbers: dict[str, int] = {}
    for number, rows in enumerate(_rows(files), start=1):
        reference = rows[0].text("reference")
        groups.append(numbers.setdefault(reference, len(numbers)))
        for row in rows:
            for score in _scores(row, reference, runs):
                values.extend(
                    (score.precision, score.recall, score.f1, score.f_beta(beta), score.matches, score.wanted)
                )
        progress(number)
    if not groups:
        raise InputError(f"{files[0]}: no row; write a JSON object with 'prediction' and 'reference' on each line")
    return np.frombuffer(values).reshape(len(groups), -1), np.frombuffer(groups, dtype=np.int64)


def _rows(files: Sequence[Path]) -> Iterator[tuple[Row, ...]]:
    """A row of each file with one and the same reference."""
    for rows in zip_longest(*map(read_rows, files)):
        if None in rows:
            longer = next(row for row in rows if row is not None)
            raise InputError(f"{longer.place}: the other file has no such row; both need the same references in order")
        if len({row.text("reference") for row in rows}) > 1:
            raise InputError(f"{rows[1].place}: 'reference' is not that of {rows[0].place}; rows are compared in order")
        yield rows


def _scores(row: Row, reference: str, runs: tuple[int, ...]) -> list[Score]:
    prediction = row.values.get("prediction")
    if not isinstance(prediction, str):
        raise InputError(f"{row.place}: 'prediction' must be a text; an empty one scores 0")
    try:
        scores = list(rouge(prediction, reference, runs).values())
    except InputError as fault:
        raise InputError(f"{row.place}: {fault}") from fault
    if not scores[-1].wanted:
        raise InputError(f"{row.place}: 'reference' has no word, so nothing can be found of it; leave the row out")
    return scores


def _figures(sums: Floats, shape: tuple[int, ...]) -> Floats:
    """From sums over rows, of shape (…, values), the five figures: shape (files, measures, 5, …)."""
    rows = sums[..., -1]
    each = np.moveaxis(sums[..., :-1].reshape(*rows.shape, *shape), (-3, -2, -1), (0, 1, 2))
    matches, wanted = each[:, :, 4], each[:, :, 5]
    corpus = np.divide(matches, wanted, out=np.zeros_like(matches), where=wanted > 0)
    return np.concatenate([each[:, :, :4] / rows, corpus[:, :, None]], axis=2)


def _minus(drawn: Floats | None) -> Floats | None:
    return None if drawn is None else drawn[[0]] - drawn[[1]]


def _system(names: Sequence[str], whole: Floats, drawn: Floats | None, file: int) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for place, name in enumerate(names):
        kept = [figure for figure in _FIGURES if figure != "f_beta" or name == "rougeL"]
        at = {figure: (file, place, _FIGURES.index(figure)) for figure in kept}
        ci = None if drawn is None else {figure: interval_where_defined(drawn[where]) for figure, where in at.items()}
        found[name] = {figure: float(whole[where]) for figure, where in at.items()} | {"ci": ci}
    return found


def _notes(references: int) -> tuple[str, ...]:
    if references == 1:
        return ("all rows have one reference, so there is no interval: nothing says how other texts would score",)
    if references <= FEW_GROUPS:
        return (f"the intervals are too narrow: there are {FEW_GROUPS} different references or fewer",)
    return ()

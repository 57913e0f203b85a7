"""Krippendorff's alpha of a CSV file: one row an item, one column a rater, an empty cell where there is no rating.

A column `item` names the items and is no rater. Where every value is a number, alpha is computed by all three metrics;
words have no order and no distance, so that only nominal alpha is left.
"""

import math
from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from assistant.errors import InputError
from eval.agreement import METRICS, Alpha, Metric, Ratings, krippendorff
from eval.bootstrap import CONFIDENCE, RESAMPLES, Codes, Floats
from eval.csv_rows import CsvTable, read_table

_FIRST_ROW = "the names of the raters"
_ITEM = "item"
_LARGE = 1e100
_NOT_A_RATING = frozenset({"nan", "na", "n/a", "null", "*", ".", "-", "inf", "+inf", "-inf", "infinity", "-infinity"})


@dataclass(frozen=True, slots=True)
class Agreement:
    """Alpha by each metric; `items` have a rating, `items_compared` of them two or more."""

    alpha: dict[Metric, Alpha]
    raters: int
    items: int
    items_compared: int
    ratings: int
    seed: int
    notes: tuple[str, ...]
    confidence: float = CONFIDENCE
    resamples: int = RESAMPLES

    def as_dict(self) -> dict[str, Any]:
        """Alphas, intervals and notes side by side, each under the names of the metrics."""
        named = {
            "alpha": {metric: found.alpha for metric, found in self.alpha.items()},
            "ci": {metric: found.ci for metric, found in self.alpha.items()},
            "note": {metric: found.note for metric, found in self.alpha.items()},
        }
        return {**named, **{name: getattr(self, name) for name in self.__slots__ if name != "alpha"}}


@dataclass(frozen=True, slots=True)
class _Cells:
    """The ratings as they stand: item and value of each; `words` are the values, each with its first place."""

    items: Codes
    values: Codes
    words: dict[str, str]
    raters: int
    notes: tuple[str, ...]


def measure_agreement(path: Path, seed: int = 1) -> Agreement:
    """Read a file and compute alpha. Raises InputError, which names file, row and column."""
    cells = _read(path)
    scale, codes, reason = _scale(cells.words)
    named, item = np.unique(cells.items, return_inverse=True)
    values = codes[cells.values]
    ratings = Ratings(item, values, np.arange(len(named)), scale)
    found = {
        metric: Alpha(None, None, reason) if reason and metric != "nominal" else krippendorff(ratings, metric, seed)
        for metric in METRICS
    }
    return Agreement(
        alpha=found,
        raters=cells.raters,
        items=len(named),
        items_compared=int((np.bincount(item) > 1).sum()),
        ratings=len(item),
        seed=seed,
        notes=cells.notes,
    )


def _read(path: Path) -> _Cells:
    table = read_table(path, _FIRST_ROW)
    raters = [place for place, name in enumerate(table.columns) if name.casefold() != _ITEM]
    if len(raters) < 2:
        raise InputError(f"{path}:1: {len(raters)} column of ratings; agreement takes two raters, one column each")
    items, values = array("q"), array("q")
    codes: dict[str, int] = {}
    places: dict[str, str] = {}
    for number, (line, row) in enumerate(table.rows):
        for column in raters:
            word = row[column]
            if not word:
                continue
            code = codes.setdefault(word, len(codes))
            if code == len(places):
                places[word] = _checked(table, line, column, word)
            items.append(number)
            values.append(code)
    if not items:
        raise InputError(f"{path}: no rating; write a row for each item under {_FIRST_ROW}")
    read, coded = np.frombuffer(items, dtype=np.int64), np.frombuffer(values, dtype=np.int64)
    return _Cells(read, coded, places, len(raters), _notes(table, raters))


def _checked(table: CsvTable, line: int, column: int, word: str) -> str:
    place = table.place(line, column)
    if word.casefold() in _NOT_A_RATING:
        raise InputError(f"{place}: {word!r} is not a rating; leave the cell empty where a rating is missing")
    return place


def _scale(words: dict[str, str]) -> tuple[Floats, Codes, str | None]:
    """The values in ascending order, the number of each word among them, and why words have no order, if so."""
    numbers = [_number(word) for word in words]
    for word, number in zip(words, numbers, strict=True):
        if number is None:
            reason = f"{words[word]}: {word!r} is not a number, so that only nominal alpha can be had"
            return np.arange(len(words), dtype=np.float64), np.arange(len(words)), reason
    scale, codes = np.unique(np.array(numbers, dtype=np.float64), return_inverse=True)
    largest = np.abs(scale).max()
    # Alpha does not depend on the unit; squares of the largest floats would overflow.
    return scale / largest if largest > _LARGE else scale, codes, None


def _number(word: str) -> float | None:
    try:
        number = float(word)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _notes(table: CsvTable, raters: list[int]) -> tuple[str, ...]:
    names = [table.columns[column] for column in raters]
    if all(_number(name) is not None for name in names):
        return (f"the first row ({', '.join(names)}) was taken for the names of the raters, not for ratings",)
    return ()

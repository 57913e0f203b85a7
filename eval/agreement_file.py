"""Krippendorff's alpha of a CSV file, of which there are two forms, told apart by the first row.

    item,ann,bob            one row an item, one column a rater, an empty cell where there is no rating
    item,rater,score        one row a rating

A column `item` names the items, each of which has one row of the first form; it may be left out there. Where every
value is a number, alpha is computed by all three metrics; words have no order and no distance, so that only nominal
alpha is left.
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
_ITEM, _RATER, _SCORE = "item", "rater", "score"
_LONG = "item,rater,score"
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
    names = {name.casefold() for name in table.columns}
    cells = _Reading(table)
    raters = _read_long(table, cells) if names >= {_RATER, _SCORE} else _read_wide(table, cells)
    if not cells.items:
        raise InputError(f"{path}: no rating; write a row for each item under {_FIRST_ROW}")
    if raters < 2:
        raise InputError(f"{path}: all ratings are of one rater; agreement takes two")
    items, values = np.frombuffer(cells.items, dtype=np.int64), np.frombuffer(cells.values, dtype=np.int64)
    return _Cells(items, values, cells.places, raters, _notes(table))


class _Reading:
    """Ratings as they come in; each value is checked where it stands first."""

    def __init__(self, table: CsvTable):
        self.items, self.values = array("q"), array("q")
        self.places: dict[str, str] = {}
        self._table = table
        self._codes: dict[str, int] = {}

    def add(self, item: int, word: str, line: int, column: int) -> None:
        """One rating. Raises InputError for a word that stands for a missing one."""
        code = self._codes.setdefault(word, len(self._codes))
        if code == len(self.places):
            self.places[word] = _checked(self._table, line, column, word)
        self.items.append(item)
        self.values.append(code)


def _read_wide(table: CsvTable, cells: _Reading) -> int:
    """A row an item, a column a rater; the number of raters."""
    raters = [column for column, name in enumerate(table.columns) if name.casefold() != _ITEM]
    if len(raters) < 2:
        raise InputError(
            f"{table.path}:1: {len(raters)} column of ratings; agreement takes two raters, one column each"
        )
    named = next((column for column in range(len(table.columns)) if column not in raters), None)
    lines: dict[str, int] = {}
    for number, (line, row) in enumerate(table.rows):
        name = "" if named is None else row[named]
        if named is not None and name and lines.setdefault(name, line) != line:
            raise InputError(
                f"{table.place(line, named)}: {name!r} stands in row {lines[name]} already; write one row an item with "
                f"a column a rater, or one row a rating under {_LONG}"
            )
        for column in raters:
            if row[column]:
                cells.add(number, row[column], line, column)
    return len(raters)


def _read_long(table: CsvTable, cells: _Reading) -> int:
    """A row a rating, under item, rater and score; the number of raters."""
    columns = {name.casefold(): column for column, name in enumerate(table.columns)}
    if len(table.columns) != 3 or set(columns) != {_ITEM, _RATER, _SCORE}:
        raise InputError(
            f"{table.path}:1: columns 'rater' and 'score' are those of one row a rating, which is read under {_LONG} "
            "and no others; `footnote eval likert` reads systems and aspects too"
        )
    items: dict[str, int] = {}
    raters: dict[str, int] = {}
    lines: dict[tuple[int, int], int] = {}
    for line, row in table.rows:
        for column, value in enumerate(row):
            if not value:
                raise InputError(f"{table.place(line, column)}: empty; every row needs {_LONG}")
        item, rater = row[columns[_ITEM]], row[columns[_RATER]]
        key = items.setdefault(item, len(items)), raters.setdefault(rater, len(raters))
        if lines.setdefault(key, line) != line:
            raise InputError(
                f"{table.place(line, columns[_RATER])}: {rater!r} rated {item!r} in row {lines[key]} already; "
                "keep one of the rows"
            )
        cells.add(key[0], row[columns[_SCORE]], line, columns[_SCORE])
    return len(raters)


def _checked(table: CsvTable, line: int, column: int, word: str) -> str:
    place = table.place(line, column)
    if word.casefold() in _NOT_A_RATING:
        raise InputError(f"{place}: {word!r} is not a rating; leave out what is missing")
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


def _notes(table: CsvTable) -> tuple[str, ...]:
    names = [name for name in table.columns if name.casefold() != _ITEM]
    if all(_number(name) is not None for name in names):
        return (f"the first row ({', '.join(names)}) was taken for the names of the raters, not for ratings",)
    return ()

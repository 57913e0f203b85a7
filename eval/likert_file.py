"""Scores of a rubric from a CSV file: `item,rater,system,aspect,score`, and `kind` (person or model) where it is given.

A score is one of −2, −1, 0, 1, 2. A rater scores each aspect of what a system made of an item once. Rows are kept as
numbers, so that a million of them take some tens of megabytes.
"""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from assistant.errors import InputError
from eval.bootstrap import Codes, Flags
from eval.csv_rows import CsvTable, read_table

SCALE = (-2, -1, 0, 1, 2)
COLUMNS = ("item", "rater", "system", "aspect", "score")
KIND = "kind"
KINDS = ("person", "model")
_FIRST_ROW = "item,rater,system,aspect,score"
_MOST = {"system": 30, "aspect": 30}
"""Above it, a column was taken for another; every two systems, and every two aspects, are compared."""


@dataclass(frozen=True, slots=True)
class Scores:
    """One entry for each row: the numbers of its item, rater, system and aspect, and its score.

    `names` has the names by column, at the place of their numbers; `kinds` whether each rater is a person or a model.
    """

    item: Codes
    rater: Codes
    system: Codes
    aspect: Codes
    score: Codes
    names: dict[str, tuple[str, ...]]
    kinds: tuple[str, ...]

    def only(self, kept: Flags) -> "Scores":
        """The rows where `kept` is true."""
        item, rater, system, aspect, score = (
            column[kept] for column in (self.item, self.rater, self.system, self.aspect, self.score)
        )
        return Scores(item, rater, system, aspect, score, self.names, self.kinds)

    def of_kind(self, kind: str) -> "Scores":
        """The rows of people, or those of models."""
        return self.only((np.array(self.kinds) == kind)[self.rater])

    def text(self) -> Codes:
        """The number of what is rated: an item as one system made it."""
        return self.item * len(self.names["system"]) + self.system


def read_scores(path: Path, aspects: Sequence[str] | None = None) -> Scores:
    """Read a file, of whose `aspects` no others are allowed. Raises InputError, which names file, row and column."""
    table = read_table(path, _FIRST_ROW)
    numbers: dict[str, dict[str, int]] = {name: {} for name in COLUMNS[:-1]}
    kinds: dict[int, str] = {}
    rows = array("q")
    for line, values, kind in _rows(table, aspects):
        for name, value in zip(numbers, values, strict=False):
            rows.append(numbers[name].setdefault(value, len(numbers[name])))
        rows.extend((int(values[-1]), line))
        if kinds.setdefault(rows[-5], kind) != kind:
            raise InputError(f"{path}:{line}: column {KIND!r}: {values[1]!r} was a {kinds[rows[-5]]} in a row above")
    if not rows:
        raise InputError(f"{path}: no score; write rows of {_FIRST_ROW}")
    item, rater, system, aspect, score, lines = np.frombuffer(rows, dtype=np.int64).reshape(-1, len(COLUMNS) + 1).T
    names = {name: tuple(known) for name, known in numbers.items()}
    found = Scores(item, rater, system, aspect, score, names, tuple(kinds[number] for number in range(len(kinds))))
    _check_most(path, names)
    _check_once(path, found, lines)
    return found


def _rows(table: CsvTable, aspects: Sequence[str] | None) -> Iterator[tuple[int, list[str], str]]:
    """The line, the five values with the score as a whole number, and the kind of each row."""
    columns = table.find(COLUMNS)
    kind = table.columns.index(KIND) if KIND in table.columns else None
    whole = {f"{sign}{abs(score)}{end}": str(score) for score in SCALE for sign in _signs(score) for end in ("", ".0")}
    for line, row in table.rows:
        values = [row[column] for column in columns]
        for column, value in zip(columns, values, strict=True):
            if not value:
                raise InputError(f"{table.place(line, column)}: empty; every row needs {_FIRST_ROW}")
        if values[4] not in whole:
            raise InputError(f"{table.place(line, columns[4])}: {values[4]!r} is not a score; write -2, -1, 0, 1 or 2")
        if aspects is not None and values[3] not in aspects:
            known = ", ".join(aspects)
            raise InputError(f"{table.place(line, columns[3])}: {values[3]!r} is not in the rubric; it has {known}")
        values[4] = whole[values[4]]
        if kind is not None and row[kind] not in KINDS:
            raise InputError(f"{table.place(line, kind)}: {row[kind]!r} is not a kind of rater; write person or model")
        yield line, values, KINDS[0] if kind is None else row[kind]


def _signs(score: int) -> tuple[str, ...]:
    """How the sign of a score may be written; spreadsheets know a minus of their own."""
    return ("-", "−") if score < 0 else ("", "+") if score else ("", "+", "-")


def _check_most(path: Path, names: dict[str, tuple[str, ...]]) -> None:
    for column, most in _MOST.items():
        if len(names[column]) > most:
            raise InputError(
                f"{path}: column {column!r} has {len(names[column]):,} different values, {most} at most are compared; "
                "name another column so, or split the file"
            )


def _check_once(path: Path, scores: Scores, lines: Codes) -> None:
    key = (scores.text() * len(scores.names["aspect"]) + scores.aspect) * len(scores.names["rater"]) + scores.rater
    order = np.argsort(key, kind="stable")
    again = np.flatnonzero(np.diff(key[order]) == 0)
    if not len(again):
        return
    first = again[np.argmin(lines[order[again + 1]])]
    one, other = order[first], order[first + 1]
    columns = {"item": scores.item, "rater": scores.rater, "system": scores.system, "aspect": scores.aspect}
    what = ", ".join(f"{name} {scores.names[name][column[one]]!r}" for name, column in columns.items())
    raise InputError(f"{path}:{lines[other]}: {what} was scored in row {lines[one]} already; keep one of the rows")

"""Battles from a CSV file: who stood left, who stood right, and which of the two a rater preferred.

    left,right,winner                   names of two models; left, right or tie
    prompt,rater                        optional: what was asked, who judged
    left_length,right_length            optional: how long the answers were, in any one unit

Columns may stand in any order. Names are compared without the white space around them and in the Unicode normal form C,
so that one name written in two ways is one model; case counts, and no word stands for a missing name: Nan is one, too.
Other columns are not read, and said not to be.
"""

import csv
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assistant.errors import InputError

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

MOST_MODELS = 1_000
"""More are a wrong column: the pairs among them could not be told apart by any number of votes."""
_REQUIRED = ("left", "right", "winner")
_GROUPINGS = ("prompt", "rater")
_LENGTHS = ("left_length", "right_length")
_COLUMNS = (*_REQUIRED, *_GROUPINGS, *_LENGTHS)
_SCORES = {"left": 1.0, "tie": 0.5, "right": 0.0}
_MOST_SHOWN = 60


@dataclass(frozen=True, slots=True, eq=False)
class Battles:
    """Votes in their order, one at least of each model; `left`, `right` and groupings are numbers from 0, one a vote.

    `score` is the left side's: 1 won, 0.5 tie, 0 lost. `groupings` holds `prompt` and `rater` where the file has them;
    `lengths`, of shape (votes, 2), the lengths of the left and the right answer.
    """

    names: tuple[str, ...]
    left: Ints
    right: Ints
    score: Floats
    groupings: dict[str, Ints]
    lengths: Floats | None = None
    columns_not_read: tuple[str, ...] = ()


def read_battles(path: Path) -> Battles:
    """The votes of a file in UTF-8. Raises InputError, which names the line and the column."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = _rows(file, path)
            _, header = next(rows, (0, []))
            columns = _columns(header, path)
            table = _Table(path, len(header), columns)
            for line, cells in rows:
                table.add(line, cells)
    except OSError as fault:
        raise InputError(f"{path}: cannot be read ({fault.strerror}); name a CSV file of votes") from fault
    except UnicodeDecodeError as fault:
        raise InputError(f"{path}: not UTF-8 text ({fault.reason}); save the file as CSV in UTF-8") from fault
    unread = tuple(name.strip() for name in header if name.strip().casefold() not in _COLUMNS)
    return table.battles(unread)


def _rows(file: Iterator[str], path: Path) -> Iterator[tuple[int, list[str]]]:
    """The line that each row begins on and its cells; empty lines are passed over."""
    reader, line = csv.reader(file, strict=True), 1
    try:
        for cells in reader:
            if cells and (len(cells) > 1 or cells[0].strip()):
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as fault:
        raise InputError(f"{path}:{line}: not CSV ({fault}); separate by commas, quote names that hold one") from fault


def _columns(header: list[str], path: Path) -> dict[str, int]:
    """Where each of our columns stands."""
    if not header:
        raise InputError(f"{path}: the file is empty; its first line must be left,right,winner")
    names = [name.strip().casefold() for name in header]
    for name in _COLUMNS:
        if names.count(name) > 1:
            raise InputError(f"{path}:1: the column {name!r} stands {names.count(name)} times; keep one")
        if name in _REQUIRED and name not in names:
            held = _quoted(",".join(header))
            raise InputError(f"{path}:1: the column {name!r} is missing; left,right,winner are needed, there is {held}")
    one = [name for name in _LENGTHS if name in names]
    if len(one) == 1:
        raise InputError(f"{path}:1: the column {one[0]!r} stands alone; give both of {', '.join(_LENGTHS)}, or none")
    return {name: names.index(name) for name in _COLUMNS if name in names}


class _Table:
    """Rows as they come in; each is checked as it is added."""

    def __init__(self, path: Path, width: int, columns: dict[str, int]):
        self._path, self._width, self._columns = path, width, columns
        self._models: dict[str, int] = {}
        self._sides: list[int] = []
        self._scores: list[float] = []
        self._groups: dict[str, dict[str, int]] = {name: {} for name in _GROUPINGS if name in columns}
        self._members: dict[str, list[int]] = {name: [] for name in self._groups}
        self._lengths: list[float] = []

    def add(self, line: int, cells: list[str]) -> None:
        """One vote. Raises InputError and names the line."""
        place = f"{self._path}:{line}"
        if len(cells) != self._width:
            raise InputError(f"{place}: {len(cells)} cells where the first line has {self._width}; quote commas")
        left, right = (self._model(cells[self._columns[side]], side, place) for side in ("left", "right"))
        if left == right:
            name = _quoted(cells[self._columns["left"]].strip())
            raise InputError(f"{place}: columns 'left' and 'right' name the same model, {name}; it cannot beat itself")
        self._sides += left, right
        self._scores.append(_score(cells[self._columns["winner"]], place))
        for name, known in self._groups.items():
            value = _text(cells[self._columns[name]], name, place)
            self._members[name].append(known.setdefault(value, len(known)))
        if _LENGTHS[0] in self._columns:
            self._lengths += (_length(cells[self._columns[name]], name, place) for name in _LENGTHS)

    def _model(self, cell: str, column: str, place: str) -> int:
        name = _text(cell, column, place)
        number = self._models.setdefault(name, len(self._models))
        if number >= MOST_MODELS:
            raise InputError(f"{place}: column {column!r}: more than {MOST_MODELS:,} models; is it the right column?")
        return number

    def battles(self, columns_not_read: tuple[str, ...]) -> Battles:
        """What was added. Raises InputError without votes."""
        if not self._scores:
            raise InputError(f"{self._path}: no votes; below the first line there must be one vote a line")
        sides = np.array(self._sides, np.intp).reshape(-1, 2)
        return Battles(
            names=tuple(self._models),
            left=sides[:, 0].copy(),
            right=sides[:, 1].copy(),
            score=np.array(self._scores),
            groupings={name: np.array(members, np.intp) for name, members in self._members.items()},
            lengths=np.array(self._lengths).reshape(-1, 2) if self._lengths else None,
            columns_not_read=columns_not_read,
        )


def _text(cell: str, column: str, place: str) -> str:
    text = cell.strip()
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    if not text:
        raise InputError(f"{place}: column {column!r} is empty; every vote needs one")
    return text


def _score(cell: str, place: str) -> float:
    score = _SCORES.get(cell.strip().casefold())
    if score is None:
        raise InputError(f"{place}: column 'winner' is {_quoted(cell)}; write left, right or tie")
    return score


def _length(cell: str, column: str, place: str) -> float:
    try:
        length = float(cell)
    except ValueError:
        length = np.nan
    if not 0 <= length < np.inf:
        raise InputError(f"{place}: column {column!r} is {_quoted(cell)}; a length is a number from 0")
    return length


def _quoted(text: str) -> str:
    return repr(text if len(text) <= _MOST_SHOWN else text[:_MOST_SHOWN] + "…")

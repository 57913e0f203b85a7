"""Rows of a CSV file with named columns: UTF-8, separated by commas, a name that holds one in double quotes.

A byte order mark, space around names and values, and empty lines do not count. Every error names the file and the line.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from assistant.errors import InputError


@dataclass(frozen=True, slots=True)
class CsvTable:
    """An open table: the names of its `columns`, and each of its `rows` with the line on which it begins."""

    path: Path
    columns: tuple[str, ...]
    rows: Iterator[tuple[int, list[str]]]

    def find(self, names: Sequence[str]) -> list[int]:
        """Where the columns of these names stand; InputError for the first that is not there."""
        for name in names:
            if name not in self.columns:
                has = ", ".join(map(repr, self.columns))
                raise InputError(
                    f"{self.path}:1: no column {name!r}, only {has}; the first row must name {_csv(names)}"
                )
        return [self.columns.index(name) for name in names]

    def place(self, line: int, column: int) -> str:
        """A cell, as an error names it."""
        return f"{self.path}:{line}: column {self.columns[column]!r}"


def read_table(path: Path, first_row: str) -> CsvTable:
    """Open a table; `first_row` says in errors what its first row is to be. Raises InputError, the rows do too."""
    rows = _records(path)
    _, columns = next(rows, (0, None))
    if columns is None:
        raise InputError(f"{path}: the file is empty; its first row must be {first_row}")
    for number, name in enumerate(columns, start=1):
        if not name:
            raise InputError(f"{path}:1: column {number} has no name; the first row must be {first_row}")
        if name in columns[: number - 1]:
            raise InputError(f"{path}:1: two columns are called {name!r}; the first row must be {first_row}")
    return CsvTable(path, tuple(columns), _even(path, columns, rows))


def _even(path: Path, columns: list[str], rows: Iterator[tuple[int, list[str]]]) -> Iterator[tuple[int, list[str]]]:
    for line, row in rows:
        if len(row) != len(columns):
            raise InputError(
                f"{path}:{line}: {len(row)} values where {len(columns)} belong ({_csv(columns)}); "
                "put a name with a comma in double quotes"
            )
        yield line, row


def _records(path: Path) -> Iterator[tuple[int, list[str]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from _parsed(path, file)
    except OSError as fault:
        raise InputError(f"{path}: cannot be read ({fault.strerror}); name a CSV file") from fault
    except UnicodeDecodeError as fault:
        raise InputError(f"{path}: not a text in UTF-8 ({fault.reason}); save it as CSV in UTF-8") from fault


def _parsed(path: Path, file: IO[str]) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(file, strict=True)
    line = 1
    try:
        for row in reader:
            values = [value.strip() for value in row]
            if any(values):
                yield line, values
            line = reader.line_num + 1
    except csv.Error as fault:
        raise InputError(f"{path}:{line}: not CSV: {fault}") from fault


def _csv(names: Sequence[str]) -> str:
    return ",".join(names)

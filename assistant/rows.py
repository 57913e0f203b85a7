"""Rows of data: JSON lines from files, folders or standard input, plain, gzip or xz; each knows its place."""

import gzip
import json
import lzma
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO, Any

from assistant.errors import InputError

STANDARD_INPUT = "-"
_ENDINGS = (".jsonl", ".jsonl.gz", ".jsonl.xz")
_TEXT_ENDINGS = (".txt", ".txt.gz", ".txt.xz")
_UNREADABLE = (OSError, EOFError, zlib.error, lzma.LZMAError, UnicodeDecodeError)


@dataclass(frozen=True, slots=True)
class Row:
    """One JSON object and where it stands."""

    values: dict[str, Any]
    path: Path
    line: int

    @property
    def place(self) -> str:
        """File and line, as an error names them."""
        return _place(self.path, self.line)

    def text(self, key: str) -> str:
        """The non-empty string under `key`."""
        value = self.values.get(key)
        if not isinstance(value, str) or not value.strip():
            raise InputError(f"{self.place}: {key!r} must be a text that is not empty")
        return value

    def texts(self, key: str) -> list[str]:
        """The list of strings under `key`."""
        value = self.values.get(key)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise InputError(f"{self.place}: {key!r} must be a list of texts")
        return value

    def flag(self, key: str) -> bool:
        """The truth value under `key`, which has to be there: left out, it would pass for false."""
        value = self.values.get(key)
        if not isinstance(value, bool):
            raise InputError(f"{self.place}: {key!r} must be true or false")
        return value


def data_files(paths: Sequence[str], setting: str = "data.paths", *, text: bool = False) -> list[Path]:
    """The files that `paths` name, folders expanded, in a stable order; a refusal names their `setting`.

    With `text` plain texts are files of a folder too.
    """
    endings = (*_ENDINGS, *_TEXT_ENDINGS) if text else _ENDINGS
    found = [file for path in map(Path, paths) for file in _expanded(path, setting, endings)]
    if not found:
        raise InputError(f"{setting}: no {', '.join(endings)} file in {', '.join(paths) or 'an empty list'}")
    return found


def is_plain_text(path: Path) -> bool:
    """Whether a file is a text by its name, one document, no rows."""
    return path.name.lower().endswith(_TEXT_ENDINGS)


def _expanded(path: Path, setting: str, endings: tuple[str, ...]) -> list[Path]:
    if str(path) == STANDARD_INPUT:
        return [path]
    try:
        if path.is_dir():
            return sorted(p for p in path.iterdir() if p.name.endswith(endings))
        if path.is_file():
            return [path]
    except OSError as fault:
        raise InputError(f"{setting}: {path} cannot be read ({fault.strerror})") from fault
    raise InputError(f"{setting}: {path} does not exist")


def read_rows(path: Path, bad: Callable[[InputError], None] | None = None) -> Iterator[Row]:
    """The rows of one file, in order. A line that is no row is refused, or told to `bad` and passed over."""
    try:
        with _open(path) as lines:
            yield from _rows(lines, path, bad)
    except _UNREADABLE as fault:
        raise InputError(f"{path}: cannot be read as JSON lines: {fault}") from fault


def read_texts(path: Path, bad: Callable[[InputError], None] | None = None) -> Iterator[Row]:
    """Rows of `text` of one file: of a plain text one, which is the whole of it, else those that `read_rows` reads.

    The standard input is a plain text where it does not begin as JSON does, with a brace.
    """
    if str(path) != STANDARD_INPUT and not is_plain_text(path):
        yield from read_rows(path, bad)
        return
    try:
        with _open(path) as lines:
            first = next((line for line in lines if line.strip()), "")
            if str(path) == STANDARD_INPUT and first.lstrip("\ufeff \t").startswith("{"):
                yield from _rows(chain([first.removeprefix("\ufeff")], lines), path, bad)
            else:
                yield Row({"text": first.removeprefix("\ufeff") + lines.read()}, path, 1)
    except _UNREADABLE as fault:
        raise InputError(f"{path}: cannot be read as text in UTF-8: {fault}") from fault


def _rows(lines: Iterable[str], path: Path, bad: Callable[[InputError], None] | None) -> Iterator[Row]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield Row(_parse(line, path, number), path, number)
        except InputError as fault:
            if bad is None:
                raise
            bad(fault)


def _parse(line: str, path: Path, number: int) -> dict[str, Any]:
    try:
        values = json.loads(line)
    except json.JSONDecodeError as fault:
        raise InputError(f"{_place(path, number)}: not JSON: {fault.msg}") from fault
    except RecursionError as fault:
        raise InputError(f"{_place(path, number)}: not a row: nested too deeply") from fault
    if not isinstance(values, dict):
        raise InputError(f"{_place(path, number)}: a row must be a JSON object")
    if "\\u" in line and not _is_text(values):
        raise InputError(f"{_place(path, number)}: holds half of a character (a lone surrogate)")
    return values


def _is_text(values: dict[str, Any]) -> bool:
    r"""Whether all of it can be written as UTF-8, as tokenizers and indexes must: JSON's `\ud83d` alone cannot."""
    try:
        json.dumps(values, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def file_name(path: Path) -> str:
    """The name of a file of rows as a person knows it."""
    return "the standard input" if str(path) == STANDARD_INPUT else path.name


def _place(path: Path, line: int) -> str:
    return f"{'standard input' if str(path) == STANDARD_INPUT else path}:{line}"


def _open(path: Path) -> IO[str]:
    if str(path) == STANDARD_INPUT:
        return open(sys.stdin.fileno(), encoding="utf-8", closefd=False)
    if path.suffix == ".xz":
        return lzma.open(path, "rt", encoding="utf-8")
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8")
    return path.open(encoding="utf-8")

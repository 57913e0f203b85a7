"""Rows of data: JSON lines from files or folders, plain, gzip or xz; a bad row is named by file and line."""

import gzip
import json
import lzma
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from assistant.errors import InputError

_ENDINGS = (".jsonl", ".jsonl.gz", ".jsonl.xz")


@dataclass(frozen=True, slots=True)
class Row:
    """One JSON object and where it stands."""

    values: dict[str, Any]
    path: Path
    line: int

    def text(self, key: str) -> str:
        """The non-empty string under `key`."""
        value = self.values.get(key)
        if not isinstance(value, str) or not value.strip():
            raise InputError(f"{self.path}:{self.line}: {key!r} must be a text that is not empty")
        return value

    def texts(self, key: str) -> list[str]:
        """The list of strings under `key`."""
        value = self.values.get(key)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise InputError(f"{self.path}:{self.line}: {key!r} must be a list of texts")
        return value

    def flag(self, key: str) -> bool:
        """The truth value under `key`, which has to be there: left out, it would pass for false."""
        value = self.values.get(key)
        if not isinstance(value, bool):
            raise InputError(f"{self.path}:{self.line}: {key!r} must be true or false")
        return value


def data_files(paths: Sequence[str], setting: str = "data.paths") -> list[Path]:
    """The files that `paths` name, folders expanded, in a stable order; a refusal names their `setting`."""
    found = [file for path in map(Path, paths) for file in _expanded(path, setting)]
    if not found:
        raise InputError(f"{setting}: no {', '.join(_ENDINGS)} file in {', '.join(paths) or 'an empty list'}")
    return found


def _expanded(path: Path, setting: str) -> list[Path]:
    try:
        if path.is_dir():
            return sorted(p for p in path.iterdir() if p.name.endswith(_ENDINGS))
        if path.is_file():
            return [path]
    except OSError as fault:
        raise InputError(f"{setting}: {path} cannot be read ({fault.strerror})") from fault
    raise InputError(f"{setting}: {path} does not exist")


def read_rows(path: Path) -> Iterator[Row]:
    """The rows of one file, in order."""
    try:
        with _open(path) as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield Row(_parse(line, path, number), path, number)
    except (OSError, EOFError, zlib.error, lzma.LZMAError, UnicodeDecodeError) as fault:
        raise InputError(f"{path}: cannot be read as JSON lines: {fault}") from fault


def _parse(line: str, path: Path, number: int) -> dict[str, Any]:
    try:
        values = json.loads(line)
    except json.JSONDecodeError as fault:
        raise InputError(f"{path}:{number}: not JSON: {fault.msg}") from fault
    if not isinstance(values, dict):
        raise InputError(f"{path}:{number}: a row must be a JSON object")
    return values


def _open(path: Path) -> IO[str]:
    if path.suffix == ".xz":
        return lzma.open(path, "rt", encoding="utf-8")
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8")
    return path.open(encoding="utf-8")

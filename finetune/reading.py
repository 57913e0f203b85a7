"""The rows of a recipe: read, told apart by their keys, the bad ones named and counted, duplicates left out."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence, Sized
from pathlib import Path
from typing import Any

from assistant.errors import InputError
from assistant.rows import Row, data_files, file_name, is_plain_text, read_rows, read_texts
from finetune.config import TEXT_KINDS, require
from finetune.progress import progress, say

_KEYS: Mapping[str, frozenset[str]] = {
    "messages": frozenset({"messages"}),
    "instruction": frozenset({"instruction", "solution"}),
    "preference": frozenset({"prompt", "chosen", "rejected"}),
    "grounded": frozenset({"context", "question", "answers", "answerable"}),
    "sources": frozenset({"sources", "question"}),
    "label": frozenset({"text", "label"}),
    "text": frozenset({"text"}),
}
"""The kinds of row by the keys that each must have; the first that fits is meant."""
_TAKES: Mapping[str, tuple[str, ...]] = {
    "pretrain": ("text", "label"),  # a labelled text is a text
    "domain": ("text", "label"),
    "instruct": ("messages", "instruction", "grounded", "sources"),
    "classify": ("label",),
    "preference": ("preference",),
}
_MOST_NAMED = 20
_TWICE = "left out: the same row again"


class Tally:
    """Counts of what became of the rows; the first bad ones are named on the standard error as they come.

    Of several processes, which all read the same rows, only the first names them.
    """

    def __init__(self, say: Callable[[str], None] = say):
        self.counts: Counter[str] = Counter()
        self.first_bad: InputError | None = None
        self._say = say

    def bad(self, fault: InputError) -> None:
        """Name and count a row that cannot be used."""
        self.first_bad = self.first_bad or fault
        self.counts["bad rows"] += 1
        if self.counts["bad rows"] <= _MOST_NAMED:
            self._say(f"left out: {fault}")
        elif self.counts["bad rows"] == _MOST_NAMED + 1:
            self._say("further bad rows are counted, not named")

    def require_some(self, found: Sized, paths: Sequence[str]) -> None:
        """Refuse an input of which nothing could be used, with the first reason."""
        if not len(found):
            reason = f": {self.first_bad}" if self.first_bad else ""
            raise InputError(f"data.paths: no row of {', '.join(paths)} can be used{reason}")


def rows_for(kind: str, paths: Sequence[str], tally: Tally) -> Iterator[Row]:
    """The rows of all files that a recipe of `kind` takes, each once.

    A row of another kind is refused, not skipped: the recipe or the file is the wrong one.
    """
    for rows in files_for(kind, paths, tally):
        yield from rows


def files_for(kind: str, paths: Sequence[str], tally: Tally) -> Iterator[Iterator[Row]]:
    """The same, the rows of each file apart; they are read as they are asked for."""
    seen: set[bytes] = set()
    is_text = kind in TEXT_KINDS
    for path in data_files(paths, text=is_text):
        require(
            is_text or not is_plain_text(path),
            f"data.paths: {path} is plain text, which only recipes of the kind {' and '.join(TEXT_KINDS)} take; "
            f"name JSON lines for one of the kind {kind}",
        )
        yield _rows_of(path, kind, tally, seen)


def _rows_of(path: Path, kind: str, tally: Tally, seen: set[bytes]) -> Iterator[Row]:
    with progress(f"reading {file_name(path)}", "rows") as counted:
        for row in counted((read_texts if kind in TEXT_KINDS else read_rows)(path, tally.bad)):
            same = _fingerprint(row)
            if same in seen:
                tally.counts[_TWICE] += 1
            elif _taken(kind, row, tally):
                seen.add(same)
                yield row


def _fingerprint(row: Row) -> bytes:
    """A hash of what the row says."""
    said = json.dumps(row.values, sort_keys=True, ensure_ascii=False).encode()
    return hashlib.blake2b(said, digest_size=16).digest()


def row_kind(values: Mapping[str, Any]) -> str | None:
    """What kind of row has these keys; None for none that is known."""
    return next((name for name, keys in _KEYS.items() if keys <= values.keys()), None)


def _taken(kind: str, row: Row, tally: Tally) -> bool:
    takes = _TAKES.get(kind)
    if takes is None:  # a task's template names the fields that it needs
        return True
    found = row_kind(row.values)
    if found is None:
        tally.bad(InputError(f"{row.place}: no known kind of row; its keys are {', '.join(row.values) or 'none'}"))
    elif found not in takes:
        known = ", ".join(takes)
        raise InputError(f"data.paths: {row.place}: a row of the kind {found}; recipes of the kind {kind} take {known}")
    return found is not None

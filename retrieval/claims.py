"""The names that the files of one call came to, so that none silently takes the place of another."""

import filecmp
import os
from dataclasses import dataclass, field
from pathlib import Path

from retrieval.files import Source
from retrieval.plaintext import clean_name


@dataclass(slots=True)
class Claims:
    """From which file each name was taken in."""

    files: dict[str, Path] = field(default_factory=dict)

    def claim(self, name: str, source: Source) -> None:
        """Remembers that a name stands for what is in a file from now on."""
        self.files.setdefault(name, source.path)

    def against(self, name: str, source: Source) -> str | None:
        """Why this file may not have a name, if another has it: in a sentence for the person who gave both."""
        first = self.files.get(name)
        return None if first is None or first == source.path else _clash(first, source.path, name)

    def against_file(self, source: Source) -> str | None:
        """As `against`, for a file under its own name; one with the same bytes may have it."""
        reason = self.against(source.name, source)
        return reason if reason and not _is_same(self.files[source.name], source.path) else None


def _is_same(first: Path, second: Path) -> bool:
    """Whether two files have the same bytes; where the second cannot be read, reading it will say so."""
    try:
        with second.open("rb"):
            pass
    except (OSError, ValueError):
        return True
    try:
        return filecmp.cmp(first, second, shallow=False)
    except OSError:
        return False


def _clash(first: Path, second: Path, name: str) -> str:
    common = Path(os.path.commonpath([os.path.abspath(first), os.path.abspath(second)]))
    inner = {clean_name(os.path.relpath(path, common)) for path in (first, second)}
    if len(inner) == 1:
        remedy = "rename one of the two"
    elif common == Path(common.anchor):
        remedy = "ingest the second with another --collection"
    else:
        remedy = f"ingest the folder that holds both, {common}, or the second with another --collection"
    return f"{first} and {second} both come to the name {name}, and only the first was taken in; {remedy}."

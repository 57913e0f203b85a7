"""Which files an ingest is about: folders expanded, names given."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from retrieval.plaintext import clean_name


@dataclass(frozen=True, slots=True)
class Source:
    """A file to add, and the name that its document gets."""

    path: Path
    name: str


def expand(paths: Iterable[Path | str]) -> list[Source]:
    """The files meant by `paths`: folders with all below them except hidden ones and linked folders, sorted.

    A document is called like its file. Where files of one call share a name, those below a folder carry the path from
    that folder, so that none silently takes the other's place. A path that does not exist stays in the list.
    """
    found: list[tuple[Path, str]] = []
    for path in map(Path, paths):
        if path.is_dir():
            found.extend((file, file.relative_to(path).as_posix()) for file in _files_below(path))
        else:
            found.append((path, path.name))
    counts: dict[str, int] = {}
    for path, _ in found:
        counts[path.name] = counts.get(path.name, 0) + 1
    return [Source(path, clean_name(path.name if counts[path.name] == 1 else below)) for path, below in found]


def _files_below(folder: Path) -> list[Path]:
    files: list[Path] = []
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        files.extend(Path(parent, name) for name in names if not name.startswith("."))
    return sorted(files)

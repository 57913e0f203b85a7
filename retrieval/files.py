"""Which files an ingest is about: folders expanded, names given."""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from retrieval.names import distinct
from retrieval.plaintext import clean_name


@dataclass(frozen=True, slots=True)
class Source:
    """A file to add, and the name that its document gets.

    `bare` is the name without the path, by which earlier versions of the program called some files of folders; it is
    empty where that may be a file of its own. `archive` is the name of the file of which this one was a member.
    """

    path: Path
    name: str
    bare: str = ""
    archive: str = ""


@dataclass(frozen=True, slots=True)
class _Found:
    """A file with the parts of its absolute path; the last `inside` of them lead from the folder given to the file."""

    path: Path
    parts: tuple[str, ...]
    inside: int

    def name(self, length: int) -> str:
        """The last `length` parts as the name of a document."""
        return clean_name("/".join(self.parts[-length:]))

    def place(self) -> tuple[tuple[str, ...], str]:
        """Its folder, and its name in it."""
        return self.parts[:-1], self.name(1)


def expand(paths: Iterable[Path | str]) -> list[Source]:
    """The files meant by `paths`: folders with all below them except hidden ones and linked folders, sorted.

    A file of a folder is called by its path in the folder that was given, whatever else lies there, and a file that was
    given itself by its own name. Where files that were given apart would share a name, as "r.txt" of two folders, they
    carry as many folders above as tell them apart, then a number, so that none silently takes the other's place. A file
    given twice is meant once. A path that does not exist stays in the list.

    Earlier versions of the program left out the path where no other file of the same call had the name. A document that
    is called so, and has the bytes of a file of a folder, is renamed to the path rather than doubled; one whose file
    changed since then stays until it is removed: nothing tells that it is the same.
    """
    found: dict[str, _Found] = {}
    for path in map(Path, paths):
        files = _files_below(path) if path.is_dir() else [path]
        for file in files:
            inside = len(file.relative_to(path).parts) or 1
            found.setdefault(_identity(file), _Found(file, _parts(file), inside))
    files_found = list(found.values())
    names = distinct(_told_apart(files_found))
    taken = set(names)
    bare = [file.name(1) for file in files_found]
    return [
        Source(file.path, name, "" if short in taken else short)
        for file, name, short in zip(files_found, names, bare, strict=True)
    ]


def _told_apart(files: Sequence[_Found]) -> list[str]:
    """The shortest names that differ, as far as the files' folders can make them."""
    lengths = [file.inside for file in files]
    # Names that differ only in what is cleaned or cut off: in one folder, no folder tells them apart.
    alike = Counter(file.place() for file in files)
    longest = [len(file.parts) if alike[file.place()] == 1 else 1 for file in files]
    while True:
        names = [file.name(length) for file, length in zip(files, lengths, strict=True)]
        counts = Counter(names)
        wider = [
            length + 1 if counts[name] > 1 and length < most else length
            for name, length, most in zip(names, lengths, longest, strict=True)
        ]
        if wider == lengths:
            return names
        lengths = wider


def _identity(path: Path) -> str:
    """The same for all ways to write the path of one file. A link to a file is a file of its own: it has a name."""
    try:
        return os.path.join(os.path.realpath(path.parent), path.name)
    except (OSError, ValueError):
        return str(path)  # Not a possible path; reading it will say so.


def _parts(path: Path) -> tuple[str, ...]:
    try:
        absolute = Path(os.path.abspath(path))  # Links are not followed: their names are the ones that people gave.
    except (OSError, ValueError):
        absolute = path
    return absolute.relative_to(absolute.anchor).parts or (path.name,)


def _files_below(folder: Path) -> list[Path]:
    files: list[Path] = []
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        files.extend(Path(parent, name) for name in names if not name.startswith("."))
    return sorted(files)

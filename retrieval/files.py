"""Which files an ingest is about: folders expanded, names given."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

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


def expand(paths: Iterable[Path | str]) -> list[Source]:
    """The files meant by `paths`: folders with all below them except hidden ones and linked folders, sorted.

    A file of a folder is called by its path in the folder that was given, and a file that was given itself by its own
    name: whatever else lies there or was given. So two files may have one name (see `retrieval.claims`). A file that
    was given twice is meant once, or, where it has two names so, by both. A path that does not exist stays in the list.

    Earlier versions of the program left out the path where no other file of the same call had the name, or put the
    folder that was given before it where one had. A document that is called by less than the path, and has the bytes of
    a file of a folder, is renamed to the path rather than doubled; one whose file changed since then stays until it is
    removed: nothing tells that it is the same.
    """
    found: dict[tuple[str, str], Path] = {}
    for path in map(Path, paths):
        for file in _files_below(path) if path.is_dir() else [path]:
            found.setdefault((_identity(file), _name(file, path)), file)
    taken = {name for _, name in found}
    bare = {file: clean_name(file.name) for file in found.values()}
    return [Source(file, name, "" if bare[file] in taken else bare[file]) for (_, name), file in found.items()]


def _name(file: Path, given: Path) -> str:
    """The name of the document of a file that is, or is in, what was given."""
    inside = file.relative_to(given).parts
    return clean_name("/".join(inside) if inside else _absolute(file).name or file.name)


def _identity(path: Path) -> str:
    """The same for all ways to write the path of one file. A link to a file is a file of its own: it has a name."""
    try:
        return os.path.join(os.path.realpath(path.parent), path.name)
    except (OSError, ValueError):
        return str(path)  # Not a possible path; reading it will say so.


def _absolute(path: Path) -> Path:
    try:
        return Path(os.path.abspath(path))  # Links are not followed: their names are the ones that people gave.
    except (OSError, ValueError):
        return path


def _files_below(folder: Path) -> list[Path]:
    files: list[Path] = []
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        files.extend(Path(parent, name) for name in names if not name.startswith("."))
    return sorted(files)

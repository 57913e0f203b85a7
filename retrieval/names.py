"""What people call documents and collections: checks, and finding the one that is meant."""

import unicodedata
from collections.abc import Sequence
from difflib import get_close_matches
from itertools import count
from pathlib import PurePosixPath
from typing import TypeVar

from retrieval.errors import LibraryError
from retrieval.plaintext import NAME_LENGTH, clean, clean_name
from retrieval.types import Archive, Document, Job

_LONGEST_SUFFIX = 20

Found = TypeVar("Found", bound=Document | Job | Archive)


def checked_collection(name: str) -> str:
    """`name` in the one Unicode form that names have, if a collection can be called so. Raises LibraryError."""
    name = unicodedata.normalize("NFC", name)
    if not name.strip() or name != clean_name(name):
        raise LibraryError(
            f"{name!r} cannot name a collection; use 1 to {NAME_LENGTH} visible characters, no space at either end."
        )
    return name


def find(name_or_id: str, things: Sequence[Found]) -> Found:
    """The first of `things` with this id or name, else the document of which this is another name.

    Raises LibraryError where there is none, or it could be several.
    """
    for thing in things:
        if not isinstance(thing, Archive) and thing.id == name_or_id:
            return thing
    names = {name_or_id, clean_name(name_or_id)}
    named = [thing for thing in things if thing.name in names]
    named += [thing for thing in things if isinstance(thing, Document) and names.intersection(thing.aliases)]
    if not named:
        raise LibraryError(f"there is no document called {clean(name_or_id)}{_near(name_or_id, things)}")
    collections = sorted({thing.collection for thing in named})
    if len(collections) > 1:
        raise LibraryError(
            f"{name_or_id} is in several collections ({', '.join(collections)}); say which one is meant."
        )
    return named[0]


def distinct(names: Sequence[str]) -> list[str]:
    """`names`, each once: a name that came before gets a number, as in "report (2).pdf"."""
    taken, seen, found = set(names), set(), []
    for name in names:
        free = name
        if name in seen:
            free = next(other for number in count(2) if (other := _numbered(name, number)) not in taken)
            taken.add(free)
        seen.add(name)
        found.append(free)
    return found


def _numbered(name: str, number: int) -> str:
    suffix = PurePosixPath(name).suffix
    if len(suffix) > _LONGEST_SUFFIX:
        suffix = ""  # A sentence with a full stop in it.
    tail = f" ({number}){suffix}"
    return name.removesuffix(suffix)[: NAME_LENGTH - len(tail)] + tail


def _near(name: str, things: Sequence[Document | Job | Archive]) -> str:
    near = get_close_matches(name, {thing.name for thing in things}, n=3, cutoff=0.5)
    return f"; did you mean {' or '.join(near)}?" if near else "; list the documents to see their names."

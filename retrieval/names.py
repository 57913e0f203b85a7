"""What people call documents and collections: checks, and finding the one that is meant."""

from collections.abc import Sequence
from difflib import get_close_matches
from itertools import count
from pathlib import PurePosixPath

from retrieval.errors import LibraryError
from retrieval.plaintext import NAME_LENGTH, clean, clean_name
from retrieval.types import Document

_LONGEST_SUFFIX = 20


def checked_collection(name: str) -> str:
    """`name`, if a collection can be called so. Raises LibraryError."""
    if not name.strip() or name != clean_name(name):
        raise LibraryError(
            f"{name!r} cannot name a collection; use 1 to {NAME_LENGTH} visible characters, no space at either end."
        )
    return name


def find(name_or_id: str, documents: Sequence[Document]) -> Document:
    """The one of `documents` with this id or name. Raises LibraryError where there is none, or more than one."""
    for document in documents:
        if document.id == name_or_id:
            return document
    named = [document for document in documents if document.name in (name_or_id, clean_name(name_or_id))]
    if not named:
        raise LibraryError(f"there is no document called {clean(name_or_id)}{_near(name_or_id, documents)}")
    if len(named) > 1:
        collections = ", ".join(document.collection for document in named)
        raise LibraryError(f"{name_or_id} is in several collections ({collections}); say which one is meant.")
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


def _near(name: str, documents: Sequence[Document]) -> str:
    near = get_close_matches(name, {document.name for document in documents}, n=3, cutoff=0.5)
    return f"; did you mean {' or '.join(near)}?" if near else "; list the documents to see their names."

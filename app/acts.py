"""What the buttons of the list do with the library, each told in a sentence. All raise LibraryError."""

from collections.abc import Mapping
from typing import Any

from app.collection import chosen
from app.render import count
from retrieval.errors import LibraryError
from retrieval.library import Library
from retrieval.types import Archive, Document

Asked = Mapping[str, Any]
"""What the page sends: `act`, `id` of the row, and what else the act needs. Nothing in it is trusted."""


def act(library: Library, asked: Asked, collection: str) -> str:
    """Do what was asked for in the list of `collection`."""
    match asked.get("act"):
        case "cancel":
            return _cancel(library, _id(asked))
        case "retry":
            job = library.retry(_id(asked), password=str(asked.get("password") or "") or None)
            return f"{job.name} is tried again."
        case "dismiss":
            return f"Dismissed {library.forget(_id(asked)).name}."
        case "dismiss-all":
            return _dismiss_all(library, chosen(collection))
        case "move":
            document = library.move(found(library, asked).id, chosen(asked.get("to")))
            return f"Moved {_all_names(document)} to {document.collection}."
        case "delete":
            return _delete(library, found(library, asked))
    raise LibraryError("The page asks for something that the program does not know; reload it.")


def found(library: Library, asked: Asked) -> Document:
    """The document that is meant, if it is still listed."""
    document = library.document(_id(asked))
    if document is None or document.retired_at:
        raise LibraryError("That document was already deleted, or a newer version took its place.")
    return document


def _delete(library: Library, document: Document) -> str:
    removed = library.remove(document.id)
    if isinstance(removed, Archive):
        return f"Deleted {removed.name}: {count(len(removed.documents), 'document')} that came from it."
    return f"Deleted {_all_names(document)}."


def _all_names(document: Document) -> str:
    return " and ".join((document.name, *document.aliases))


def _cancel(library: Library, id_: str) -> str:
    job = library.cancel(id_)
    return f"Cancelled {job.name}." if job.state == "cancelled" else f"{job.name} is {job.state} already."


def _dismiss_all(library: Library, collection: str) -> str:
    ended = [job for job in library.jobs(collection) if job.ended]
    for job in ended:
        library.forget(job.id)
    return f"Dismissed {count(len(ended), 'upload')}."


def _id(asked: Asked) -> str:
    return str(asked.get("id", ""))

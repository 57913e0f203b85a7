"""What a file given to the library holds: itself, or, where it is an archive, its members under names of their own."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath, PurePosixPath

from retrieval import confined
from retrieval.archives import Refused, is_archive
from retrieval.errors import DocumentError
from retrieval.extract import read_file
from retrieval.files import Source
from retrieval.kinds import media_type
from retrieval.limits import Limits

__all__ = ["Content", "Refused", "contents", "contents_of"]


@dataclass(frozen=True, slots=True)
class Content:
    """The bytes of one document to be: the name that it gets, the path that tells its kind; the rest as in `Source`."""

    name: str
    path: PurePath
    data: bytes
    bare: str = ""
    archive: str = ""


def contents(
    source: Source, limits: Limits, *, password: str | None = None, cancel: threading.Event | None = None
) -> Iterator[Content | Refused]:
    """The documents in the file `source`, one at a time, and what could not be read, each with the reason.

    Unpacking goes on in a process of its own while the caller works. Raises Cancelled soon after `cancel` is set, and
    LibraryError where the process cannot be started.
    """
    try:
        data = read_file(source.path, limits)
    except DocumentError as error:
        yield Refused(source.name, str(error))
        return
    yield from contents_of(data, source, limits, password=password, cancel=cancel)


def contents_of(
    data: bytes, source: Source, limits: Limits, *, password: str | None = None, cancel: threading.Event | None = None
) -> Iterator[Content | Refused]:
    """As `contents`, for the bytes of a file that were read already."""
    kind = media_type(data, source.path)
    if kind is None or not is_archive(data, kind):
        yield Content(source.name, source.path, data, source.bare, source.archive)
        return
    for name, found in confined.unpack(data, kind, source.name, limits, password, cancel):
        if isinstance(found, str):
            yield Refused(name, found)
        else:
            yield Content(name, PurePosixPath(name), found, archive=source.archive or source.name)

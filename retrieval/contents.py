"""What a file given to the library holds: itself."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

from retrieval.errors import DocumentError
from retrieval.extract import Limits, read_file
from retrieval.files import Source


@dataclass(frozen=True, slots=True)
class Content:
    """The bytes of one document to be: the name that it gets, and the path that tells its kind."""

    name: str
    path: PurePath
    data: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """What was not read, and why, in one sentence."""

    name: str
    reason: str


def contents(
    source: Source,
    limits: Limits,
    *,
    password: str | None = None,  # noqa: ARG001 - archives take it
    cancel: threading.Event | None = None,  # noqa: ARG001
) -> Iterator[Content | Refused]:
    """The documents in the file `source`, one at a time, and what could not be read, each with the reason."""
    try:
        yield Content(source.name, source.path, read_file(Path(source.path), limits))
    except DocumentError as error:
        yield Refused(source.name, str(error))

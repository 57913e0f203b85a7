"""One file's way into the library: read, extract, cut, embed, put. The same for a call that waits and for the queue."""

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from retrieval.changes import Changes, Settle
from retrieval.chunk import passages
from retrieval.errors import Cancelled, DocumentError
from retrieval.extract import Limits, extract_data, read_file
from retrieval.known import Known
from retrieval.progress import Stage
from retrieval.store import New
from retrieval.types import IngestReport

Told = Callable[[Stage, float], None]


@dataclass(frozen=True, slots=True)
class Item:
    """A file to add: where it is, and the id, name and collection of its document. Setting `cancel` ends it."""

    id: str
    path: Path
    name: str
    collection: str
    password: str | None = None
    cancel: threading.Event = field(default_factory=threading.Event)


class Ingest:
    """Adds files to one library. Threads may share it."""

    def __init__(self, changes: Changes, known: Known, limits: Limits):
        self._changes = changes
        self._known = known
        self._limits = limits

    def __call__(self, item: Item, told: Told, settle: Settle | None = None) -> IngestReport:
        """Adds one file; `settle` is called with a report that the file is in, inside its transaction.

        Raises Cancelled where the item was, LibraryError where the library cannot be written. What is wrong with the
        file itself is a report.
        """

        def tell(stage: Stage, share: float) -> None:
            if item.cancel.is_set():
                raise Cancelled(f"{item.name} was cancelled.")
            told(stage, share)

        try:
            tell("extracting", 0.0)
            data = read_file(item.path, self._limits)
            digest = hashlib.sha256(data).hexdigest()
            if present := self._changes.present(item.name, digest, item.collection):
                return present
            extracted = extract_data(data, item.path, self._limits, password=item.password, cancel=item.cancel)
        except DocumentError as error:
            return IngestReport(item.name, "failed", str(error))
        cut = passages(extracted.text, extracted.pages)
        texts = [extracted.text[part.start : part.end] for part in cut]
        vectors, digests = self._known.vectors(texts, item.id, lambda share: tell("embedding", share))
        tell("storing", 0.0)
        size = len(data)
        new = New(item.id, item.name, item.collection, digest, size, extracted, cut, vectors, digests)
        return self._changes.put(new, settle)

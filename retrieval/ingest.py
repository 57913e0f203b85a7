"""One document's way into the library: extract, cut, embed, put. The same for a call that waits and for the queue."""

import hashlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from retrieval.changes import Changes, Settle
from retrieval.chunk import passages
from retrieval.claims import Claims
from retrieval.contents import Content, Refused, contents
from retrieval.context import embedding_text
from retrieval.departures import Departures
from retrieval.errors import Cancelled, DocumentError
from retrieval.extract import Limits, extract_data
from retrieval.files import Source
from retrieval.known import Known
from retrieval.progress import Stage
from retrieval.run import Row, Run
from retrieval.showing import Showing
from retrieval.store import New
from retrieval.types import LOCKED_ENDS, IngestReport

Told = Callable[[Stage, float], None]
Tellers = Callable[[str], Told]


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be added: to which collection, opened with which password. Setting `cancel` ends it."""

    collection: str
    password: str | None = None
    cancel: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True, slots=True)
class Held:
    """The names of what a file holds, and those of them that could not be read."""

    names: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)

    def add(self, content: Content | Refused) -> None:
        """Remembers a name."""
        self.names.add(content.name)
        if isinstance(content, Refused):
            self.refused.add(content.name)


class Ingest:
    """Adds files to one library. Threads may share it."""

    def __init__(self, changes: Changes, departures: Departures, showing: Showing, known: Known, limits: Limits):
        self._changes = changes
        self._departures = departures
        self._showing = showing
        self._known = known
        self._limits = limits

    def contents(self, source: Source, order: Order) -> Iterator[Content | Refused]:
        """The documents in a file: itself, or the members of an archive; and what is refused. Raises Cancelled."""
        yield from contents(source, self._limits, password=order.password, cancel=order.cancel)

    def take(
        self, run: Run, place: int, source: Source, password: str | None, tell: Tellers, claims: Claims
    ) -> Iterator[IngestReport]:
        """Adds the documents in the file at `place` of a run; `tell` gives whom to tell of the document of a name."""
        row = run.start(place)
        if clash := claims.against_file(source):
            yield IngestReport(source.name, "failed", clash)
            run.end(row, clash)
            return
        order = Order(run.collection, password, row.cancel)
        held = Held()
        failed = False
        try:
            for content in self.contents(source, order):
                own = row if content.name == source.name else run.start_member(row, content.name, _bytes(content))
                clash = claims.against(content.name, source)
                report = self._report(content, order, run, own, held, tell(content.name), clash)
                held.add(content)
                failed |= own is row and report.state == "failed"
                if report.state != "failed":
                    claims.claim(content.name, source)
                    claims.claim(source.name, source)
                yield report
            if not failed:
                self.leave(source.name, run.collection, held)
                self.retire_left()
        except Cancelled:
            yield IngestReport(source.name, "skipped", f"{source.name} was cancelled.")
        run.end(row)

    def told(self, refused: Refused, collection: str, held: Held) -> str:
        """Why something is refused, with a word on the version of before that stays."""
        if refused.name in held.names:
            return refused.reason  # It is there twice, and the first may have been taken in.
        return self._told(refused.name, refused.reason, collection)

    def leave(self, archive: str, collection: str, held: Held) -> None:
        """Says what an archive that was read to its end holds; what it held before is to go with `retire_left`."""
        if self._departures.is_archive(archive, collection):
            self._departures.leave(archive, collection, held.names, held.refused)

    def retire_left(self) -> None:
        """Retires what new versions of archives do not hold, once all that they hold was taken in."""
        self._departures.retire_left()

    def _told(self, name: str, reason: str, collection: str) -> str:
        stays = not reason.endswith(LOCKED_ENDS) and self._departures.is_member(name, collection)
        return f"{reason} Its earlier version stays." if stays else reason

    def _report(
        self, content: Content | Refused, order: Order, run: Run, row: Row, held: Held, told: Told, clash: str | None
    ) -> IngestReport:
        def both(stage: Stage, share: float) -> None:
            run.tell(row, stage, share)
            told(stage, share)

        if isinstance(content, Refused):
            report = IngestReport(content.name, "failed", self.told(content, order.collection, held))
        else:
            report = self.add(content, order, row.id, both, lambda _: run.settle(row), clash)
        run.end(row, report.reason if report.state == "failed" else None)
        return report

    def add(
        self,
        content: Content,
        order: Order,
        document_id: str,
        told: Told,
        settle: Settle | None = None,
        clash: str | None = None,
    ) -> IngestReport:
        """Adds one document; `settle` is called with a report that it is in, inside the transaction that stores it.

        Where its name stands for something else already, `clash` says so, and only the same bytes may have it.

        Raises Cancelled where the order was, LibraryError where the library cannot be written. What is wrong with the
        document itself is a report.
        """

        def tell(stage: Stage, share: float) -> None:
            if order.cancel.is_set():
                raise Cancelled(f"{content.name} was cancelled.")
            told(stage, share)

        tell("extracting", 0.0)
        digest = hashlib.sha256(content.data).hexdigest()
        if present := self._changes.present(content.name, digest, order.collection, content.bare, content.archive):
            return present
        if clash:
            return IngestReport(content.name, "failed", clash)
        try:
            extracted = extract_data(
                content.data, content.path, self._limits, password=order.password, cancel=order.cancel
            )
        except DocumentError as error:
            return IngestReport(content.name, "failed", self._told(content.name, str(error), order.collection))
        cut = passages(extracted.text, extracted.pages, extracted.headings)
        texts = [embedding_text(part.heading, extracted.text[part.start : part.end]) for part in cut]
        vectors, digests = self._known.vectors(texts, document_id, lambda share: tell("embedding", share))
        tell("storing", 0.0)
        size = len(content.data)
        place = document_id, content.name, order.collection
        new = New(*place, digest, size, extracted, cut, vectors, digests, content.archive)
        return self._changes.put(new, settle)

    def flush(self) -> None:
        """Shows all that was added to searches by keyword. Raises LibraryError."""
        self._showing.flush()


def _bytes(content: Content | Refused) -> int:
    return 0 if isinstance(content, Refused) else len(content.data)

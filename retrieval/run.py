"""The files of one call that takes them in by itself, as rows beside those of the queue, so that all programs see them.

All rows are written when the call begins. What becomes of them is written now and then, by a thread: small files need
no commit of their own. Until a row is deleted whose document, of the same id, is stored, it is passed over (see
`retrieval.jobs`), so that the two cannot disagree. In the end only what failed is left, until the file is taken in
again, or dismissed.

A row has an owner (see `retrieval.owners`): where that ended, its files have failed, and `bury` says so. Any program
may cancel a row, as it may those of the queue.

Locks: a transaction first, then that of the run.
"""

import threading
import uuid
from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from retrieval.errors import Cancelled, LibraryError
from retrieval.files import Source
from retrieval.jobs import Jobs
from retrieval.owners import Owners
from retrieval.progress import Stage
from retrieval.store import now
from retrieval.types import Job, JobState

_WRITE_SECONDS = 0.5
_ENDED = "The program that was taking it in ended before it was done; add the file again."


@dataclass(slots=True)
class Row:
    """One file on its way. `written` says that there is a row of it; setting `cancel` ends what is done with it."""

    name: str
    size: int
    cancel: threading.Event = field(default_factory=threading.Event)
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    state: JobState = "queued"
    share: float = 0.0
    written: bool = False
    ended: bool = False
    archive: str | None = None


class Runs:
    """Begins the runs of one library."""

    def __init__(self, jobs: Jobs, owners: Owners):
        self._jobs = jobs
        self._owners = owners

    def begin(self, sources: Sequence[Source], collection: str) -> "Run":
        """The run of these files; use it in a `with`."""
        return Run(self._jobs, self._owners, sources, collection)

    def bury(self) -> None:
        """Has the files fail whose owner ended before they were done. Raises LibraryError where it cannot write."""
        for owner in self._jobs.owners():
            if not self._owners.is_alive(owner):
                self._jobs.fail_of(owner, _ENDED)

    def clean(self) -> None:
        """Forgets the owners that have ended."""
        self._owners.clean()


class Run:
    """One call's files in their order: `start` one, `tell` how far it is, `settle` or `end` it.

    The caller's methods write nothing, but for `settle`, which is called inside a transaction.
    """

    def __init__(self, jobs: Jobs, owners: Owners, sources: Sequence[Source], collection: str):
        self.collection = collection
        self._jobs = jobs
        self._token: AbstractContextManager[str] = owners.one()
        self._owner = ""
        self._rows = [Row(source.name, _size(source)) for source in sources]
        self._current: list[Row] = []
        self._ended: list[tuple[Row, str | None]] = []
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._keep_writing, name="states", daemon=True)

    def __enter__(self) -> Self:
        self._owner = self._token.__enter__()
        try:
            self._jobs.begin(self._owner, self.collection, [(row.id, row.name, row.size) for row in self._rows])
            self._thread.start()
        except BaseException:
            self._token.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()
        try:
            if kind is None:
                self._write()
            else:
                self._leave(fault)
        finally:
            self._token.__exit__(None, None, None)

    def start(self, place: int) -> Row:
        """The file at this place, from now on `extracting`. One that was cancelled has its `cancel` set."""
        row = self._rows[place]
        row.written = True
        if not self._jobs.is_unfinished(row.id):
            row.cancel.set()
        return self._started(row, [])

    def start_member(self, archive: Row, name: str, size: int) -> Row:
        """A file in the archive that was started; it is cancelled with the archive."""
        return self._started(Row(name, size, archive.cancel, archive=archive.name), [archive])

    def tell(self, row: Row, stage: Stage, share: float) -> None:
        """How far a file is."""
        with self._lock:
            row.state = "extracting" if stage == "extracting" else "embedding"
            row.share = 1.0 if stage == "storing" else share

    def settle(self, row: Row) -> None:
        """Call it inside the transaction that stores the document. Raises Cancelled where somebody ended the file."""
        if row.written and not self._jobs.is_unfinished(row.id):
            raise Cancelled(f"{row.name} was cancelled.")

    def end(self, row: Row, reason: str | None = None) -> None:
        """Ends a file: it failed for the `reason`, else it needs no row any more."""
        with self._lock:
            if not row.ended:
                row.ended = True
                self._current = [other for other in self._current if other is not row]
                self._ended.append((row, reason))

    def _started(self, row: Row, above: list[Row]) -> Row:
        with self._lock:
            row.state = "extracting"
            self._current = [*above, row]
        return row

    def _keep_writing(self) -> None:
        while not self._done.wait(_WRITE_SECONDS):
            with suppress(LibraryError):  # It is tried again in a moment, and told in the end.
                self._write()

    def _write(self) -> None:
        if not self._ended and not self._current:
            return
        with self._jobs.transaction():
            with self._lock:
                ended, current = list(self._ended), [(row, self._job(row)) for row in self._current]
            for row, reason in ended:
                self._jobs.end_of(self._job(row), reason, written=row.written)
            for row, job in current:
                if not self._jobs.show_of(job, written=row.written):
                    row.cancel.set()
                row.written = True
        with self._lock:
            del self._ended[: len(ended)]

    def _leave(self, fault: BaseException | None) -> None:
        """What was not done has failed; or, where a person stopped it, is not mentioned any more."""
        with suppress(LibraryError):  # It is buried when the library is next opened.
            self._write()
            if isinstance(fault, Exception):
                self._jobs.fail_of(self._owner, str(fault) if isinstance(fault, LibraryError) else _ENDED)
            else:
                self._jobs.drop_of(self._owner)

    def _job(self, row: Row) -> Job:
        times = now(), now()
        place = row.id, row.name, self.collection, row.size
        return Job(*place, row.state, row.share, None, None, *times, self._owner, row.archive)


def _size(source: Source) -> int:
    try:
        return source.path.stat().st_size
    except (OSError, ValueError):
        return 0  # Reading it will say what is wrong.

"""Files handed over to be added later: submitted, watched, cancelled, tried again, forgotten.

Passwords are kept in this process's memory alone. A job whose password is gone, because the program ended meanwhile or
another program works on it, fails and says so; it can be tried again with the password, given to the one that works.
"""

import io
import threading
import uuid
from pathlib import Path
from typing import BinaryIO

from retrieval.errors import Cancelled, LibraryError
from retrieval.extract import Limits, read_file
from retrieval.incoming import Incoming
from retrieval.ingest import Order
from retrieval.jobs import Jobs
from retrieval.known import Known
from retrieval.plaintext import clean_name
from retrieval.store import Store
from retrieval.types import LOCKED_ENDS, IngestReport, Job

Upload = bytes | Path | BinaryIO
"""What is submitted: bytes, the file at a path, or an open file, which is copied piece by piece."""


class Queue:
    """The jobs of one library with their bytes. Threads and processes may share it."""

    def __init__(self, store: Store, known: Known, folder: Path, limits: Limits):
        self.jobs = Jobs(store.database)
        self.arrived = threading.Event()
        self._store = store
        self._known = known
        self._incoming = Incoming(folder / "incoming")
        self._limits = limits
        self._passwords: dict[str, str] = {}
        self._cancels: dict[str, threading.Event] = {}
        self._incoming.clean(self.jobs.keeping_bytes)

    def submit(
        self, source: Upload, name: str, collection: str, password: str | None, archive: str | None = None
    ) -> Job:
        """Takes over the bytes of a file as a new job. Raises DocumentError for a file that is not taken in at all."""
        id_, name = uuid.uuid4().hex, clean_name(name)
        if password:
            self._passwords[id_] = password
        try:
            file = _opened(source, self._limits)
            with self._incoming.receiving():
                size = self._incoming.write(id_, name, file, self._limits.max_bytes)
                job = self.jobs.add(id_, name, collection, size, with_password=bool(password), archive=archive)
        except BaseException:
            self._passwords.pop(id_, None)
            raise
        self.arrived.set()
        return job

    def begin(self, job: Job) -> tuple[Path, Order]:
        """The file of a job and what to do with it, which ends when the job is cancelled. Raises LibraryError."""
        path = self._incoming.path(job.id)
        order = Order(job.collection, self._passwords.get(job.id))
        self._cancels[job.id] = order.cancel
        return path, order

    def holds(self, job: Job, data: bytes) -> bool:
        """Whether these are the bytes of a job that waits."""
        try:
            return len(data) == job.bytes and self._incoming.path(job.id).read_bytes() == data
        except (LibraryError, OSError):
            return False

    def refuse(self, name: str, reason: str, collection: str, archive: str) -> Job:
        """A job that has failed before it began, for a member of an archive."""
        with self._store.transaction():
            job = self.jobs.add(uuid.uuid4().hex, clean_name(name), collection, 0, archive=archive)
            self.jobs.fail(job.id, reason)
        return self.jobs.job(job.id)

    def cancel(self, id_: str) -> Job:
        """Ends a job in whatever state it is, and returns it as it is then: one that had ended stays as it was."""
        self.jobs.job(id_)
        with self._store.transaction():
            cancelled = self.jobs.cancel(id_)
            if cancelled:
                self._known.forget_work(id_)
        if cancelled:
            if event := self._cancels.get(id_):
                event.set()
            self._drop(id_)
        return self.jobs.job(id_)

    def retry(self, id_: str, password: str | None) -> Job:
        """Puts a failed job back into the queue. Raises LibraryError for another, and where its bytes are lost."""
        job = self.jobs.job(id_)
        if job.state == "failed":
            self._incoming.path(id_)
            if password:
                self._passwords[id_] = password
            if again := self.jobs.retry(id_, with_password=bool(password)):
                self.arrived.set()
                return again
        raise LibraryError(f"{job.name} is {job.state}; only an upload that failed can be tried again.")

    def forget(self, id_: str) -> Job:
        """Deletes what is kept of a job that ended without a document. Raises LibraryError for another."""
        job = self.jobs.job(id_)
        with self._store.transaction():
            forgotten = self.jobs.forget(id_)
            self._known.forget_work(id_)
        if not forgotten:
            remedy = "remove the document instead" if job.state == "ready" else "cancel it first"
            raise LibraryError(f"the upload of {job.name} is {job.state}; {remedy}.")
        self._drop(id_)
        return job

    def discard(self, id_: str) -> bool:
        """Ends a job and forgets it; False where it is a document by now, or was forgotten."""
        if self.jobs.find(id_) is None or self.cancel(id_).state == "ready":
            return False
        self.forget(id_)
        return True

    def reason(self, job: Job, reason: str) -> str:
        """Why a job failed; where it was for want of a password, and another program was given one, that it was."""
        if not reason.endswith(LOCKED_ENDS) or job.id in self._passwords or not self.jobs.had_password(job.id):
            return reason
        return (
            f"{reason.removesuffix(LOCKED_ENDS)}the password that came with it is known only to the server that it was "
            f"given to; to the one that works on the uploads, {LOCKED_ENDS}"
        )

    def settle(self, id_: str, report: IngestReport) -> None:
        """Ends a job with what became of it. Raises Cancelled where somebody ended it before."""
        if not self.jobs.settle(id_, report):
            raise Cancelled(f"{report.document} was cancelled.")

    def finish(self, id_: str) -> None:
        """Lets go of what a job that its worker is done with needs no more: all but the bytes of a failed one."""
        self._cancels.pop(id_, None)
        job = self.jobs.find(id_)
        if job is None or job.state in ("ready", "skipped", "cancelled"):
            with self._store.transaction():
                self._known.forget_work(id_)
            self._drop(id_)
        elif job.state == "failed":
            self._passwords.pop(id_, None)

    def _drop(self, id_: str) -> None:
        self._passwords.pop(id_, None)
        self._incoming.remove(id_)


def _opened(source: Upload, limits: Limits) -> BinaryIO:
    if isinstance(source, Path):
        source = read_file(source, limits)
    return io.BytesIO(source) if isinstance(source, bytes) else source

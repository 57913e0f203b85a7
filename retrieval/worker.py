"""The one worker of a library: a thread that takes jobs from the queue, in order, one at a time.

A file lock makes it the only one among all programs that have the library open. What a worker that was killed left
undone, the next one takes up.
"""

import fcntl
import logging
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from retrieval.contents import Content, Refused
from retrieval.errors import Cancelled, LibraryError, Occupied
from retrieval.files import Source
from retrieval.ingest import Ingest, Order, Told
from retrieval.jobs import Jobs
from retrieval.progress import Stage
from retrieval.queue import Queue
from retrieval.types import IngestReport, Job, JobState

WORKER_THREAD = "ingest"
_log = logging.getLogger(__name__)
_IDLE_SECONDS = 1.0
_LOOK_SECONDS = 0.5
_STOP_SECONDS = 5.0


class Worker:
    """Works on the queue of one library, from `start` or `stand_by` to `stop`, or once with `run_until_idle`."""

    def __init__(self, queue: Queue, ingest: Ingest, lock: Path):
        self._queue = queue
        self._ingest = ingest
        self._lock = lock
        self._stopping = threading.Event()
        self._order: Order | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begins in a thread of its own. Raises Occupied where another program's worker is at it."""
        try:
            lock = self._locked()
        except Occupied:
            time.sleep(_LOOK_SECONDS)  # It may only be one that asks `is_missing`.
            lock = self._locked()
        self._begin(lock)

    def stand_by(self) -> None:
        """Begins as soon as no other program's worker is at it."""
        self._begin(None)

    def stop(self) -> None:
        """Stops; the job at hand goes back into the queue, and what of it is done need not be done again.

        Native code, such as the loading of a model, cannot be stopped; after 5 seconds it is left to itself.
        """
        self._stopping.set()
        self._queue.arrived.set()
        if order := self._order:
            order.cancel.set()
        thread, self._thread = self._thread, None
        if thread:
            thread.join(_STOP_SECONDS)

    def is_missing(self) -> bool:
        """Whether no program works on the queue: what was being worked on then waits for one."""
        try:
            self._locked().close()
        except Occupied:
            return False
        return True

    def run_until_idle(self) -> None:
        """Works in the calling thread until no job is left. Raises LibraryError as `start` does."""
        with self._locked():
            self._queue.jobs.take_up()
            while self._next():
                pass
            self._show()

    def _begin(self, lock: BinaryIO | None) -> None:
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, args=[lock], name=WORKER_THREAD, daemon=True)
        self._thread.start()

    def _locked(self) -> BinaryIO:
        """The lock file, open and locked until it is closed."""
        file = self._lock.open("a+b")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            process = file.read(20).decode(errors="replace").strip()
            file.close()
            raise Occupied(process, self._lock.parent) from error
        file.truncate(0)
        file.write(str(os.getpid()).encode())
        file.flush()
        return file

    def _run(self, lock: BinaryIO | None) -> None:
        while lock is None:
            try:
                lock = self._locked()
            except Occupied:
                if self._stopping.wait(_IDLE_SECONDS):
                    return
        with lock:
            self._loop()

    def _loop(self) -> None:
        in_order = False  # Whether no job is left half done.
        said = ""
        while not self._stopping.is_set():
            busy = False
            try:
                if not in_order:
                    self._queue.jobs.take_up()
                in_order = False
                busy = self._next()
                if not busy:
                    self._show()
                in_order, said = True, ""
            except LibraryError as error:
                if (
                    str(error) != said and not self._stopping.is_set()
                ):  # It may be tried for hours before the disk has room again.
                    said = str(error)
                    _log.error("the uploads wait: %s", said)
            except Exception:  # A worker that ends would leave the uploads waiting for ever.
                _log.exception("the uploads cannot be worked on; trying again")
            if not busy:
                self._queue.arrived.wait(_IDLE_SECONDS)
                self._queue.arrived.clear()

    def _next(self) -> bool:
        job = self._queue.jobs.claim()
        if job:
            self._work(job)
            self._queue.finish(job.id)
        return job is not None

    def _show(self) -> None:
        try:
            self._ingest.flush()
        except LibraryError as error:
            _log.error("after uploads were stored: %s", error)

    def _work(self, job: Job) -> None:
        """Takes one job to its end. Raises LibraryError where the end cannot be written."""
        try:
            report = self._added(job)
        except Cancelled:
            report = None
        except LibraryError as error:
            report = IngestReport(job.name, "failed", str(error))
        except Exception:
            _log.exception("an upload could not be added")
            reason = f"a fault of the program kept {job.name} out; its trace is in the log. Try it again."
            report = IngestReport(job.name, "failed", reason)
        if report and report.reason:
            report = replace(report, reason=self._queue.reason(job, report.reason))
        if not report:
            self._queue.jobs.put_back(job.id)  # Only what was stopped: one that was cancelled has its end.
        elif not self._queue.jobs.settle(job.id, report) and report.state == "failed":
            _log.error("after an upload was stored: %s", report.reason)  # It is ready: that was settled with it.

    def _added(self, job: Job) -> IngestReport:
        path, order = self._queue.begin(job)
        self._order = order
        if self._stopping.is_set():
            order.cancel.set()
        try:
            with self._watched(job, order):
                own, report = self._unpacked(job, path, order)
                if own is None:
                    return report
                told = _shown(self._queue.jobs, job)
                return self._ingest.add(own, order, job.id, told, lambda made: self._queue.settle(job.id, made))
        finally:
            self._order = None

    def _unpacked(self, job: Job, path: Path, order: Order) -> tuple[Content | None, IngestReport]:
        """The document that the job's file is, if any; what else is in it comes into the queue by itself."""
        own, report, members = None, None, []
        # Those that a worker which was killed had brought into the queue already.
        others = [each for each in self._queue.jobs.not_ready(job.collection) if each.id != job.id and not each.owner]
        before = {_key(each): each for each in others}
        try:
            for content in self._ingest.contents(Source(path, job.name), order):
                if content.name != job.name:
                    members.append(self._member(job, content, order, before))
                elif isinstance(content, Refused):
                    report = IngestReport(job.name, "failed", content.reason)
                else:
                    own = content
        except Cancelled:
            for member in members:
                self._queue.discard(member.id)
            raise
        return own, report or IngestReport(job.name, "skipped", _of_archive(members))

    def _member(
        self, archive: Job, content: Content | Refused, order: Order, before: Mapping[tuple[str, object], Job]
    ) -> Job:
        if isinstance(content, Refused):
            content = replace(content, reason=self._queue.reason(archive, content.reason))
            known = before.get((content.name, content.reason))
            return known or self._queue.refuse(content, order.collection)
        known = before.get((content.name, len(content.data)))
        return known or self._queue.submit(content.data, content.name, order.collection, order.password)

    @contextmanager
    def _watched(self, job: Job, order: Order) -> Iterator[None]:
        """Sees that another process cancelled the job, while this one reads a long file."""
        done = threading.Event()

        def watch() -> None:
            while not done.wait(_LOOK_SECONDS):
                with suppress(LibraryError):  # It is asked again in a moment.
                    found = self._queue.jobs.find(job.id)
                    if found is None or found.ended:
                        order.cancel.set()

        thread = threading.Thread(target=watch, name="cancel", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()


def _key(job: Job) -> tuple[str, object]:
    """What tells the members of an archive apart: those that wait by their size, those that ended by the reason."""
    return job.name, job.reason if job.ended else job.bytes


def _of_archive(members: Sequence[Job]) -> str:
    """What became of an archive."""
    refused = sum(member.state == "failed" for member in members)
    taken = len(members) - refused
    if not refused:
        return f"It was unpacked; the files in it, {taken:,} in all, are taken in one by one."
    return f"It was unpacked: of its {len(members):,} files, {taken:,} taken in one by one, {refused:,} refused."


def _shown(jobs: Jobs, job: Job) -> Told:
    """Writes how far a job has come: each state at once, the shares of it now and then."""
    shown: JobState | None = None
    at = 0.0

    def tell(stage: Stage, share: float) -> None:
        nonlocal shown, at
        state: JobState = "extracting" if stage == "extracting" else "embedding"
        if state == shown and time.monotonic() - at < _LOOK_SECONDS:
            return
        if not jobs.advance(job.id, state, 1.0 if stage == "storing" else share):
            raise Cancelled(f"{job.name} was cancelled.")
        shown, at = state, time.monotonic()

    return tell

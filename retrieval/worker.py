"""The one worker of a library: a thread that takes jobs from the queue, in order, one at a time.

A file lock makes it the only one among all programs that have the library open. What a worker that was killed left
undone, the next one takes up.
"""

import fcntl
import logging
import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from retrieval.contents import Content, Refused
from retrieval.errors import Cancelled, LibraryError, Occupied
from retrieval.files import Source
from retrieval.ingest import Held, Ingest, Order, Told
from retrieval.jobs import Jobs
from retrieval.progress import Stage
from retrieval.queue import Queue
from retrieval.types import IngestReport, Job, JobState

WORKER_THREAD = "ingest"
_log = logging.getLogger(__name__)
_IDLE_SECONDS = 1.0
_LOOK_SECONDS = 0.5
_STOP_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class _Unpacked:
    """What was in the file of a job besides itself, as jobs; and the names of all that it holds."""

    members: list[Job] = field(default_factory=list)
    held: Held = field(default_factory=Held)


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
        self._ingest.retire_left()
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
        if report and report.state != "failed":
            self._queue.jobs.drop_failed(job.name, job.collection)
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
                own, report, unpacked = self._unpacked(job, path, order)
                if own is not None:
                    told = _shown(self._queue.jobs, job)
                    report = self._ingest.add(own, order, job.id, told, lambda made: self._queue.settle(job.id, made))
                if report.state != "failed" and job.archive is None:
                    self._replace(job, unpacked)
                return report
        finally:
            self._order = None

    def _unpacked(self, job: Job, path: Path, order: Order) -> tuple[Content | None, IngestReport, _Unpacked]:
        """The document that the job's file is, if any; what else is in it comes into the queue by itself."""
        own, report, unpacked = None, None, _Unpacked()
        before = self._others(job)
        source = Source(path, job.name, archive=job.archive or "")
        try:
            for content in self._ingest.contents(source, order):
                if content.name != job.name:
                    unpacked.members.append(self._member(job, content, order, before, unpacked.held))
                elif isinstance(content, Refused):
                    report = IngestReport(job.name, "failed", content.reason)
                else:
                    own = content
                unpacked.held.add(content)
        except Cancelled:
            for member in unpacked.members:
                self._queue.discard(member.id)
            raise
        return own, report or IngestReport(job.name, "skipped", _of_archive(unpacked.members)), unpacked

    def _others(self, job: Job) -> list[Job]:
        """Those that a worker which was killed had brought into the queue already, and others."""
        return [each for each in self._queue.jobs.not_ready(job.collection) if each.id != job.id and not each.owner]

    def _member(self, archive: Job, content: Content | Refused, order: Order, before: Sequence[Job], held: Held) -> Job:
        alike = [job for job in before if job.name == content.name]
        within = archive.archive or archive.name
        if isinstance(content, Refused):
            reason = self._queue.reason(archive, self._ingest.told(content, order.collection, held))
            known = [job for job in alike if job.ended and job.reason == reason]
            return known[0] if known else self._queue.refuse(content.name, reason, order.collection, within)
        known = [job for job in alike if not job.ended and self._queue.holds(job, content.data)]
        if known:
            return known[0]
        return self._queue.submit(content.data, content.name, order.collection, order.password, within)

    def _replace(self, archive: Job, unpacked: _Unpacked) -> None:
        """Has go what came from an earlier version of an archive, or waits to come from it, and is in it no more."""
        self._ingest.leave(archive.name, archive.collection, unpacked.held)
        new = {member.id for member in unpacked.members}
        for job in self._others(archive):
            if job.archive == archive.name and not job.ended and job.id not in new:
                self._queue.discard(job.id)

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

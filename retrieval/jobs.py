"""The files on their way into the library, as rows in SQLite: what each is doing, and in which order they are done.

    queued -> extracting -> embedding -> ready | skipped | failed | cancelled

A row outlives the process that works on it. `ready` is written in the transaction that stores the document, so the two
cannot disagree; the row goes when the document does.
"""

from collections.abc import Sequence
from datetime import timedelta

from retrieval.database import Database
from retrieval.errors import LibraryError
from retrieval.store import ago, now
from retrieval.types import UNFINISHED, WORKING, IngestReport, Job, JobState

_COLUMNS = "id, name, collection, bytes, state, share, reason, document_id, submitted_at, changed_at"
_MOST_TRIES = 3
_REMEMBERED = timedelta(days=30)
_KEEPING_BYTES: tuple[JobState, ...] = (*UNFINISHED, "failed")


class Jobs:
    """The table of jobs. Threads and processes may share it."""

    def __init__(self, database: Database):
        self._database = database

    def add(self, id_: str, name: str, collection: str, size: int) -> Job:
        """A new job at the end of the queue."""
        job = Job(id_, name, collection, size, "queued", 0.0, None, None, now(), now())
        self._database.all(
            f"INSERT INTO jobs ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
            *(getattr(job, column) for column in _COLUMNS.split(", ")),
        )
        return job

    def job(self, id_: str) -> Job:
        """The job with this id. Raises LibraryError."""
        if found := self.find(id_):
            return found
        raise LibraryError(f"there is no upload with the id {id_}; list the uploads to see their ids.")

    def find(self, id_: str) -> Job | None:
        """The job with this id, if there is one."""
        return next(iter(self._where("id = ?", id_)), None)

    def not_ready(self, collection: str | None = None) -> list[Job]:
        """The jobs that did not become documents, or not yet, in the order of their submission."""
        where, values = ("", ()) if collection is None else ("AND collection = ?", (collection,))
        return self._where(f"state <> 'ready' {where} ORDER BY number", *values)

    def keeping_bytes(self) -> set[str]:
        """Ids of the jobs whose bytes are still needed: for the work to come, or to try again."""
        return {job.id for job in self._where(_in(_KEEPING_BYTES))}

    def claim(self) -> Job | None:
        """The next job, from now on `extracting`."""
        first = "SELECT number FROM jobs WHERE state = 'queued' ORDER BY number LIMIT 1"
        if not self._where(f"number = ({first})"):
            return None  # Asked without writing: an idle worker leaves the file alone.
        return self._update(f"state = 'extracting', share = 0, tries = tries + 1 WHERE number = ({first})")

    def advance(self, id_: str, state: JobState, share: float) -> bool:
        """Tells how far a job has come; False where somebody ended it meanwhile."""
        return bool(self._update(f"state = ?, share = ? WHERE id = ? AND {_in(WORKING)}", state, share, id_))

    def settle(self, id_: str, report: IngestReport) -> bool:
        """Ends a job with what became of it; False where somebody ended it before."""
        change = f"state = ?, share = 1, reason = ?, document_id = ? WHERE id = ? AND {_in(WORKING)}"
        return bool(self._update(change, report.state, report.reason, report.document_id, id_))

    def fail(self, id_: str, reason: str) -> None:
        """Ends a job that nobody works on."""
        self._update(f"state = 'failed', reason = ? WHERE id = ? AND {_in(UNFINISHED)}", reason, id_)

    def cancel(self, id_: str) -> bool:
        """Ends a job that was not finished; False where it was."""
        return bool(self._update(f"state = 'cancelled' WHERE id = ? AND {_in(UNFINISHED)}", id_))

    def retry(self, id_: str) -> Job | None:
        """Puts a failed job back into the queue, at its old place; None where it had not failed."""
        change = "state = 'queued', share = 0, tries = 0, reason = NULL WHERE id = ? AND state = 'failed'"
        return self._update(change, id_)

    def put_back(self, id_: str) -> None:
        """Puts a job back into the queue that its worker could not finish for no fault of the file."""
        self._update(f"state = 'queued', share = 0, tries = 0 WHERE id = ? AND {_in(WORKING)}", id_)

    def take_up(self) -> None:
        """Puts back what a worker that was killed left undone; call it as the only worker there is.

        A file that ended the program several times fails: the next in the queue must get its turn. What was skipped or
        cancelled a month ago is forgotten.
        """
        reason = (
            f"Reading it ended the program {_MOST_TRIES} times; the file may be damaged: open it in its own program, "
            "save it and add it again."
        )
        with self._database.transaction():
            change = f"state = 'failed', reason = ? WHERE {_in(WORKING)} AND tries >= ?"
            self._update(change, reason, _MOST_TRIES)
            self._update(f"state = 'queued', share = 0 WHERE {_in(WORKING)}")
            forgotten = "state IN ('skipped', 'cancelled') AND changed_at < ?"
            self._database.all(f"DELETE FROM jobs WHERE {forgotten}", ago(_REMEMBERED))  # noqa: S608

    def forget(self, id_: str) -> bool:
        """Deletes the row of a job that ended without a document; False where it did not end so."""
        where = f"id = ? AND NOT {_in((*UNFINISHED, 'ready'))}"
        return bool(self._database.all(f"DELETE FROM jobs WHERE {where} RETURNING id", id_))  # noqa: S608

    def _update(self, change: str, *values: object) -> Job | None:
        query = f"UPDATE jobs SET changed_at = ?, {change} RETURNING {_COLUMNS}"  # noqa: S608
        rows = self._database.all(query, now(), *values)
        return Job(*rows[0]) if rows else None

    def _where(self, where: str, *values: object) -> list[Job]:
        rows = self._database.all(f"SELECT {_COLUMNS} FROM jobs WHERE {where}", *values)  # noqa: S608
        return [Job(*row) for row in rows]


def _in(states: Sequence[JobState]) -> str:
    return f"state IN ({', '.join(repr(state) for state in states)})"

"""The files on their way into the library, as rows in SQLite: what each is doing, and in which order they are done.

Most wait for the worker; those with an owner are taken in by the program that gave them (see `retrieval.run`).

    queued -> extracting -> embedding -> ready | skipped | failed | cancelled

A row outlives the process that works on it. `ready` is written in the transaction that stores the document, so the two
cannot disagree; the row goes when the document does.
"""

from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import astuple, replace
from datetime import timedelta

from retrieval.database import Database, marks
from retrieval.errors import LibraryError
from retrieval.store import ago, now
from retrieval.types import UNFINISHED, WORKING, IngestReport, Job, JobState

_COLUMNS = "id, name, collection, bytes, state, share, reason, document_id, submitted_at, changed_at, owner, archive"
_QUEUED = "owner IS NULL"
_OPEN = "NOT (owner IS NOT NULL AND EXISTS (SELECT 1 FROM documents WHERE documents.id = jobs.id))"
"""Not of those whose document is stored: their owner deletes them in a moment (see `retrieval.run`)."""
_MOST_TRIES = 3
_REMEMBERED = timedelta(days=30)
_KEEPING_BYTES: tuple[JobState, ...] = (*UNFINISHED, "failed")


class Jobs:
    """The table of jobs. Threads and processes may share it."""

    def __init__(self, database: Database):
        self._database = database

    def add(
        self,
        id_: str,
        name: str,
        collection: str,
        size: int,
        *,
        with_password: bool = False,
        archive: str | None = None,
    ) -> Job:
        """A new job at the end of the queue."""
        job = Job(id_, name, collection, size, "queued", 0.0, None, None, now(), now(), archive=archive)
        self._database.all(
            f"INSERT INTO jobs ({_COLUMNS}, with_password) VALUES ({marks(astuple(job))}, ?)",  # noqa: S608
            *astuple(job),
            with_password,
        )
        return job

    def job(self, id_: str) -> Job:
        """The job with this id. Raises LibraryError."""
        if found := self.find(id_):
            return found
        raise LibraryError(f"there is no upload with the id {id_}; list the uploads to see their ids.")

    def find(self, id_: str) -> Job | None:
        """The job with this id, if there is one."""
        return next(iter(self._where(f"id = ? AND {_OPEN}", id_)), None)

    def not_ready(self, collection: str | None = None) -> list[Job]:
        """The jobs that did not become documents, or not yet, in the order of their submission."""
        where, values = ("", ()) if collection is None else ("AND collection = ?", (collection,))
        return self._where(f"state <> 'ready' AND {_OPEN} {where} ORDER BY number", *values)

    def keeping_bytes(self) -> set[str]:
        """Ids of the jobs whose bytes are still needed: for the work to come, or to try again."""
        return {job.id for job in self._where(_in(_KEEPING_BYTES))}

    def claim(self) -> Job | None:
        """The next job, from now on `extracting`."""
        first = f"SELECT number FROM jobs WHERE state = 'queued' AND {_QUEUED} ORDER BY number LIMIT 1"  # noqa: S608
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
        return bool(self._update(f"state = 'cancelled' WHERE id = ? AND {_in(UNFINISHED)} AND {_OPEN}", id_))

    def retry(self, id_: str, *, with_password: bool) -> Job | None:
        """Puts a failed job back into the queue, at its old place; None where it had not failed."""
        change = "state = 'queued', share = 0, tries = 0, reason = NULL, with_password = ? WHERE id = ?"
        return self._update(f"{change} AND state = 'failed' AND {_QUEUED}", with_password, id_)

    def had_password(self, id_: str) -> bool:
        """Whether a password was given with a job, to this program or another."""
        return bool(self._database.all("SELECT 1 FROM jobs WHERE id = ? AND with_password", id_))

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
            change = f"state = 'failed', reason = ? WHERE {_in(WORKING)} AND {_QUEUED} AND tries >= ?"
            self._update(change, reason, _MOST_TRIES)
            self._update(f"state = 'queued', share = 0 WHERE {_in(WORKING)} AND {_QUEUED}")
            forgotten = "state IN ('skipped', 'cancelled') AND changed_at < ?"
            self._database.all(f"DELETE FROM jobs WHERE {forgotten}", ago(_REMEMBERED))  # noqa: S608

    def forget(self, id_: str) -> bool:
        """Deletes the row of a job that ended without a document; False where it did not end so."""
        where = f"id = ? AND NOT {_in((*UNFINISHED, 'ready'))}"
        return bool(self._database.all(f"DELETE FROM jobs WHERE {where} RETURNING id", id_))  # noqa: S608

    def transaction(self) -> AbstractContextManager[None]:
        """All or nothing, one writer at a time."""
        return self._database.transaction()

    def begin(self, owner: str, collection: str, files: Sequence[tuple[str, str, int]]) -> None:
        """Writes the files of an owner, each by id, name and size, in the place of what failed of them before."""
        names = {name for _, name, _ in files}
        ended = f"owner IS NOT NULL AND NOT {_in((*UNFINISHED, 'ready'))}"
        columns = "id, name, collection, bytes, state, submitted_at, changed_at, owner"
        with self._database.transaction():
            before = self._where(f"{ended} AND collection = ?", collection)
            again = [(job.id,) for job in before if _is_of(job.name, names)]
            self._database.many("DELETE FROM jobs WHERE id = ?", again)
            self._database.many(
                f"INSERT INTO jobs ({columns}) VALUES (?, ?, ?, ?, 'queued', ?, ?, ?)",  # noqa: S608
                ((id_, name, collection, size, now(), now(), owner) for id_, name, size in files),
            )

    def is_unfinished(self, id_: str) -> bool:
        """Whether a job is there and has not ended."""
        return bool(self._database.all(f"SELECT 1 FROM jobs WHERE id = ? AND {_in(UNFINISHED)}", id_))  # noqa: S608

    def show_of(self, job: Job, *, written: bool) -> bool:
        """Writes how far an owner's job is; False where it was written before, and somebody ended it meanwhile."""
        if not written:
            self._insert(job)
            return True
        change = f"state = ?, share = ? WHERE id = ? AND {_in(UNFINISHED)}"
        return bool(self._update(change, job.state, job.share, job.id))

    def end_of(self, job: Job, reason: str | None, *, written: bool) -> None:
        """Ends an owner's job that failed for a `reason`, forgets one that needs no row, unless somebody ended it."""
        if reason is None:
            self._database.all(f"DELETE FROM jobs WHERE id = ? AND {_in(UNFINISHED)}", job.id)  # noqa: S608
        elif written:
            self.fail(job.id, reason)
        else:
            self._insert(replace(job, state="failed", share=1.0, reason=reason))

    def drop_failed(self, name: str, collection: str) -> None:
        """Forgets what owners failed to take in under a name that was taken in since."""
        where = "owner IS NOT NULL AND state = 'failed' AND name = ? AND collection = ?"
        self._database.all(f"DELETE FROM jobs WHERE {where}", name, collection)  # noqa: S608

    def owners(self) -> list[str]:
        """The owners of what is not done, or not forgotten yet."""
        query = f"SELECT DISTINCT owner FROM jobs WHERE owner IS NOT NULL AND {_in(UNFINISHED)}"  # noqa: S608
        return [row[0] for row in self._database.all(query)]

    def fail_of(self, owner: str, reason: str) -> None:
        """Ends what an owner has not done."""
        with self._database.transaction():
            self._update(
                f"state = 'failed', reason = ? WHERE owner = ? AND {_in(UNFINISHED)} AND {_OPEN}", reason, owner
            )
            self.drop_of(owner)

    def drop_of(self, owner: str) -> None:
        """Forgets what an owner has not done, or not forgotten yet."""
        self._database.all(f"DELETE FROM jobs WHERE owner = ? AND {_in(UNFINISHED)}", owner)  # noqa: S608

    def _insert(self, job: Job) -> None:
        query = f"INSERT INTO jobs ({_COLUMNS}) VALUES ({marks(astuple(job))})"  # noqa: S608
        self._database.all(query, *astuple(job))

    def _update(self, change: str, *values: object) -> Job | None:
        query = f"UPDATE jobs SET changed_at = ?, {change} RETURNING {_COLUMNS}"  # noqa: S608
        rows = self._database.all(query, now(), *values)
        return Job(*rows[0]) if rows else None

    def _where(self, where: str, *values: object) -> list[Job]:
        rows = self._database.all(f"SELECT {_COLUMNS} FROM jobs WHERE {where}", *values)  # noqa: S608
        return [Job(*row) for row in rows]


def _is_of(name: str, names: Collection[str]) -> bool:
    """Whether a file is one of `names`, or in an archive that is."""
    parts = name.split("/")
    return any("/".join(parts[:count]) in names for count in range(1, len(parts) + 1))


def _in(states: Sequence[JobState]) -> str:
    return f"state IN ({', '.join(repr(state) for state in states)})"

"""The library: adds documents, finds passages, forgets documents. The only door to this package for the others.

SQLite decides what exists. FAISS (in memory) and tantivy (on disk) are derived from it: a document is committed there
first, and an index that missed it is built anew when the library is opened, or before it is next written to.

Threads may share a Library, and processes a folder; each sees the others' changes at its next call. Reading files and
computing vectors hold no lock; writers take turns, searches do not wait for them.
"""

import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from retrieval import names
from retrieval.changes import Changes
from retrieval.claims import Claims
from retrieval.compaction import Compaction
from retrieval.departures import Departures
from retrieval.embed import Embedder
from retrieval.errors import LibraryError
from retrieval.extract import Limits
from retrieval.files import expand
from retrieval.indexes import Indexes
from retrieval.ingest import Ingest
from retrieval.known import Known
from retrieval.owners import Owners
from retrieval.plaintext import clean, clean_name
from retrieval.progress import Tell, Teller
from retrieval.queue import Queue, Upload
from retrieval.reindex import renew_vectors
from retrieval.rerank import Reranker
from retrieval.run import Runs
from retrieval.search import Query, Search
from retrieval.showing import Showing
from retrieval.store import Store
from retrieval.types import (
    DEFAULT_COLLECTION,
    WORKING,
    Alias,
    Archive,
    Document,
    Filters,
    Hit,
    IngestReport,
    Job,
    Leg,
    Section,
)
from retrieval.worker import Worker


class Library:
    """The documents in one folder. Open it with `Library.open`, and close it, or use it in a `with`."""

    def __init__(
        self,
        folder: Path,
        store: Store,
        indexes: Indexes,
        embedder: Embedder,
        limits: Limits,
        reranker: Reranker | None = None,
    ):
        self._store = store
        self._indexes = indexes
        self._embedder = embedder
        self.limits = limits
        self._lock = threading.RLock()
        self._search = Search(store, indexes, embedder, self._lock, reranker)
        self._compaction = Compaction(indexes, self._lock)
        self._known = Known(store, embedder)
        self._showing = Showing(store, indexes, self._lock)
        self._changes = Changes(store, self._known, self._showing)
        self._departures = Departures(store, self._showing)
        self._ingest = Ingest(self._changes, self._departures, self._showing, self._known, limits)
        self._queue = Queue(store, self._known, folder, limits)
        self._runs = Runs(self._queue.jobs, Owners(folder / "running"))
        self.worker = Worker(self._queue, self._ingest, folder / "worker.lock")
        """Works on what was submitted, once it is started."""

    @classmethod
    def open(
        cls,
        folder: Path | str,
        embedder: Embedder | None = None,
        limits: Limits | None = None,
        reranker: Reranker | None = None,
    ) -> Self:
        """The library in `folder`, which is made if it does not exist. Raises LibraryError, LibraryDamaged.

        With a `reranker`, it orders the best hits of every search.
        """
        folder = Path(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LibraryError(f"{folder} cannot be used as a folder ({error.strerror}); give another one.") from error
        store = Store(folder / "library.db")
        try:
            indexes = Indexes(store, folder)
            indexes.heal()
            library = cls(folder, store, indexes, embedder or Embedder(), limits or Limits(), reranker)
            library._bury()
            library._runs.clean()
            return library
        except BaseException:
            store.close()
            raise

    def close(self) -> None:
        """Stops the worker and closes the files. A second call does nothing."""
        self.worker.stop()
        with suppress(LibraryError):  # It is mended when the library is next opened.
            self._ingest.flush()
        self._compaction.stop()
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ingest(
        self,
        paths: Iterable[Path | str],
        *,
        collection: str = DEFAULT_COLLECTION,
        password: str | None = None,
        progress: Tell | None = None,
    ) -> list[IngestReport]:
        """Adds files, and all files in folders; one report per file, whatever is wrong with it.

        A file in a folder is called by its path in that folder, another by its own name (see `retrieval.files`). A file
        is `skipped` where the collection has the same bytes under the same name, or under another and this one is new:
        then the document has this name too. With other bytes it takes the place of the document of its name, and its
        report says so; where that document has another name too, it stays under that one. Where two files of the call
        come to one name with different bytes, the second has failed. Raises LibraryError where the library itself
        cannot be written.
        """
        collection = names.checked_collection(collection)
        self._changes.check_model()
        sources = expand(paths)
        reports: list[IngestReport] = []
        claims = Claims()
        try:
            with self._runs.begin(sources, collection) as run:
                for place, source in enumerate(sources):
                    tell = partial(Teller, progress, file=place + 1, files=len(sources))
                    reports += self._ingest.take(run, place, source, password, tell, claims)
                    tell(source.name)("done", 1.0)
        finally:
            self._ingest.flush()
        self._compaction.now()
        return reports

    def submit(
        self, source: Upload, name: str, collection: str = DEFAULT_COLLECTION, *, password: str | None = None
    ) -> Job:
        """Takes a file over, to be added by the worker; its bytes are kept in the library's folder until then.

        The password stays in this process's memory. Raises DocumentError where the file is too large or cannot be read.
        """
        return self._queue.submit(source, name, names.checked_collection(collection), password)

    def jobs(self, collection: str | None = None) -> list[Job]:
        """What was submitted, or is just taken in by any program, and is no document, or not yet, in this order.

        Where a worker was killed, what it was at waits for the next; where another program was, it has failed.
        """
        self._bury()
        jobs = self._queue.jobs.not_ready(collection)
        if any(map(_is_workers, jobs)) and self.worker.is_missing():
            return [replace(job, state="queued", share=0.0) if _is_workers(job) else job for job in jobs]
        return jobs

    def job(self, id_: str) -> Job | None:
        """What became of the submission with this id; it is kept as long as its document."""
        self._bury()
        return self._queue.jobs.find(id_)

    def _bury(self) -> None:
        with suppress(LibraryError):  # Where it cannot be written: it is tried again with the next look.
            self._runs.bury()

    def cancel(self, id_: str) -> Job:
        """Ends a submission at any moment before its document is stored; one that has ended stays as it is."""
        return self._queue.cancel(id_)

    def retry(self, id_: str, *, password: str | None = None) -> Job:
        """Puts a failed submission back into the queue. Raises LibraryError for one that has not failed."""
        return self._queue.retry(id_, password)

    def forget(self, id_: str) -> Job:
        """Drops a submission that was skipped, failed or cancelled, with its bytes. Raises LibraryError for others."""
        return self._queue.forget(id_)

    def search(
        self,
        query: str,
        k: int = 5,
        *,
        collection: str = DEFAULT_COLLECTION,
        filters: Filters | None = None,
        diversity: float = 0.0,
        leg: Leg = "hybrid",
    ) -> list[Hit]:
        """The `k` passages, at most 1,000, that answer `query` best by keywords and vectors. Raises LibraryError.

        `diversity`, from 0 to 1, is how much a passage loses by likeness to the hits before it. `leg` leaves out the
        keywords (`dense`) or the vectors (`sparse`), to compare.
        """
        collection = names.checked_collection(collection)
        # As stored texts are: what a terminal could not decode arrives as surrogates, which no model or index takes.
        asked = Query(clean(query), k, collection, filters or Filters(), diversity, leg)
        if collection not in self.collections():
            return []
        self._changes.check_model()
        self._showing.catch_up()
        hits = self._search(asked)
        self._compaction.soon()
        return hits

    def documents(self, collection: str | None = None) -> list[Document]:
        """The documents that are searched, all or those of one collection, by collection and name."""
        return self._store.documents(collection)

    def document(self, document_id: str) -> Document | None:
        """The document with this id, also one that another version replaced."""
        return self._store.document(document_id)

    def text(self, document_id: str) -> str:
        """The text to which all offsets of a document refer, also one that another version replaced.

        Raises LibraryError for an unknown id.
        """
        text = self._store.text(document_id)
        if text is None:
            raise LibraryError(f"there is no document with the id {document_id}; list the documents to see their ids.")
        return text

    def sections(self, document_id: str) -> list[Section]:
        """Where in the text of a document its pages and headings begin; nothing for one that was replaced."""
        return self._store.sections(document_id)

    def collections(self) -> list[str]:
        """Names of the collections that hold a document, sorted."""
        return self._store.collections()

    def remove(self, name_or_id: str, *, collection: str | None = None) -> Document | Job | Alias | Archive:
        """Forgets a document with its earlier versions, or a file that did not become one; returns what it was.

        Given by its name, a file of this name on its way is cancelled too: it would bring the document back. A document
        goes with all names that it has; by another name than its own, or the id of an upload that was skipped for it,
        that name alone is forgotten, unless it is what the document is called now. An archive, by its name or the id of
        its upload, goes with all that came from it in its collection. Nothing is left anywhere, which is checked.
        Raises LibraryError where none is meant, or it cannot be told which.
        """
        jobs = self.jobs(collection)
        archives = self._departures.archives(collection)
        known: list[Document | Job | Archive] = [*self.documents(collection), *archives, *jobs]
        found = names.find(name_or_id, known)
        by_name = isinstance(found, Archive) or found.id != name_or_id
        name = found.name if found.name == name_or_id or not by_name else clean_name(name_or_id)
        if Archive(name, found.collection) in archives and (by_name or _is_in(found)):
            return self._remove_archive(name, found.collection, jobs)
        if isinstance(found, Archive):
            raise LibraryError(f"there is no document called {name}; list the documents to see their names.")
        for job in jobs:
            meant = by_name and (job.name, job.collection) == (name, found.collection)
            if (meant or job.id == found.id) and not self._queue.discard(job.id):
                return self.remove(name_or_id, collection=collection)  # It became a document since they were listed.
        if isinstance(found, Job):
            return self._taken_back(found, name) if by_name or found.state == "skipped" else found
        if name != found.name and (kept := self._departures.forget_name(name, found.collection)):
            return Alias(name, found.collection, kept.name, kept.id)
        return self._departures.remove(found.id)

    def _remove_archive(self, name: str, collection: str, jobs: Iterable[Job]) -> Archive:
        for job in jobs:
            if name in (job.name, job.archive) and job.collection == collection:
                self._queue.discard(job.id)  # What became a document meanwhile is removed with the others.
        return self._departures.remove_archive(name, collection)

    def _taken_back(self, job: Job, name: str) -> Document | Job | Alias:
        """Forgets what is known under the name of an upload that is no more, if it is that upload's content."""
        document = self._store.named(name, job.collection)
        if document and document.id == job.document_id:
            return self._departures.remove(document.id)
        kept = self._departures.forget_name(name, job.collection)
        return Alias(name, job.collection, kept.name, kept.id) if kept else job

    def move(self, name_or_id: str, to: str, *, collection: str | None = None) -> Document:
        """Puts a document into the collection `to`, under the same id. Raises LibraryError as `remove` does."""
        document = names.find(name_or_id, self.documents(collection))
        return self._changes.move(document.id, names.checked_collection(to))

    def reindex(self, progress: Tell | None = None) -> None:
        """Computes the vectors that the library's model has not made yet, and rebuilds both indexes.

        One that was killed goes on where it was when it is called again; nothing changes before all vectors are there.
        """
        renew_vectors(self._store, self._known, progress)
        with self._lock:
            self._indexes.rebuild()
        self._compaction.now()

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of `texts` as of passages, float32 of shape (len(texts), dimensions)."""
        return self._embedder.encode(texts)

    def encode_query(self, text: str) -> NDArray[np.float32]:
        """The vector of a question, to compare with those of passages, float32 of shape (dimensions,)."""
        return self._embedder.encode_query(text)


def _is_in(found: Document | Job | Archive) -> bool:
    """Whether what this was made of is in the library."""
    return not isinstance(found, Job) or found.state == "skipped"


def _is_workers(job: Job) -> bool:
    return job.state in WORKING and job.owner is None

"""The changes of a library: a document put in, replaced, removed, moved. Each is one transaction of SQLite.

After the commit the change is shown in both indexes: at once among the vectors; among the keywords with what else was
put in within a second, since each commit of that index costs as much as a small document. A search that comes before
does it itself, in this process or another. A process that is killed between the two leaves a library whose indexes are
brought up to date when it is next opened.
"""

import threading
import time
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager, suppress
from dataclasses import replace

from retrieval.errors import LibraryError
from retrieval.indexes import Change, Indexes
from retrieval.known import Known
from retrieval.store import New, Store
from retrieval.types import Document, IngestReport

Settle = Callable[[IngestReport], None]
_TOGETHER_SECONDS = 1.0


class Changes:
    """Writes to one library. Threads may share it; `lock` guards the indexes against searches meanwhile."""

    def __init__(self, store: Store, indexes: Indexes, known: Known, lock: AbstractContextManager[object]):
        self._store = store
        self._indexes = indexes
        self._known = known
        self._lock = lock
        self._turn = threading.RLock()
        self._waiting: Change | None = None
        """What the keyword index is yet to show."""
        self._since = 0.0

    def present(self, name: str, sha256: str, collection: str) -> IngestReport | None:
        """The report of a file that need not be added: the collection has its bytes already.

        Under its own name, or, where the name is new, under any. A name that stands for other bytes always gets the
        new ones: who adds a new version must find that version there.
        """
        named = self._store.named(name, collection)
        found = named or self._store.with_content(sha256, collection)
        if found is None or found.sha256 != sha256:
            return None
        reason = (
            f"{name} is already in the collection {collection}, with the same content."
            if named
            else f"Its content is already in the collection {collection}, as {found.name}."
        )
        return IngestReport(name, "skipped", reason, found.id, found.pages, found.passages)

    def put(self, new: New, settle: Settle | None = None) -> IngestReport:
        """Stores a document beside the others or in the place of the one of its name, unless it is there by now.

        `settle` is called with the report inside the transaction; what it raises undoes everything.
        """
        with self._turn:
            with self._store.transaction():
                self.check_model()
                report = self.present(new.name, new.sha256, new.collection)
                change = None if report else self._stored(new)
                report = report or _ready(new, replaced=bool(change and change.removed))
                self._known.forget_work(new.id)
                if settle:
                    settle(report)
            if change:
                self._show(change)
                if time.monotonic() - self._since > _TOGETHER_SECONDS:
                    self.flush()
        return report

    def remove(self, document_id: str) -> Document:
        """Deletes a document with its earlier versions, and makes sure that nothing of it is left anywhere."""
        with self._turn:
            with self._store.transaction():
                document = self._living(document_id)
                passages = self._store.passage_ids(document_id)
                gone = [document_id, *(version.id for version in self._store.versions(document))]
                before = self._store.generation()
                for each in gone:
                    self._store.remove(each)
                after = self._store.new_generation()
            self._show(Change(before, after, removed=(document,)))
            self.flush()
            self._store.database.shorten_log()
            self._verify_gone(document, gone, passages)
        return document

    def move(self, document_id: str, collection: str) -> Document:
        """Puts a document and its earlier versions into another collection. Raises LibraryError for a name in use."""
        with self._turn:
            with self._store.transaction():
                document = self._living(document_id)
                if document.collection == collection:
                    return document
                if self._store.named(document.name, collection):
                    raise LibraryError(
                        f"the collection {collection} already has a document called {document.name}; "
                        "remove one of the two first."
                    )
                before = self._store.generation()
                for version in (*self._store.versions(document), document):
                    self._store.move(version.id, collection)
                after = self._store.new_generation()
            moved = replace(document, collection=collection)
            self._show(Change(before, after, added=(moved,), removed=(document,)))
            self.flush()
        return moved

    def release(self, cited: Collection[str]) -> list[Document]:
        """Deletes the replaced versions that are not `cited`; returns what they were."""
        with self._store.transaction():
            released = [document for document in self._store.retired() if document.id not in cited]
            for document in released:
                self._store.remove(document.id)
        return released

    def check_model(self) -> None:
        """Vectors of two models cannot be compared. Raises LibraryError where the library was made with another."""
        model = self._store.fact("model")
        if model is not None and not self._known.model.is_same(model) and self._store.collections():
            raise LibraryError(
                f"the library's vectors were made with {model}, not {self._known.model}; "
                "open it with that model, or run: footnote reindex"
            )

    def _stored(self, new: New) -> Change:
        before = self._store.generation()
        replaced = self._store.named(new.name, new.collection)
        if replaced:
            self._store.retire(replaced.id)
        document = self._store.add(new)
        self._set_model()
        return Change(before, self._store.new_generation(), (document,), (replaced,) if replaced else ())

    def _set_model(self) -> None:
        """Remembers the model, unless only its folder moved: what was built of its vectors stays good then."""
        model, stored = self._known.model, self._store.fact("model")
        if stored is None or not (model.is_same(stored) and stored.endswith(model.key)):
            self._store.set_fact("model", str(model))

    def _living(self, document_id: str) -> Document:
        document = self._store.document(document_id)
        if document is None or document.retired_at:
            raise LibraryError(
                f"there is no document with the id {document_id} any more; list the documents to see what there is."
            )
        return document

    def flush(self) -> None:
        """Shows in the keyword index what waits for it.

        Raises LibraryError where it cannot be written; the next search tries again.
        """
        with self._turn:
            waiting, self._waiting = self._waiting, None
            if waiting:
                self._indexes.apply_sparse(waiting)

    def catch_up(self) -> None:
        """Shows in the keyword index all that was committed, by any process, if it can be written."""
        if self._indexes.is_behind():
            with self._turn, suppress(LibraryError):
                self.flush()
                with self._lock:
                    self._indexes.heal()

    def _show(self, change: Change) -> None:
        with self._lock:
            self._indexes.apply_dense(change)
        if self._waiting is None:
            self._since = time.monotonic()
        # Where the two do not follow each other, the later one alone makes the index mend itself.
        self._waiting = (self._waiting.then(change) if self._waiting else None) or change

    def _verify_gone(self, document: Document, ids: Collection[str], passages: list[int]) -> None:
        left = []
        if self._store.traces(ids):
            left.append("the database")
        with self._lock:
            if self._indexes.dense.holds(passages):
                left.append("the vector index")
        if self._indexes.sparse.count(document.id):
            left.append("the keyword index")
        if left:
            raise LibraryError(f"{' and '.join(left)} still held parts of {document.name}; run: footnote reindex")


def _ready(new: New, *, replaced: bool) -> IngestReport:
    told = [f"Took the place of the earlier version of {new.name}."] if replaced else []
    reason = " ".join([*told, *new.extracted.notes]) or None
    return IngestReport(new.name, "ready", reason, new.id, len(new.extracted.pages) or None, len(new.passages))

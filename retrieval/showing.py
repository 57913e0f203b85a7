"""Shows the changes of a library in its indexes, and makes sure that what was deleted is in neither.

After the commit a change is shown in both indexes: at once among the vectors; among the keywords with what else was
put in within a second, since each commit of that index costs as much as a small document. A search that comes before
does it itself, in this process or another. A process that is killed between the two leaves a library whose indexes are
brought up to date when it is next opened.
"""

import threading
import time
from collections.abc import Iterable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass

from retrieval.errors import LibraryError
from retrieval.indexes import Change, Indexes
from retrieval.store import Store

_TOGETHER_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Traces:
    """By what it can be told that something is gone: ids of documents, those that were searched, and their passages."""

    documents: tuple[str, ...]
    searched: tuple[str, ...]
    passages: list[int]


class Showing:
    """The indexes of one library. Threads may share it; `lock` guards the indexes against searches meanwhile."""

    def __init__(self, store: Store, indexes: Indexes, lock: AbstractContextManager[object]):
        self.turn = threading.RLock()
        """Held by who writes, from before the transaction until the change is shown."""
        self._store = store
        self._indexes = indexes
        self._lock = lock
        self._waiting: Change | None = None
        """What the keyword index is yet to show."""
        self._since = 0.0

    def show(self, change: Change) -> None:
        """Shows a committed change, among the keywords with the next `flush`."""
        with self._lock:
            self._indexes.apply_dense(change)
        if self._waiting is None:
            self._since = time.monotonic()
        # Where the two do not follow each other, the later one alone makes the index mend itself.
        self._waiting = (self._waiting.then(change) if self._waiting else None) or change

    def flush_when_due(self) -> None:
        """Shows in the keyword index what has waited for a second."""
        if time.monotonic() - self._since > _TOGETHER_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Shows in the keyword index what waits for it.

        Raises LibraryError where it cannot be written; the next search tries again.
        """
        with self.turn:
            waiting, self._waiting = self._waiting, None
            if waiting:
                self._indexes.apply_sparse(waiting)

    def catch_up(self) -> None:
        """Shows in the keyword index all that was committed, by any process, if it can be written."""
        if self._indexes.is_behind():
            with self.turn, suppress(LibraryError):
                self.flush()
                with self._lock:
                    self._indexes.heal()

    def traces(self, searched: Iterable[str], retired: Iterable[str] = ()) -> Traces:
        """What is to be gone once these documents were deleted; call it before."""
        searched = tuple(searched)
        passages = [id_ for document in searched for id_ in self._store.passage_ids(document)]
        return Traces((*searched, *retired), searched, passages)

    def verify_gone(self, name: str, traces: Traces) -> None:
        """Raises LibraryError where something is left of what `name` was."""
        left = []
        if self._store.traces(traces.documents):
            left.append("the database")
        with self._lock:
            if self._indexes.dense.holds(traces.passages):
                left.append("the vector index")
        if any(self._indexes.sparse.count(document) for document in traces.searched):
            left.append("the keyword index")
        if left:
            raise LibraryError(f"{' and '.join(left)} still held parts of {name}; run: footnote reindex")

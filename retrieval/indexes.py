"""Keeps the two search indexes in step with SQLite: after a change, after a crash, after another process's change.

The dense index lives in this process and knows which documents it holds. The sparse one lives on disk, shared by
processes, and is only written inside a transaction of SQLite, which makes them take turns.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from retrieval.dense import DenseIndex
from retrieval.errors import LibraryError
from retrieval.sparse import Entry, SparseIndex
from retrieval.store import Store, StoredPassage
from retrieval.types import Document


@dataclass(frozen=True, slots=True)
class Change:
    """What one transaction did to the store, and the generations before and after it."""

    before: str | None
    after: str
    added: tuple[Document, ...] = ()
    removed: tuple[Document, ...] = ()


class Indexes:
    """The dense and the sparse index of one library. Not thread-safe; the library holds a lock."""

    def __init__(self, store: Store, folder: Path):
        self._store = store
        self.dense = DenseIndex()
        self.sparse = SparseIndex(folder)
        self._generation: str | None = None
        self._held: dict[str, tuple[str, list[int]]] = {}

    def heal(self) -> None:
        """Brings both indexes to what SQLite holds; the first thing after opening."""
        self._sync_dense()
        if self.sparse.mark() != self._store.generation():
            with self._store.transaction():
                self._rebuild_sparse()

    def refresh(self) -> None:
        """Shows what other processes have committed."""
        if self._generation != self._store.generation():
            self._sync_dense()
        self.sparse.refresh()

    def apply(self, change: Change) -> None:
        """Shows a committed change of this process. Raises LibraryError where the sparse index cannot be written."""
        self.apply_dense(change)
        self.apply_sparse(change)

    def apply_dense(self, change: Change) -> None:
        """The half of `apply` that is short and needs the library's lock."""
        if self._generation == change.before:
            self._update_dense(change.added, [document.id for document in change.removed])
            self._generation = change.after
        else:
            self._sync_dense()

    def apply_sparse(self, change: Change) -> None:
        """The half of `apply` that writes to the disk; searches may go on meanwhile."""
        with self._store.transaction():
            self._update_sparse(change)

    def rebuild(self) -> None:
        """Builds both indexes anew from SQLite."""
        self.dense.clear()
        self._held.clear()
        self._sync_dense()
        with self._store.transaction():
            self._rebuild_sparse()

    def _sync_dense(self) -> None:
        # Read before the documents: a change between the two is then seen again, rather than missed.
        generation = self._store.generation()
        documents = self._store.documents()
        # A document that was moved is taken out of the one collection and put into the other.
        current = {document.id: document.collection for document in documents}
        self._update_dense((), [id_ for id_, held in self._held.items() if current.get(id_) != held[0]])
        self._update_dense([document for document in documents if document.id not in self._held], ())
        self._generation = generation

    def _update_dense(self, added: Iterable[Document], removed: Iterable[str]) -> None:
        for document_id in removed:
            if document_id in self._held:
                self.dense.remove(*self._held.pop(document_id))
        for document in added:
            ids, vectors = self._store.vectors(document.id)
            self.dense.add(document.collection, ids, vectors)
            self._held[document.id] = (document.collection, ids)

    def _update_sparse(self, change: Change) -> None:
        shown, current = self.sparse.mark(), self._store.generation()
        if shown == current:
            self.sparse.refresh()  # Another process was first, and built the index with this change in it.
        elif shown == change.before and current == change.after:
            added = (_entry(passage) for document in change.added for passage in self._store.passages_of(document))
            self._write(lambda: self.sparse.update(added, [document.id for document in change.removed], change.after))
        else:
            self._rebuild_sparse()

    def _rebuild_sparse(self) -> None:
        entries = (
            _entry(passage) for document in self._store.documents() for passage in self._store.passages_of(document)
        )
        self._write(lambda: self.sparse.rebuild(entries, self._store.generation()))

    @staticmethod
    def _write(write: Callable[[], None]) -> None:
        try:
            write()
        except (OSError, ValueError) as error:
            raise LibraryError(
                f"the keyword index cannot be written ({error}); check the free space and permissions of the library's "
                "folder, then try again: the documents are stored."
            ) from error


def _entry(passage: StoredPassage) -> Entry:
    return Entry(passage.id, passage.document_id, passage.collection, passage.document, passage.text)

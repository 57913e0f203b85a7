"""Keeps the two search indexes in step with SQLite: after a change, after a crash, after another process's change.

The dense index lives in this process, over files that are mapped; a collection's part of it is loaded when it is first
asked for, and knows which documents it holds. The sparse one lives on disk, shared by processes, and is only written
inside a transaction of SQLite, which makes them take turns. A document never changes under its id, so comparing ids is
enough to put either right.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from retrieval import held
from retrieval.base import Part
from retrieval.dense import EXACT_UP_TO, DenseIndex
from retrieval.errors import LibraryError
from retrieval.inverted import Check
from retrieval.segment import Scored, Vectors
from retrieval.sparse import Entry, SparseIndex
from retrieval.store import Store, StoredPassage
from retrieval.terms import language_of
from retrieval.types import Document


@dataclass(frozen=True, slots=True)
class Change:
    """What one transaction did to the store, and the generations before and after it.

    What was moved or renamed is among those added; a document that was moved is among those removed too.
    """

    before: str | None
    after: str
    added: tuple[Document, ...] = ()
    removed: tuple[Document, ...] = ()

    def then(self, later: "Change") -> "Change | None":
        """Both as one; None where another process changed something between them."""
        if later.before != self.after:
            return None
        gone = {document.id for document in (*later.removed, *later.added)}
        added = tuple(document for document in self.added if document.id not in gone)
        return Change(self.before, later.after, added + later.added, self.removed + later.removed)


class Indexes:
    """The dense and the sparse index of one library, in `folder`.

    Not thread-safe; the library holds a lock, but for `apply_sparse` and `compact`, which may run beside searches.
    """

    def __init__(self, store: Store, folder: Path, exact_up_to: int = EXACT_UP_TO):
        self._store = store
        self._exact_up_to = exact_up_to
        self.dense = DenseIndex(folder / "vectors", exact_up_to)
        self.sparse = SparseIndex(folder / "keywords")
        self._generation: str | None = None
        self._epoch = ""

    def heal(self) -> None:
        """Brings both indexes to what SQLite holds; the first thing after opening."""
        self.refresh()
        if held.count_passages(self._store) <= self._exact_up_to:
            self.load_all()
        if self.is_behind():
            with self._store.transaction():
                self._mend_sparse()

    def load_all(self) -> None:
        """Loads what is not loaded yet of the dense index: all of it can be counted then."""
        for collection in self._store.collections():
            self._ensure(collection)

    def is_behind(self) -> bool:
        """Whether the sparse index lacks something that was committed, by this process or another."""
        return self.sparse.mark() != self._store.generation()

    def refresh(self) -> None:
        """Shows what other processes have committed."""
        # Read before the documents: a change between the two is then seen again, rather than missed.
        generation, epoch = self._store.generation(), held.epoch(self._store)
        if generation != self._generation:
            for collection in list(self.dense.loaded()):
                self._load(collection) if epoch != self._epoch else self._sync(collection)
            self._generation, self._epoch = generation, epoch
        self.sparse.refresh()

    def nearest(
        self, collection: str, vector: Vectors, k: int, documents: Collection[str] | None = None
    ) -> list[Scored]:
        """The `k` passages nearest to `vector`, as `DenseIndex.search`."""
        self._ensure(collection)
        return self.dense.search(collection, vector, k, documents)

    def apply(self, change: Change) -> None:
        """Shows a committed change of this process. Raises LibraryError where the sparse index cannot be written."""
        self.apply_dense(change)
        self.apply_sparse(change)

    def apply_dense(self, change: Change) -> None:
        """The half of `apply` that is short and needs the library's lock."""
        if self._generation != change.before:
            self.refresh()
            return
        for document in change.removed:
            if document.collection in self.dense.loaded():
                self.dense.remove(document.collection, document.id)
        for document in change.added:
            if document.collection in self.dense.loaded():
                self.dense.add(document.collection, document.id, *held.vectors(self._store, document.id))
        self._generation = change.after

    def apply_sparse(self, change: Change) -> None:
        """The half of `apply` that writes to the disk; searches may go on meanwhile."""
        with self._store.transaction():
            shown, current = self.sparse.mark(), self._store.generation()
            if shown == current:
                self.sparse.refresh()  # Another process was first, and mended the index with this change in it.
            elif shown == change.before and current == change.after:
                self._update_sparse(change.added, [each.id for each in (*change.removed, *change.added)])
            else:
                self._mend_sparse()

    def rebuild(self) -> None:
        """Builds both indexes anew from SQLite; large collections get their base by `compact`."""
        self.dense.clear()
        self._generation = None
        self.refresh()
        with self._store.transaction():
            self._rebuild_sparse()

    def compact(self, lock: AbstractContextManager[object], check: Check) -> None:
        """Builds the bases on disk that are due. Takes long; holds `lock`, the library's, only for moments.

        `check` is called again and again; what it raises ends the work. Raises OSError, RuntimeError where a base
        cannot be written: everything is still found, and takes more memory and time.
        """
        with lock:
            epoch = held.epoch(self._store)
            due = self.dense.due() | self._outgrown(epoch)
        for collection, total in due.items():
            documents = sorted(held.document_ids(self._store, collection))
            self.dense.compact(collection, epoch, total, lambda ids=documents: self._parts(ids), check)  # type: ignore[misc]
            with lock:
                self._load(collection)

    def _outgrown(self, epoch: str) -> dict[str, int]:
        """Collections that grew without being searched: nothing of them is loaded to be written as a base."""
        sizes = held.collection_sizes(self._store)
        return {name: size for name, size in sizes.items() if self.dense.has_outgrown(name, epoch, size)}

    def _parts(self, documents: Iterable[str]) -> Iterator[Part]:
        for document_id in documents:
            ids, vectors = held.vectors(self._store, document_id)
            if ids:
                yield document_id, ids, vectors

    def _ensure(self, collection: str) -> None:
        if collection not in self.dense.loaded():
            self._load(collection)

    def _load(self, collection: str) -> None:
        self.dense.load(collection, held.epoch(self._store))
        self._sync(collection)

    def _sync(self, collection: str) -> None:
        """Makes the documents of a loaded collection those of SQLite."""
        current, shown = held.document_ids(self._store, collection), self.dense.documents(collection)
        for document_id in shown - current:
            self.dense.remove(collection, document_id)
        for document_id, ids, vectors in self._parts(sorted(current - shown)):
            self.dense.add(collection, document_id, ids, vectors)

    def _mend_sparse(self) -> None:
        """Puts right the documents of the sparse index that are not those of SQLite; or else builds all anew."""
        self._write(self.sparse.sweep)
        self.sparse.reload()  # What another process wrote, also one that was killed before it set the mark.
        shown = self._held_sparse()
        if shown is None:
            self._rebuild_sparse()
            return
        wanted = held.passage_counts(self._store)
        added = [self._store.document(document_id) for document_id, _ in wanted.items() - shown.items()]
        removed = [document_id for document_id, _ in shown.items() - wanted.items()]
        self._update_sparse([document for document in added if document], removed)

    def _held_sparse(self) -> dict[str, tuple[str, int]] | None:
        """The place and the number of passages of each document of the sparse index; None where it is damaged."""
        if self.sparse.mark() is None:
            return None
        try:
            return self.sparse.documents()
        except ValueError:
            return None

    def _update_sparse(self, added: Iterable[Document], removed: Iterable[str]) -> None:
        entries = (_entry(passage) for document in added for passage in self._store.passages_of(document))
        self._write(lambda: self.sparse.update(entries, removed, self._store.generation()))

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
    return Entry(
        id=passage.id,
        document_id=passage.document_id,
        collection=passage.collection,
        place=passage.place,
        language=language_of(passage.language),
        title=passage.document,
        heading=passage.heading,
        body=passage.text,
    )

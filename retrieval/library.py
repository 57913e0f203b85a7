"""The library: adds documents, finds passages, forgets documents. The only door to this package for the others.

SQLite decides what exists. FAISS (in memory) and tantivy (on disk) are derived from it: a document is committed there
first, and an index that missed it is built anew when the library is opened, or before it is next written to.

Threads may share a Library. Reading files and computing vectors, which take long, hold no lock; everything else takes
turns. Processes may share a folder; each sees the other's changes at its next call.
"""

import hashlib
import threading
import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from retrieval import names
from retrieval.chunk import passages
from retrieval.compaction import Compaction
from retrieval.embed import Embedder
from retrieval.errors import DocumentError, LibraryError
from retrieval.extract import Limits, extract_data, read_file
from retrieval.files import Source, expand
from retrieval.indexes import Change, Indexes
from retrieval.plaintext import clean
from retrieval.progress import Tell, Teller
from retrieval.rerank import Reranker
from retrieval.search import Query, Search
from retrieval.store import New, Store
from retrieval.types import DEFAULT_COLLECTION, Document, Filters, Hit, IngestReport


class Library:
    """The documents in one folder. Open it with `Library.open`, and close it, or use it in a `with`."""

    def __init__(
        self, store: Store, indexes: Indexes, embedder: Embedder, limits: Limits, reranker: Reranker | None = None
    ):
        self._store = store
        self._indexes = indexes
        self._embedder = embedder
        self._limits = limits
        self._lock = threading.RLock()
        self._search = Search(store, indexes, embedder, self._lock, reranker)
        self._compaction = Compaction(indexes, self._lock)

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
        embedder = embedder or Embedder()
        store = Store(folder / "library.db")
        try:
            indexes = Indexes(store, folder)
            indexes.heal()
        except BaseException:
            store.close()
            raise
        return cls(store, indexes, embedder, limits or Limits(), reranker)

    def close(self) -> None:
        """Closes the files. A second call does nothing."""
        self._compaction.stop()
        with self._lock:
            self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def ingest(
        self, paths: Iterable[Path | str], *, collection: str = DEFAULT_COLLECTION, progress: Tell | None = None
    ) -> list[IngestReport]:
        """Adds files, and all files in folders; one report per file, whatever is wrong with it.

        A file is `skipped` where the collection has the same bytes under the same name; with other bytes it takes the
        place of the document of its name, and its report says so. Raises LibraryError where the library itself cannot
        be written.
        """
        collection = names.checked_collection(collection)
        self._check_model()
        sources = expand(paths)
        reports = []
        for number, source in enumerate(sources, start=1):
            teller = Teller(progress, source.name, number, len(sources))
            reports.append(self._ingest_one(source, collection, teller))
            teller("done", 1.0)
        self._compaction.now()
        return reports

    def search(
        self,
        query: str,
        k: int = 5,
        *,
        collection: str = DEFAULT_COLLECTION,
        filters: Filters | None = None,
        diversity: float = 0.0,
    ) -> list[Hit]:
        """The `k` passages, at most 1,000, that answer `query` best by keywords and vectors. Raises LibraryError.

        `diversity`, from 0 to 1, is how much a passage loses by likeness to the hits before it.
        """
        collection = names.checked_collection(collection)
        # As stored texts are: what a terminal could not decode arrives as surrogates, which no model or index takes.
        asked = Query(clean(query), k, collection, filters, diversity)
        if collection not in self.collections():
            return []
        self._check_model()
        hits = self._search(asked)
        self._compaction.soon()
        return hits

    def documents(self, collection: str | None = None) -> list[Document]:
        """All documents, or those of one collection, by collection and name."""
        with self._lock:
            return self._store.documents(collection)

    def document(self, document_id: str) -> Document | None:
        """The document with this id."""
        with self._lock:
            return self._store.document(document_id)

    def text(self, document_id: str) -> str:
        """The text to which all offsets of a document refer. Raises LibraryError for an unknown id."""
        with self._lock:
            text = self._store.text(document_id)
        if text is None:
            raise LibraryError(f"there is no document with the id {document_id}; list the documents to see their ids.")
        return text

    def collections(self) -> list[str]:
        """Names of the collections that hold a document, sorted."""
        with self._lock:
            return self._store.collections()

    def remove(self, name_or_id: str, *, collection: str | None = None) -> Document:
        """Forgets a document and returns what it was. Raises LibraryError where none, or more than one, is meant."""
        with self._lock:
            with self._store.transaction():
                document = names.find(name_or_id, self._store.documents(collection))
                before = self._store.generation()
                self._store.remove(document.id)
                after = self._store.new_generation()
            self._indexes.apply(Change(before, after, removed=(document,)))
        return document

    def reindex(self, progress: Tell | None = None) -> None:
        """Computes all vectors anew, with the model that the library was opened with, and rebuilds both indexes."""
        documents = self.documents()
        found = []
        for number, document in enumerate(documents, start=1):
            teller = Teller(progress, document.name, number, len(documents))
            with self._lock:
                stored = list(self._store.passages_of(document))
            vectors = self._embedder.encode([passage.text for passage in stored], teller.embedding)
            found.append(([passage.id for passage in stored], vectors))
            teller("done", 1.0)
        with self._lock:
            with self._store.transaction():
                for ids, vectors in found:
                    self._store.set_vectors(ids, vectors)
                self._store.set_fact("model", self._embedder.model_name)
                self._store.set_fact("vectors", uuid.uuid4().hex)
                self._store.new_generation()
            self._indexes.rebuild()
        self._compaction.now()

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of `texts`, float32 of shape (len(texts), dimensions)."""
        return self._embedder.encode(texts)

    def _ingest_one(self, source: Source, collection: str, teller: Teller) -> IngestReport:
        teller("extracting", 0.0)
        try:
            data = read_file(source.path, self._limits)
            digest = hashlib.sha256(data).hexdigest()
            with self._lock:
                present = self._store.named(source.name, collection)
            if present and present.sha256 == digest:
                return _skipped(present)
            extracted = extract_data(data, source.path, self._limits)
        except DocumentError as error:
            return IngestReport(source.name, "failed", str(error))
        cut = passages(extracted.text, extracted.pages)
        vectors = self._embedder.encode([extracted.text[part.start : part.end] for part in cut], teller.embedding)
        teller("storing", 0.0)
        document, replaced = self._put(New(source.name, collection, digest, extracted, cut, vectors))
        reason = f"Took the place of the earlier version of {document.name}." if replaced else None
        return IngestReport(document.name, "ready", reason, document.id, document.pages, document.passages)

    def _put(self, new: New) -> tuple[Document, Document | None]:
        """Stores a document beside the others, or in the place of the one of its name, which is returned too."""
        with self._lock:
            with self._store.transaction():
                before = self._store.generation()
                replaced = self._store.named(new.name, new.collection)
                if replaced:
                    self._store.remove(replaced.id)
                document = self._store.add(new)
                self._store.set_fact("model", self._embedder.model_name)
                after = self._store.new_generation()
            self._indexes.apply(Change(before, after, (document,), (replaced,) if replaced else ()))
        return document, replaced

    def _check_model(self) -> None:
        """Vectors of two models cannot be compared."""
        with self._lock:
            model = self._store.fact("model")
            if model not in (None, self._embedder.model_name) and self._store.collections():
                raise LibraryError(
                    f"the library's vectors were made with {model}, not {self._embedder.model_name}; "
                    "open it with that model, or run: footnote reindex"
                )


def _skipped(present: Document) -> IngestReport:
    reason = f"{present.name} is already in the collection {present.collection}, with the same content."
    return IngestReport(present.name, "skipped", reason, present.id, present.pages, present.passages)

"""What comes into a library, or moves in it: a document put in, replaced, moved. Each is one transaction of SQLite.

What leaves it is in `retrieval.departures`; how the indexes follow, in `retrieval.showing`.
"""

from collections.abc import Callable
from dataclasses import replace

from retrieval.errors import LibraryError
from retrieval.indexes import Change
from retrieval.known import Known
from retrieval.members import Members
from retrieval.showing import Showing
from retrieval.store import New, Store
from retrieval.types import Document, IngestReport

Settle = Callable[[IngestReport], None]


class Changes:
    """Writes to one library. Threads may share it."""

    def __init__(self, store: Store, known: Known, showing: Showing):
        self._store = store
        self._known = known
        self._showing = showing
        self._members = Members(store.database)

    def present(
        self, name: str, sha256: str, collection: str, bare: str = "", archive: str = ""
    ) -> IngestReport | None:
        """The report of a file that need not be added: the collection has its bytes already.

        Under its own name, or, where the name is new, under any. A name that stands for other bytes always gets the
        new ones: who adds a new version must find that version there. A new name is remembered as another name of the
        document, or takes the place of the name `bare` by which an earlier version of the program called the file.
        It is remembered too from which archive the name came.
        """
        document = self._same(name, sha256, collection)
        if document is None:
            return None
        if name in (document.name, *document.aliases) and archive == self._members.archive(name, collection):
            return _skipped(name, document)
        with self._showing.turn:
            with self._store.transaction():
                report, change = self._named(name, sha256, collection, bare)
                if report:
                    self._members.set(name, collection, archive)
            if change:
                self._showing.show(change)
        return report

    def put(self, new: New, settle: Settle | None = None) -> IngestReport:
        """Stores a document beside the others or in the place of the one of its name, unless it is there by now.

        `settle` is called with the report inside the transaction; what it raises undoes everything.
        """
        with self._showing.turn:
            with self._store.transaction():
                self.check_model()
                report, change = self._named(new.name, new.sha256, new.collection)
                if report is None:
                    report, change = self._stored(new)
                self._members.set(new.name, new.collection, new.archive)
                self._known.forget_work(new.id)
                if settle:
                    settle(report)
            if change:
                self._showing.show(change)
                self._showing.flush_when_due()
        return report

    def move(self, document_id: str, collection: str) -> Document:
        """Puts a document and its earlier versions into another collection. Raises LibraryError for a name in use."""
        with self._showing.turn:
            with self._store.transaction():
                document = self._store.living(document_id)
                if document.collection == collection:
                    return document
                self._check_free(document, collection)
                before = self._store.generation()
                versions = self._store.retired(document.name, document.collection)
                for version in (*versions, document):
                    self._store.move(version.id, collection)
                self._members.move((document.name, *document.aliases), document.collection, collection)
                after = self._store.new_generation()
            moved = replace(document, collection=collection)
            self._showing.show(Change(before, after, added=(moved,), removed=(document,)))
            self._showing.flush()
        return moved

    def check_model(self) -> None:
        """Vectors of two models cannot be compared. Raises LibraryError where the library was made with another."""
        model = self._store.fact("model")
        if model is not None and not self._known.model.is_same(model) and self._store.collections():
            raise LibraryError(
                f"the library's vectors were made with {model}, not {self._known.model}; "
                "open it with that model, or run: footnote reindex"
            )

    def _same(self, name: str, sha256: str, collection: str) -> Document | None:
        """The document for which a file is skipped."""
        if named := self._store.named(name, collection):
            return named if named.sha256 == sha256 else None
        known = self._store.alias(name, collection)
        return known if known and known.sha256 == sha256 else self._store.with_content(sha256, collection)

    def _named(
        self, name: str, sha256: str, collection: str, bare: str = ""
    ) -> tuple[IngestReport | None, Change | None]:
        """Gives the document of these bytes, if there is one, this name too; call it inside a transaction."""
        document = self._same(name, sha256, collection)
        if document is None:
            return None, None
        if name not in (document.name, *document.aliases):
            if bare and (loose := self._store.bare(bare, sha256, collection)):
                return self._renamed(loose, name)
            self._store.set_alias(name, document)
        return _skipped(name, document), None

    def _renamed(self, document: Document, name: str) -> tuple[IngestReport, Change]:
        before = self._store.generation()
        renamed = self._store.rename(document, name)
        reason = f"It is in the collection {document.collection} already; it was called {document.name}, now {name}."
        report = IngestReport(name, "skipped", reason, document.id, document.pages, document.passages)
        return report, Change(before, self._store.new_generation(), (renamed,))

    def _stored(self, new: New) -> tuple[IngestReport, Change]:
        before = self._store.generation()
        self._store.drop_alias(new.name, new.collection)
        earlier = self._store.named(new.name, new.collection)
        told = [f"Took the place of the earlier version of {new.name}."] if earlier else []
        removed, added = [], []
        if earlier and earlier.aliases:
            added.append(self._store.rename(earlier, earlier.aliases[0]))
            told = [
                f"Took the place of the earlier version of {new.name}, which stays as {added[0].name}: "
                "its content was given under that name too."
            ]
        elif earlier:
            self._store.retire(earlier.id)
            removed.append(earlier)
        added.append(self._store.add(new))
        self._set_model()
        change = Change(before, self._store.new_generation(), tuple(added), tuple(removed))
        return _ready(new, told), change

    def _check_free(self, document: Document, collection: str) -> None:
        """Raises LibraryError where a name of a document is in use in another collection."""
        for name in (document.name, *document.aliases):
            if self._store.named(name, collection) or self._store.alias(name, collection):
                also = "" if name == document.name else f", which is another name of {document.name}"
                raise LibraryError(
                    f"the collection {collection} already has a document called {name}{also}; "
                    "remove one of the two first."
                )

    def _set_model(self) -> None:
        """Remembers the model, unless only its folder moved: what was built of its vectors stays good then."""
        model, stored = self._known.model, self._store.fact("model")
        if stored is None or not (model.is_same(stored) and stored.endswith(model.key)):
            self._store.set_fact("model", str(model))


def _skipped(name: str, document: Document) -> IngestReport:
    reason = (
        f"{name} is already in the collection {document.collection}, with the same content."
        if name == document.name
        else f"Its content is already in the collection {document.collection}, as {document.name}."
    )
    return IngestReport(name, "skipped", reason, document.id, document.pages, document.passages)


def _ready(new: New, told: list[str]) -> IngestReport:
    reason = " ".join([*told, *new.extracted.notes]) or None
    return IngestReport(new.name, "ready", reason, new.id, len(new.extracted.pages) or None, len(new.passages))

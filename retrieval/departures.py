"""What leaves a library: a document, another name of one, all that came from an archive, members of its last version.

What is removed is gone with its earlier versions from SQLite and both indexes, which is checked. What a new version of
an archive does not hold any more is retired: its text is kept for the citations of it.
"""

from collections.abc import Collection
from dataclasses import dataclass

from retrieval.indexes import Change
from retrieval.members import Members
from retrieval.showing import Showing
from retrieval.store import Store
from retrieval.types import Archive, Document


@dataclass(frozen=True, slots=True)
class _Parted:
    """Documents that have no name but those that leave; others, as they are called now; those of them renamed."""

    gone: tuple[Document, ...]
    kept: tuple[Document, ...]
    renamed: tuple[Document, ...]


class Departures:
    """Takes things out of one library. Threads may share it."""

    def __init__(self, store: Store, showing: Showing):
        self._store = store
        self._showing = showing
        self._members = Members(store.database)

    def remove(self, document_id: str) -> Document:
        """Deletes a document with its earlier versions, and makes sure that nothing of it is left anywhere."""
        with self._showing.turn:
            with self._store.transaction():
                document = self._store.living(document_id)
                versions = self._store.retired(document.name, document.collection)
                traces = self._showing.traces([document_id], [version.id for version in versions])
                before = self._store.generation()
                for each in traces.documents:
                    self._store.remove(each)
                self._members.forget([document.name, *document.aliases], document.collection)
                change = Change(before, self._store.new_generation(), removed=(document,))
            self._showing.show(change)
            self._showing.flush()
            self._store.database.shorten_log()
            self._showing.verify_gone(document.name, traces)
        return document

    def remove_archive(self, name: str, collection: str) -> Archive:
        """Deletes all documents that came from an archive, as `remove`; what was given apart too keeps that name."""
        with self._showing.turn:
            with self._store.transaction():
                names = self._members.names(name, collection)
                before = self._store.generation()
                parted = self._part(names, collection)
                versions = [version.id for each in names for version in self._store.retired(each, collection)]
                traces = self._showing.traces([document.id for document in parted.gone], versions)
                for document_id in traces.documents:
                    self._store.remove(document_id)
                self._members.forget(names, collection)
                change = Change(before, self._store.new_generation(), parted.renamed, parted.gone)
            self._showing.show(change)
            self._showing.flush()
            self._store.database.shorten_log()
            self._showing.verify_gone(name, traces)
        return Archive(name, collection, parted.gone, parted.kept)

    def forget_name(self, name: str, collection: str) -> Document | None:
        """Forgets another name of a document; returns that document, None where there is none."""
        with self._store.transaction():
            document = self._store.alias(name, collection)
            if document:
                self._store.drop_alias(name, collection)
                self._members.forget([name], collection)
        return document

    def archives(self, collection: str | None = None) -> list[Archive]:
        """The archives from which something is still there."""
        return [Archive(*found) for found in self._members.archives(collection)]

    def leave(self, archive: str, collection: str, staying: Collection[str], unread: Collection[str] = ()) -> None:
        """Marks what came from an archive and is not among the names of its new version, to go with `retire_left`.

        `unread` are members that could not be read: archives perhaps, whose own members stay as they were.
        """
        below = tuple(f"{name}/" for name in unread)
        with self._store.transaction():
            names = [name for name in self._members.names(archive, collection) if name not in staying]
            self._members.mark_leaving([name for name in names if not name.startswith(below)], collection)

    def is_archive(self, name: str, collection: str) -> bool:
        """Whether something came from an archive of this name."""
        return bool(self._members.names(name, collection))

    def is_member(self, name: str, collection: str) -> bool:
        """Whether a document of this name came from an archive."""
        return bool(self._members.archive(name, collection) and self._store.named(name, collection))

    def retire_left(self) -> None:
        """Retires what is leaving, of the archives of which no member is on its way into the library any more."""
        for archive, collection in self._members.left():
            with self._showing.turn:
                with self._store.transaction():
                    before = self._store.generation()
                    parted = self._part(self._members.let_leave(archive, collection), collection)
                    for document in parted.gone:
                        for alias in document.aliases:
                            self._store.drop_alias(alias, collection)
                        self._store.retire(document.id)
                    change = Change(before, self._store.new_generation(), parted.renamed, parted.gone)
                self._showing.show(change)

    def _part(self, names: Collection[str], collection: str) -> _Parted:
        """Takes names from their documents; what has others too goes on under the first of them."""
        leaving = set(names)
        found = [self._store.named(name, collection) or self._store.alias(name, collection) for name in names]
        gone, kept, renamed = [], [], []
        for document in {each.id: each for each in found if each}.values():
            others = [name for name in (document.name, *document.aliases) if name not in leaving]
            if not others:
                gone.append(document)
                continue
            for alias in leaving.intersection(document.aliases):
                self._store.drop_alias(alias, collection)
            if document.name in leaving:
                self._store.rename(document, others[0])
            kept.append(self._store.living(document.id))
            renamed += kept[-1:] if document.name in leaving else []
        return _Parted(tuple(gone), tuple(kept), tuple(renamed))

"""Filters of a search, resolved in SQLite to the documents that it may look into."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from retrieval import names
from retrieval.held import document_ids
from retrieval.store import Store
from retrieval.types import Document, Filters


def matching(store: Store, collection: str, filters: Filters) -> set[str]:
    """Ids of the documents of `collection` that pass every filter.

    Raises LibraryError for a document that the collection does not hold: to find nothing in it would mislead.
    """
    parts = list(_conditions(store, collection, filters))
    values = [value for _, given in parts for value in given]
    return document_ids(store, collection, [condition for condition, _ in parts], values)


def _conditions(store: Store, collection: str, filters: Filters) -> Iterator[tuple[str, list[str]]]:
    """Conditions in SQL with the values for their question marks."""
    if filters.documents:
        ids = [_meant(store, collection, document).id for document in filters.documents]
        yield _any("id = ?", ids), ids
    if filters.media_types:
        patterns = [media_type.lower() for media_type in filters.media_types]
        yield _any("media_type GLOB ?", patterns), patterns
    if filters.added_from:
        yield "added_at >= ?", [filters.added_from.isoformat()]
    if filters.added_to:
        yield "added_at < ?", [(filters.added_to + timedelta(days=1)).isoformat()]


def _meant(store: Store, collection: str, name_or_id: str) -> Document:
    found = store.named(name_or_id, collection)
    return found or names.find(name_or_id, store.documents(collection))


def _any(condition: str, values: Sequence[str]) -> str:
    return "(" + " OR ".join([condition] * len(values)) + ")"

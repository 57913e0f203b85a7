"""Filters of a search, resolved in SQLite to the documents that it may look into.

A day is one of the machine's time zone, as whoever asks would say it; documents know in UTC when they were added.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time

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
        yield "added_at >= ?", [_instant(filters.added_from, time.min)]
    if filters.added_to:
        yield "added_at <= ?", [_instant(filters.added_to, time.max)]


def _instant(day: date, moment: time) -> str:
    """A moment of a local day as it is stored."""
    local = datetime.combine(day, moment)
    try:
        return local.astimezone(UTC).isoformat()
    except (OverflowError, ValueError):  # the first and the last day that there is
        return local.replace(tzinfo=UTC).isoformat()


def _meant(store: Store, collection: str, name_or_id: str) -> Document:
    found = store.named(name_or_id, collection)
    return found or names.find(name_or_id, store.documents(collection))


def _any(condition: str, values: Sequence[str]) -> str:
    return "(" + " OR ".join([condition] * len(values)) + ")"

"""The keyword leg: BM25 with tantivy, on disk.

The index is derived from SQLite and carries a mark: the generation of the library that it shows. Where the two differ,
after a crash between their commits, the documents that differ are put right. A query is text, never syntax: it is cut
into terms as the passages were (see `retrieval.terms`), and each term is looked up.

A score is the share of the most that BM25 can give for the query's words in the body of a passage,

    score(q, d) = Σ over words w of idf(w) · tf'(w, d)  /  Σ over words w of idf(w) · (k1 + 1),

with tantivy's k1 = 1.2 and b = 0.75, so that 0 means that no word is there and the scores of two queries or languages
can be compared. Words in the path of headings and in the document's name add to it.
"""

import math
import shutil
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import tantivy
from tantivy import Occur, Query

from retrieval.errors import LibraryDamaged, LibraryError
from retrieval.segment import Scored
from retrieval.terms import LANGUAGES, index_terms, query_terms

_WHITE_SPACE = "whitespace"
_FIELDS = {"body": 1.0, "heading": 0.5, "title": 0.5}
"""Fields with words, and what a word in them counts."""
_K1 = 1.2
_MAX_QUERY_WORDS = 100
_HEAP_BYTES = 50_000_000
_FORMAT = "2"
_MARK = "generation"


@dataclass(frozen=True, slots=True)
class Entry:
    """A passage as the index takes it: `language` is one of `retrieval.terms.LANGUAGES`, `place` the passage's."""

    id: int
    document_id: str
    collection: str
    place: str
    language: str
    title: str
    heading: str
    body: str


class SparseIndex:
    """BM25 over the passages in the folder `path`. One thread may write while another searches."""

    def __init__(self, path: Path):
        self._path = path
        self._schema = _schema()
        self._index = self._opened()
        self._loaded = self.mark()
        self._reloads = 0
        self._last: tuple[tuple[int, str, str] | None, Query | None] = None, None

    def mark(self) -> str | None:
        """The generation that the index on disk shows; None while it is unknown."""
        try:
            form, _, generation = (self._path / _MARK).read_text("utf-8").partition(":")
        except (OSError, UnicodeDecodeError):
            return None
        return (generation or None) if form == _FORMAT else None

    def update(self, add: Iterable[Entry], remove: Iterable[str], generation: str | None) -> None:
        """Removes documents, adds passages, commits, and marks the index with `generation`, in this order."""
        writer = self._index.writer(_HEAP_BYTES, 1)
        for document_id in remove:
            writer.delete_documents_by_term("document_id", document_id)
        self._commit(writer, add, generation)

    def sweep(self) -> None:
        """Deletes what a writer that was killed left behind: files of a name that the next would use again."""
        writer = self._index.writer(_HEAP_BYTES, 1)
        writer.garbage_collect_files()
        writer.wait_merging_threads()

    def rebuild(self, entries: Iterable[Entry], generation: str | None) -> None:
        """Replaces everything with `entries`, in one commit: other processes go on reading what was there before."""
        writer = self._index.writer(_HEAP_BYTES, 1)
        writer.delete_all_documents()
        self._commit(writer, entries, generation)

    def refresh(self) -> None:
        """Shows what another process committed."""
        if self.mark() != self._loaded:
            self.reload()

    def reload(self) -> None:
        """Shows what is on disk now."""
        self._show(self.mark())  # Read first: what comes in between is then seen again, rather than missed.

    def search(self, collection: str, text: str, k: int, documents: Collection[str] | None = None) -> list[Scored]:
        """The `k` passages of `collection` that score best for the words of `text`, ties by id.

        With `documents`, of these only.
        """
        if documents is None:
            return self._search(collection, text, k, [])
        return self._search(collection, text, k, [_any_of(self._schema, "document_id", documents)])

    def scores(self, collection: str, text: str, ids: Collection[int]) -> dict[int, float]:
        """The scores of these passages for the words of `text`; those without any of the words are left out."""
        found = self._search(collection, text, len(ids), [_any_of(self._schema, "id", ids)]) if ids else []
        return {item.id: item.score for item in found}

    def documents(self) -> dict[str, tuple[str, int]]:
        """The place and the number of passages of each document that it holds. ValueError where it is damaged."""
        places = self._searcher().terms_with_prefix("place", "", Query.all_query())
        parted = ((place.partition("/"), count) for place, count in places if count)
        return {document_id: (place, count) for (document_id, _, place), count in parted}

    def count(self, document_id: str) -> int:
        """How many passages of a document the index holds."""
        query = Query.term_query(self._schema, "document_id", document_id)
        return int(self._searcher().search(query, 1).count or 0)

    def __len__(self) -> int:
        return int(self._searcher().num_docs)

    def _searcher(self) -> tantivy.Searcher:
        return self._index.searcher()

    def _search(self, collection: str, text: str, k: int, conditions: Sequence[Query]) -> list[Scored]:
        asked = self._reloads, collection, text  # noted first, so that no later state is taken for an earlier one
        searcher = self._searcher()
        words = self._words(searcher, asked)
        if words is None or not k:
            return []
        inside = [*conditions, Query.term_query(self._schema, "collection", collection)]
        must = [(Occur.Must, Query.const_score_query(condition, 0.0)) for condition in inside]
        hits = searcher.search(Query.boolean_query([*must, (Occur.Must, words)]), k, count=False).hits
        ids = searcher.fast_field_values("id", [address for _, address in hits])
        found = [Scored(int(id_), float(score)) for (score, _), id_ in zip(hits, ids, strict=True) if id_ is not None]
        return sorted(found, key=lambda item: (-item.score, item.id))

    def _words(self, searcher: tantivy.Searcher, asked: tuple[int, str, str]) -> Query | None:
        """As `_words_of`, kept: a search asks twice for the same."""
        last, words = self._last
        if last != asked:
            words = self._words_of(searcher, *asked[1:])
            self._last = asked, words
        return words

    def _words_of(self, searcher: tantivy.Searcher, collection: str, text: str) -> Query | None:
        """What the words of `text` ask for in each language of the collection; None where it has no words."""
        present = [each for each in LANGUAGES if searcher.doc_freq("language", _of_language(each, collection))]
        asked = query_terms(text, present, _MAX_QUERY_WORDS)
        parts = [
            (Occur.Should, Query.boost_query(self._any_word(terms), 1 / self._most(searcher, terms)))
            for terms in asked.values()
        ]
        return Query.boolean_query(parts) if parts else None

    def _any_word(self, terms: Iterable[str]) -> Query:
        return Query.boolean_query(
            [
                (Occur.Should, Query.boost_query(Query.term_query(self._schema, field, term), weight))
                for term in terms
                for field, weight in _FIELDS.items()
            ]
        )

    @staticmethod
    def _most(searcher: tantivy.Searcher, terms: Iterable[str]) -> float:
        """The most that BM25 can give for `terms` in the body; its own formula for idf."""
        total = searcher.num_docs
        frequencies = (min(searcher.doc_freq("body", term), total) for term in terms)
        return sum(math.log(1 + (total - n + 0.5) / (n + 0.5)) * (_K1 + 1) for n in frequencies)

    def _opened(self) -> tantivy.Index:
        """The index, with what is wrong with its folder explained. Raises LibraryError, LibraryDamaged."""
        try:
            return self._open()
        except FileExistsError as error:
            raise LibraryDamaged(
                f"{self._path} is not a folder, but the keyword index belongs there; move it away, then try again: "
                "the index is built anew and nothing is lost."
            ) from error
        except (OSError, ValueError) as error:
            raise LibraryError(
                f"the keyword index in {self._path} cannot be opened ({error}); check the free space and permissions "
                "of the library's folder, then try again: the documents are stored."
            ) from error

    def _open(self) -> tantivy.Index:
        """The index on disk, or an empty one in its place where it cannot be read: it is derived, nothing is lost."""
        self._path.mkdir(parents=True, exist_ok=True)
        try:
            return tantivy.Index(self._schema, str(self._path))
        except ValueError:
            shutil.rmtree(self._path)
            self._path.mkdir()
            return tantivy.Index(self._schema, str(self._path))

    def _commit(self, writer: tantivy.IndexWriter, add: Iterable[Entry], generation: str | None) -> None:
        for entry in add:
            writer.add_document(_document(entry))
        writer.commit()
        writer.wait_merging_threads()
        self._set_mark(generation)

    def _set_mark(self, generation: str | None) -> None:
        temporary = self._path / (_MARK + ".new")
        temporary.write_text(f"{_FORMAT}:{generation or ''}", "utf-8")
        temporary.replace(self._path / _MARK)
        self._show(generation)

    def _show(self, generation: str | None) -> None:
        self._index.reload()
        self._reloads += 1
        self._loaded = generation


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("id", indexed=True, fast=True)
    for name in ("document_id", "collection", "language", "place"):
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic")
    for name in _FIELDS:
        builder.add_text_field(name, tokenizer_name=_WHITE_SPACE, index_option="freq")
    return builder.build()


def _document(entry: Entry) -> tantivy.Document:
    document = tantivy.Document()
    document.add_unsigned("id", entry.id)
    document.add_text("document_id", entry.document_id)
    document.add_text("collection", entry.collection)
    document.add_text("language", _of_language(entry.language, entry.collection))
    document.add_text("place", f"{entry.document_id}/{entry.place}")
    for field in _FIELDS:
        document.add_text(field, index_terms(getattr(entry, field), entry.language))
    return document


def _of_language(language: str, collection: str) -> str:
    return f"{language}:{collection}"


def _any_of(schema: tantivy.Schema, field: str, values: Collection[object]) -> Query:
    return Query.term_set_query(schema, field, list(values))

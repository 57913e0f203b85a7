"""The keyword leg: BM25 with tantivy, on disk.

The index is derived from SQLite and carries a mark: the generation of the library that it shows. Where the two differ,
after a crash between their commits, the library builds it anew. A query is text, never syntax: it is cut into words by
the analyzer that also cut the passages, and each word is looked up.

Limits: stemming and stop words are English; Chinese and Japanese are indexed by single characters.
"""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import tantivy
from tantivy import Filter, Occur, Query

from retrieval.errors import LibraryDamaged, LibraryError

_ANALYZER = "footnote"
_HAN = r"\p{Han}\p{Hiragana}\p{Katakana}"
_WORDS = rf"[{_HAN}]|[\p{{L}}\p{{M}}\p{{N}}--[{_HAN}]]+"
_LONGEST_WORD = 60
_TITLE_WEIGHT = 0.5
_MAX_QUERY_WORDS = 100
_HEAP_BYTES = 50_000_000
_FORMAT = "1"
_MARK = "generation"


@dataclass(frozen=True, slots=True)
class Entry:
    """A passage as the index takes it."""

    id: int
    document_id: str
    collection: str
    title: str
    body: str


class SparseIndex:
    """BM25 over the passages in the folder `path`. Not thread-safe; the library holds a lock."""

    def __init__(self, path: Path):
        self._path = path
        self._schema = _schema()
        self._analyzer = _analyzer(stop_words=False)
        self._query_analyzer = _analyzer(stop_words=True)
        self._index = self._opened()
        self._loaded = self.mark()

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

    def rebuild(self, entries: Iterable[Entry], generation: str | None) -> None:
        """Replaces everything with `entries`, in one commit: other processes go on reading what was there before."""
        writer = self._index.writer(_HEAP_BYTES, 1)
        writer.delete_all_documents()
        self._commit(writer, entries, generation)

    def refresh(self) -> None:
        """Shows what another process committed."""
        mark = self.mark()
        if mark != self._loaded:
            self._index.reload()
            self._loaded = mark

    def search(self, collection: str, text: str, k: int) -> list[int]:
        """Ids of the `k` passages of `collection` that score best for the words of `text`, ties by id."""
        words = self._words(text)
        if not words:
            return []
        searcher = self._index.searcher()
        hits = searcher.search(self._query(collection, words), k, count=False).hits
        ids = searcher.fast_field_values("id", [address for _, address in hits])
        found = sorted((-score, int(id_)) for (score, _), id_ in zip(hits, ids, strict=True) if id_ is not None)
        return [id_ for _, id_ in found]

    def count(self, document_id: str) -> int:
        """How many passages of a document the index holds."""
        query = Query.term_query(self._schema, "document_id", document_id)
        return int(self._index.searcher().search(query, 1).count or 0)

    def __len__(self) -> int:
        return int(self._index.searcher().num_docs)

    def _words(self, text: str) -> list[str]:
        # "The Who" is all stop words: then they are what is asked for.
        words = self._query_analyzer.analyze(text) or self._analyzer.analyze(text)
        return list(dict.fromkeys(words))[:_MAX_QUERY_WORDS]

    def _query(self, collection: str, words: list[str]) -> Query:
        inside = Query.const_score_query(Query.term_query(self._schema, "collection", collection), 0.0)
        bodies = [(Occur.Should, Query.term_query(self._schema, "body", word)) for word in words]
        titles = [
            (Occur.Should, Query.boost_query(Query.term_query(self._schema, "title", word), _TITLE_WEIGHT))
            for word in words
        ]
        return Query.boolean_query([(Occur.Must, inside), (Occur.Must, Query.boolean_query(bodies + titles))])

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
            index = tantivy.Index(self._schema, str(self._path))
        except ValueError:
            shutil.rmtree(self._path)
            self._path.mkdir()
            index = tantivy.Index(self._schema, str(self._path))
        index.register_tokenizer(_ANALYZER, self._analyzer)
        return index

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
        self._index.reload()
        self._loaded = generation


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("id", indexed=True, fast=True)
    builder.add_text_field("document_id", tokenizer_name="raw", index_option="basic")
    builder.add_text_field("collection", tokenizer_name="raw", index_option="basic")
    builder.add_text_field("title", tokenizer_name=_ANALYZER, index_option="freq")
    builder.add_text_field("body", tokenizer_name=_ANALYZER, index_option="freq")
    return builder.build()


def _analyzer(*, stop_words: bool) -> tantivy.TextAnalyzer:
    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.regex(_WORDS)).filter(Filter.remove_long(_LONGEST_WORD))
    builder = builder.filter(Filter.lowercase()).filter(Filter.ascii_fold())
    if stop_words:
        builder = builder.filter(Filter.stopword("english"))
    return builder.filter(Filter.stemmer("english")).build()


def _document(entry: Entry) -> tantivy.Document:
    document = tantivy.Document()
    document.add_unsigned("id", entry.id)
    document.add_text("document_id", entry.document_id)
    document.add_text("collection", entry.collection)
    document.add_text("title", entry.title)
    document.add_text("body", entry.body)
    return document

"""What the questions of a file are answered from: a collection of the home, or the file's own passages."""

from collections.abc import Iterator
from contextlib import contextmanager

from assistant.config import Config, embedder_of, open_home, open_library
from assistant.errors import InputError
from eval.legs import ShareDone, library_of
from eval.qa_rows import QuestionFile
from retrieval.library import Library
from retrieval.rerank import Reranker
from retrieval.types import DEFAULT_COLLECTION

OWN_PASSAGES = "the documents are the passages of the file itself, all of them, in a temporary library"


@contextmanager
def documents(
    config: Config, collection: str | None, questions: QuestionFile, progress: ShareDone
) -> Iterator[tuple[Library, str]]:
    """The library to answer from and the collection in it: the home's, or the contexts in a temporary one.

    Raises InputError where there are no documents; `progress` is called with the share of passages added.
    """
    if collection is not None:
        with open_library(open_home(config.home)) as library:
            require_documents(library, collection)
            yield library, collection
        return
    contexts = questions.contexts()
    reranker = Reranker(config.reranker) if config.reranker else None
    with library_of(contexts, embedder_of(config), reranker, lambda done: progress(done / len(contexts))) as library:
        yield library, DEFAULT_COLLECTION


def require_documents(library: Library, collection: str) -> None:
    """Raises InputError where `collection` has none, and names those that have."""
    known = sorted({document.collection for document in library.documents()})
    if collection not in known:
        others = ", ".join(known) or "none; add documents with `footnote ingest FILE`"
        raise InputError(f"--collection: no documents in {collection!r}; the home's collections are {others}")

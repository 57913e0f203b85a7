"""What the library finds by keywords alone, by vectors alone and by both, asked the questions of a search task.

Every paragraph is added as a file to a library of its own, in a temporary folder, and every question is searched for,
by both legs, and by each alone, for as many passages as give `DEPTH` documents. A document stands where the first of
its passages stands.
"""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from assistant.errors import InputError
from eval.paragraphs import Query, SearchTask
from eval.trec import write_qrels, write_run
from retrieval.embed import Embedder
from retrieval.errors import LibraryError
from retrieval.library import Library
from retrieval.rerank import Reranker
from retrieval.types import Hit, Leg

DEPTH = 10
LEGS: dict[str, Leg] = {"bm25": "sparse", "vectors": "dense", "both": "hybrid"}
"""What the rankings are called, and what the library calls that way of searching."""
_WIDTHS = (2 * DEPTH, 10 * DEPTH, 100 * DEPTH)
"""Passages that are looked for, until there are enough documents."""
_ENDING = ".txt"

Rankings = dict[str, dict[str, list[str]]]
"""Documents, best first, by leg and query."""
ShareDone = Callable[[float], None]


def rank(task: SearchTask, embedder: Embedder | None = None, progress: ShareDone | None = None) -> Rankings:
    """The first documents of each leg for each query of `task`; `progress` is called with the share done."""
    tell = progress or (lambda _: None)
    first = len(task.paragraphs)
    steps = first + len(task.queries)
    with library_of(task.paragraphs, embedder, progress=lambda done: tell(done / steps)) as opened:
        return rank_in(opened, task, lambda share: tell((first + share * len(task.queries)) / steps))


def rank_in(library: Library, task: SearchTask, progress: ShareDone | None = None) -> Rankings:
    """The same in an open library whose default collection holds the paragraphs of `task` under their names."""
    rankings: Rankings = {leg: {} for leg in LEGS}
    for number, query in enumerate(task.queries, start=1):
        for leg, documents in _found(library, query).items():
            rankings[leg][query.id] = documents
        if progress:
            progress(number / len(task.queries))
    return rankings


@contextmanager
def library_of(
    paragraphs: Mapping[str, str],
    embedder: Embedder | None = None,
    reranker: Reranker | None = None,
    progress: ShareDone | None = None,
) -> Iterator[Library]:
    """A temporary library in which each text is a document under its name, `p` and its line in their file.

    `progress` is called with the number that was added. Raises InputError for a text that cannot be a document.
    """
    tell = progress or (lambda _: None)
    with (
        tempfile.TemporaryDirectory(prefix="footnote-") as folder,
        Library.open(f"{folder}/library", embedder, reranker=reranker) as opened,
    ):
        texts = Path(folder, "paragraphs")
        texts.mkdir()
        for document, text in paragraphs.items():
            (texts / f"{document}{_ENDING}").write_bytes(text.encode())
        for report in opened.ingest([texts], progress=lambda state: tell(state.file)):
            if report.state != "ready":
                document = report.document.removesuffix(_ENDING)
                raise InputError(f"the paragraph of line {document[1:]} cannot be a document: {report.reason}")
        yield opened


def write_files(folder: Path, task: SearchTask, rankings: Rankings) -> None:
    """Writes `qrels.txt` and, for each leg, `LEG.run` into `folder`."""
    write_qrels(folder / "qrels.txt", {query.id: query.judged for query in task.queries})
    for leg, ranking in rankings.items():
        write_run(folder / f"{leg}.run", ranking, tag=leg)


def _found(library: Library, query: Query) -> dict[str, list[str]]:
    try:
        return {name: _ranked(library, query.text, leg) for name, leg in LEGS.items()}
    except LibraryError as fault:
        raise InputError(f"{query.place}: {fault}") from fault


def _ranked(library: Library, text: str, leg: Leg) -> list[str]:
    documents: list[str] = []
    for width in _WIDTHS:
        hits = library.search(text, width, leg=leg)
        documents = _documents(hits)
        if len(documents) >= DEPTH or len(hits) < width:
            break
    return documents[:DEPTH]


def _documents(hits: Iterable[Hit]) -> list[str]:
    return list(dict.fromkeys(hit.document.removesuffix(_ENDING) for hit in hits))

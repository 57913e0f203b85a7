"""`footnote bench ingest` and `footnote bench retrieval`: how fast documents come in, and how fast passages are found.

Each measurement is a process of its own, so that the peak of its memory is its own: of the process and, where it reads
files, of the largest in which they are read, added up. What is compared is measured in one run, in turns.

A page is one of the file where its format has pages; of other files 1,800 characters are counted as a page, as is usual
for manuscripts.
"""

import json
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

import numpy as np

from retrieval import confined, held
from retrieval.context import embedding_text
from retrieval.embed import Embedder, bundled_folder
from retrieval.library import Library
from retrieval.madeup import MadeUp
from retrieval.types import DEFAULT_COLLECTION

Tell = Callable[[str], None]
Result = TypeVar("Result")
_WORDS_A_DOCUMENT = 16_000
"""About a hundred passages."""
_INGESTED_DOCUMENTS = 3
_CHARACTERS_A_PAGE = 1_800
_WARM_UP = 50
_NEAREST = 10
_JUDGED = 200
"""Queries whose nearest passages are found by comparing with all."""


@dataclass(frozen=True, slots=True)
class IngestSpeed:
    """One way of taking documents in. For the embedding alone, pages and memory are None: they are not counted."""

    name: str
    case: str
    passages_per_s: float
    pages_per_s: float | None = None
    peak_memory_mb: float | None = None


@dataclass(frozen=True, slots=True)
class SearchSpeed:
    """Searching a library of one size. The vector of the query costs nothing here."""

    name: str
    case: str
    build_s: float
    build_peak_memory_mb: float
    open_s: float
    p50_ms: float
    p95_ms: float
    recall_at_10: float
    peak_memory_mb: float


def measure_ingest(paths: Sequence[Path], rounds: int, tell: Tell) -> list[IngestSpeed]:
    """Files and folders, or made-up documents where there are none, into a new library; and their embedding alone,
    beside the default loop of sentence-transformers.
    """
    with tempfile.TemporaryDirectory(prefix="footnote-") as folder:
        sources = list(paths) or [_written(Path(folder, "files"), _INGESTED_DOCUMENTS)]
        tell("taking the documents in")
        whole, texts = _alone(_ingested, Path(folder, "library"), sources)
        file = Path(folder, "texts.json")
        file.write_text(json.dumps(texts), "utf-8")
        speeds: dict[str, list[float]] = {"embedding": [], "default loop": []}
        for number in range(rounds):
            tell(f"embedding, round {number + 1} of {rounds}")
            speeds["embedding"].append(_alone(_embedded, file))
            speeds["default loop"].append(_alone(_embedded_by_default, file))
    case = f"{len(texts):,} passages, median of {rounds}"
    return [whole, *(IngestSpeed(name, case, round(median(found), 1)) for name, found in speeds.items())]


def measure_retrieval(sizes: Sequence[int], queries: int, tell: Tell) -> Iterator[SearchSpeed]:
    """Libraries of about so many made-up passages, each built and searched `queries` times."""
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="footnote-") as folder:
            files, library = Path(folder, "files"), Path(folder, "library")
            tell(f"{size:,} passages: writing the documents")
            _alone(_written, files, max(1, round(size / 100)))
            tell(f"{size:,} passages: building the library")
            built = _alone(_built, library, files)
            tell(f"{size:,} passages: searching")
            yield SearchSpeed(name="hybrid search", **built, **_alone(_searched, library, queries))


def _alone(work: Callable[..., Result], *arguments: Any) -> Result:
    """What `work` returns in a new process."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(work, *arguments).result()


def _peak_mb() -> float:
    """The most memory, in MB, that this process had and the largest of those that it started and that have ended."""
    unit = 1 if sys.platform == "darwin" else 1024
    peaks = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return round(sum(peaks) * unit / 1e6, 1)


def _written(folder: Path, documents: int) -> Path:
    folder.mkdir()
    made = MadeUp()
    for number in range(documents):
        (folder / f"{number:06}.txt").write_text(made.document(number, _WORDS_A_DOCUMENT), "utf-8")
    return folder


def _ingested(library: Path, sources: Sequence[Path]) -> tuple[IngestSpeed, list[str]]:
    embedder = Embedder()
    embedder.encode(["The model is loaded before the clock starts."])
    with Library.open(library, embedder) as opened:
        start = time.perf_counter()
        reports = opened.ingest(sources)
        seconds = time.perf_counter() - start
        ready = [report for report in reports if report.state == "ready"]
        texts = [embedding_text(heading, text) for heading, text in _passages(opened)]
        pages = sum(document.pages or document.characters / _CHARACTERS_A_PAGE for document in opened.documents())
    confined.shared().close()  # Its memory is only told once it has ended.
    case = f"{len(ready)} documents of {len(reports)} files"
    rates = round(len(texts) / seconds, 1), round(pages / seconds, 1)
    return IngestSpeed("ingest", case, *rates, _peak_mb()), texts


def _passages(library: Library) -> Iterator[tuple[str, str]]:
    for document in library.documents():
        for passage in library._store.passages_of(document):
            yield passage.heading, passage.text


def _embedded(file: Path) -> float:
    texts, embedder = json.loads(file.read_text("utf-8")), Embedder()
    embedder.encode(texts[:8])
    start = time.perf_counter()
    embedder.encode(texts)
    return len(texts) / (time.perf_counter() - start)


def _embedded_by_default(file: Path) -> float:
    from sentence_transformers import SentenceTransformer

    texts, model = json.loads(file.read_text("utf-8")), SentenceTransformer(str(bundled_folder()))
    model.encode(texts[:8])
    start = time.perf_counter()
    model.encode(texts)
    return len(texts) / (time.perf_counter() - start)


def _built(library: Path, files: Path) -> dict[str, Any]:
    embedder, start = MadeUp(), time.perf_counter()
    with Library.open(library, embedder) as opened:
        opened.ingest([files])
        passages = held.count_passages(opened._store)
    seconds = round(time.perf_counter() - start, 1)
    return {"case": f"{passages:,} passages", "build_s": seconds, "build_peak_memory_mb": _peak_mb()}


def _searched(library: Path, queries: int) -> dict[str, Any]:
    embedder, rng = MadeUp(), np.random.default_rng(7)
    start = time.perf_counter()
    with Library.open(library, embedder) as opened:
        seconds = time.perf_counter() - start
        asked = _questions(opened, embedder, rng, queries + _WARM_UP)
        times = []
        for question in asked:
            start = time.perf_counter()
            opened.search(question, k=_NEAREST)
            times.append(1000 * (time.perf_counter() - start))
        peak = _peak_mb()
        recall = _recall(opened, embedder.encode(asked[:_JUDGED]))
    p50, p95 = np.percentile(times[_WARM_UP:], (50, 95))
    return {
        "open_s": round(seconds, 2),
        "p50_ms": round(float(p50), 2),
        "p95_ms": round(float(p95), 2),
        "recall_at_10": round(recall, 4),
        "peak_memory_mb": peak,
    }


def _questions(library: Library, embedder: MadeUp, rng: np.random.Generator, count: int) -> list[str]:
    last = library._store.rows("SELECT max(id) FROM passages")[0][0]
    found = library._store.passages(int(id_) for id_ in rng.integers(1, last + 1, 2 * count))
    return [embedder.question(passage.text, rng) for passage, _ in zip(found, range(count), strict=False)]


def _recall(library: Library, vectors: np.ndarray[Any, np.dtype[np.float32]]) -> float:
    """The share of each query's ten nearest passages, by comparing with all, that the index finds."""
    best: list[list[tuple[float, int]]] = [[] for _ in vectors]
    for document in library.documents():
        ids, stored = held.vectors(library._store, document.id)
        scores = vectors @ stored.T
        top = np.argsort(-scores, axis=1)[:, :_NEAREST]
        for query, places in enumerate(top):
            best[query] += [(float(scores[query, place]), ids[place]) for place in places]
            best[query] = sorted(best[query], reverse=True)[:_NEAREST]
    found = [
        {item.id for item in library._indexes.nearest(DEFAULT_COLLECTION, vector, _NEAREST)} & {id_ for _, id_ in exact}
        for vector, exact in zip(vectors, best, strict=True)
    ]
    return sum(map(len, found)) / sum(map(len, best))

"""Runs and judgements in the formats of TREC: a line for each document that was found, or judged, for a query.

    run     qid Q0 docid rank score tag    the score orders the documents; Q0, rank and tag are not read
    qrels   qid iter docid relevance       a whole number; above 0 is relevant, 0 and below are not; iter is not read

Columns stand apart by spaces or tabs; empty lines are passed over. Files may be plain, gzip or xz. Ids are bytes, so
that their order is the one that trec_eval gives them, whatever their encoding.
"""

import codecs
import gzip
import lzma
import math
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, TypeVar

from assistant.errors import InputError

Run = dict[bytes, dict[bytes, float]]
Qrels = dict[bytes, dict[bytes, int]]
Value = TypeVar("Value", int, float)

_RUN = "qid Q0 docid rank score tag"
_QRELS = "qid iter docid relevance"
_MOST_RELEVANT = 2**31 - 1


def read_run(path: Path) -> Run:
    """The scores of each query's documents. Raises InputError, which names the file and the line."""
    run: Run = {}
    for place, (query, _, document, _, text, _) in _lines(path, _RUN):
        try:
            score = float(text)
        except ValueError:
            score = math.nan
        if math.isnan(score):
            raise InputError(f"{place}: the score {shown(text)} is not a number; documents cannot be ordered by it")
        _put(run, query, document, score, place)
    return run


def read_qrels(path: Path) -> Qrels:
    """The relevance of each query's judged documents, at least one above 0. Raises InputError."""
    qrels: Qrels = {}
    for place, (query, _, document, text) in _lines(path, _QRELS):
        try:
            relevance = int(text)
        except ValueError:
            relevance = None
        if relevance is None or abs(relevance) > _MOST_RELEVANT:
            raise InputError(f"{place}: the relevance {shown(text)} is not a whole number of 32 bits; write 0, 1, 2 …")
        _put(qrels, query, document, relevance, place)
    if not any(relevance > 0 for judged in qrels.values() for relevance in judged.values()):
        raise InputError(f"{path}: no document is relevant (above 0 in the last column), so there is nothing to find")
    return qrels


def write_run(path: Path, rankings: Mapping[str, Sequence[str]], tag: str) -> None:
    """Writes documents, best first, for each query; the score is 1 / rank, so that the order has no ties."""
    lines = (
        f"{query} Q0 {document} {rank} {1 / rank:.6f} {tag}\n"
        for query, ranking in rankings.items()
        for rank, document in enumerate(ranking, start=1)
    )
    path.write_text("".join(lines), "utf-8")


def write_qrels(path: Path, qrels: Mapping[str, Mapping[str, int]]) -> None:
    """Writes the relevance of each query's documents."""
    lines = (
        f"{query} 0 {document} {relevance}\n"
        for query, judged in qrels.items()
        for document, relevance in judged.items()
    )
    path.write_text("".join(lines), "utf-8")


def shown(text: bytes) -> str:
    """An id, or what stands in its place, as an error quotes it."""
    return repr(text.decode("utf-8", "backslashreplace"))


def _lines(path: Path, form: str) -> Iterator[tuple[str, list[bytes]]]:
    """Each line that is not empty: its place, and as many columns as `form` has."""
    width = len(form.split())
    empty = True
    try:
        with _open(path) as file:
            for number, line in enumerate(file, start=1):
                columns = (line.removeprefix(codecs.BOM_UTF8) if number == 1 else line).split()
                if not columns:
                    continue
                empty = False
                if len(columns) != width:
                    raise InputError(f"{path}:{number}: {len(columns)} columns where {width} belong: {form}")
                yield f"{path}:{number}", columns
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as fault:
        reason = getattr(fault, "strerror", None) or fault
        raise InputError(f"{path}: cannot be read ({reason}); name a file of lines: {form}") from fault
    if empty:
        raise InputError(f"{path}: the file is empty; it must hold lines of: {form}")


def _open(path: Path) -> IO[bytes]:
    if path.suffix == ".gz":
        return gzip.open(path)  # type: ignore[return-value]
    if path.suffix == ".xz":
        return lzma.open(path)
    return path.open("rb")


def _put(found: dict[bytes, dict[bytes, Value]], query: bytes, document: bytes, value: Value, place: str) -> None:
    documents = found.setdefault(query, {})
    if document in documents:
        raise InputError(
            f"{place}: the document {shown(document)} stands a second time for the query {shown(query)}; keep one line"
        )
    documents[document] = value

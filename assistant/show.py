"""Answers, hits, documents and checks as lines for a terminal.

Text from people and documents is stripped of control characters first, so that it cannot steer the terminal.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TextIO

import typer

from assistant.types import Answer, Citation
from retrieval.types import Alias, Archive, Document, Hit, IngestReport, Job, Progress

if TYPE_CHECKING:
    from assistant.doctor import Check

_SHOWN_CHARACTERS = 200


def print_answer(answer: Answer) -> None:
    """The sentences with their marks, then the footnotes."""
    marked = []
    for sentence in answer.sentences:
        marks = "".join(f" [{number}]" for number in sentence.citations) or " [unsupported]"
        marked.append(printable(sentence.text) + marks)
    typer.echo(" ".join(marked) or printable(answer.answer))
    for citation in answer.citations:
        typer.echo(f"\n[{citation.id}] {_place(citation)}\n    “{printable(citation.quote)}”")


def print_hits(hits: Sequence[Hit]) -> None:
    """One passage a paragraph, with its place and its rank in each leg."""
    for hit in hits:
        page = f", page {hit.page}" if hit.page is not None else ""
        ranks = f"vectors {hit.dense_rank or '-'}, keywords {hit.sparse_rank or '-'}"
        typer.echo(f"{hit.score:.4f}  {printable(hit.document)}{page}  ({ranks})")
        typer.echo(f"    {printable(hit.passage)[:_SHOWN_CHARACTERS]}")
    if not hits:
        typer.echo("nothing found")


def print_documents(documents: Sequence[Document], jobs: Sequence[Job]) -> None:
    """One document a line, then one upload a line that is no document, or not yet, with its state and the reason."""
    for document in documents:
        pages = f"{document.pages} pages" if document.pages is not None else "-"
        typer.echo(
            f"{document.id}  {document.collection}  {pages:>10}  {document.passages:>5} passages  "
            f"{printable(document.name)}{_also(document)}"
        )
    for job in jobs:
        reason = f": {printable(job.reason)}" if job.reason else ""
        typer.echo(f"{job.id}  {printable(job.collection)}  {_state(job)}  {printable(job.name)}{reason}")
    if not documents and not jobs:
        typer.echo("no documents; add some with `footnote ingest FILE`")


def print_collections(counts: Mapping[str, int]) -> None:
    """One collection a line."""
    for name, number in sorted(counts.items()):
        typer.echo(f"{number:>7,} {'document ' if number == 1 else 'documents'}  {printable(name)}")
    if not counts:
        typer.echo("no documents; add some with `footnote ingest FILE`")


def print_removed(removed: Document | Job | Alias | Archive) -> None:
    """What was removed."""
    name = printable(removed.name)
    if isinstance(removed, Alias):
        typer.echo(f"forgot the name {name}; its content stays as {printable(removed.document)}")
    elif isinstance(removed, Archive):
        typer.echo(f"removed {name}: {_came_from(removed)}")
    elif isinstance(removed, Document):
        typer.echo(f"removed {name}{_also(removed)} ({_passages(removed.passages)})")
    else:
        typer.echo(f"removed {name} ({removed.state} upload)")


def print_moved(moved: Document) -> None:
    """What was moved, with all its names, and where it is now."""
    names = f"{printable(moved.name)}{_also(moved)}{',' if moved.aliases else ''}"
    typer.echo(f"moved {names} to {printable(moved.collection)}")


def print_reports(reports: Sequence[IngestReport]) -> None:
    """One file a line, with the reason where it was skipped or failed."""
    for report in reports:
        detail = printable(report.reason) if report.reason else _passages(report.passages)
        typer.echo(f"{report.state:<8} {printable(report.document)}: {detail}")
    if not reports:
        typer.echo("no files found", err=True)


def print_checks(settings: Mapping[str, Mapping[str, Any]], checks: Sequence["Check"]) -> None:
    """Settings with their sources, then the checks with what mends them."""
    for name, setting in settings.items():
        typer.echo(f"{name:<10} {setting['value']}  ({setting['source']})")
    for check in checks:
        typer.echo(f"{'ok' if check.ok else 'FAILED':<6} {check.name}: {check.detail}")
        if not check.ok:
            typer.echo(f"       fix: {check.fix}")


def report_progress(stream: TextIO) -> Callable[[Progress], None] | None:
    """Progress on one line that is written over, on a terminal; None elsewhere."""
    if not stream.isatty():
        return None

    def show(progress: Progress) -> None:
        line = f"{progress.file}/{progress.files} {progress.stage} {progress.share:4.0%} {printable(progress.document)}"
        stream.write(f"\r\x1b[K{line[:_SHOWN_CHARACTERS]}")
        if progress.stage == "done" and progress.file == progress.files:
            stream.write("\r\x1b[K")
        stream.flush()

    return show


def show_draft(piece: str, stream: TextIO) -> None:
    """A piece of the draft, dimmed, on a terminal; nothing elsewhere."""
    if stream.isatty():
        shown = "".join(character if character.isprintable() else " " for character in piece)
        stream.write(f"\x1b[2m{shown}\x1b[0m")
        stream.flush()


def end_draft(stream: TextIO) -> None:
    """Set the draft apart from the answer that takes its place."""
    if stream.isatty():
        stream.write("\n\n")
        stream.flush()


def printable(text: str) -> str:
    """`text` on one line, without characters that a terminal would obey."""
    return "".join(character for character in " ".join(text.split()) if character.isprintable())


def _also(document: Document) -> str:
    return f", given as {' and '.join(map(printable, document.aliases))} too" if document.aliases else ""


def _came_from(archive: Archive) -> str:
    number = len(archive.documents)
    gone = "the 1 document that came from it" if number == 1 else f"the {number:,} documents that came from it"
    kept = " and ".join(printable(document.name) for document in archive.kept)
    return f"{gone}; what was given apart too stays as {kept}" if kept else gone


def _state(job: Job) -> str:
    return f"{job.state} {job.share:.0%}" if job.state == "embedding" else job.state


def _passages(number: int) -> str:
    return "1 passage" if number == 1 else f"{number:,} passages"


def _place(citation: Citation) -> str:
    page = f", page {citation.page}" if citation.page is not None else ""
    return f"{printable(citation.document)}{page}"

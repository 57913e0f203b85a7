"""Documents, and what became of added files, as HTML. Pure functions; names and reasons are escaped."""

from collections.abc import Sequence

from app.render import count, escape
from retrieval.types import Document, IngestReport


def reports_html(reports: Sequence[IngestReport]) -> str:
    """One line a file: its name, its state, and why it was skipped or failed."""
    lines = "".join(
        f'<li class="fn-{report.state}"><bdi class="fn-name">{escape(report.document)}</bdi> '
        f'<span class="fn-state">{report.state}</span>{_detail(report)}</li>'
        for report in reports
    )
    return f'<ul class="fn-reports" role="status" aria-label="Added files">{lines}</ul>' if lines else ""


def documents_html(documents: Sequence[Document]) -> str:
    """The documents of the library, each with a button that deletes it."""
    if not documents:
        return '<p class="fn-status">No documents yet.</p>'
    lines = "".join(_document(document) for document in documents)
    return f'<ul class="fn-documents" aria-label="Documents in the library">{lines}</ul>'


def notice_html(text: str, *, warning: bool = False) -> str:
    """One sentence for the reader, read aloud by a screen reader when it appears."""
    if warning:
        return f'<p class="fn-warning" role="alert">{escape(text)}</p>'
    return f'<p class="fn-notice" role="status">{escape(text)}</p>'


def _detail(report: IngestReport) -> str:
    if report.reason:
        return f'<span class="fn-detail">{escape(report.reason)}</span>'
    return f'<span class="fn-detail">{_size(report.pages, report.passages)}</span>' if report.passages else ""


def _document(document: Document) -> str:
    name = escape(document.name)
    # The date alone: the time of day is of no use in a list.
    added = f'<span class="fn-date">added {escape(document.added_at[:10])}</span>'
    return (
        f'<li><div><bdi class="fn-name" title="{name}">{name}</bdi>'
        f'<span class="fn-detail">{_size(document.pages, document.passages)} · {added}</span></div>'
        f'<button type="button" class="fn-delete" data-document="{escape(document.id)}" aria-label="Delete {name}">'
        "Delete</button></li>"
    )


def _size(pages: int | None, passages: int) -> str:
    size = count(passages, "passage")
    return size if pages is None else f"{count(pages, 'page')} · {size}"

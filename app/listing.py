"""The documents and what is on its way to become one, as HTML. Pure functions; names and reasons are escaped.

Each row has the id of its upload, which is later that of its document, so that the page can keep a row in its place
and change in it only what is new (`documents.js`).
"""

from collections.abc import Mapping, Sequence

from app.render import count, escape
from retrieval.types import Document, Job

_FORGETTABLE = 2
_PERCENT = 100


def library_html(
    jobs: Sequence[Job], documents: Sequence[Document], notes: Mapping[str, str], collections: Sequence[str], most: int
) -> str:
    """The list of one collection: how much there is, the uploads as they are given, the documents; `most` rows at most.

    `notes` are what is to be said of a document, by its id. `collections` are offered where one is moved.
    """
    rows = [_job(job) for job in jobs[:most]]
    rows += [_document(document, notes.get(document.id)) for document in documents[: most - len(rows)]]
    left = len(jobs) + len(documents) - len(rows)
    items = f'<ul class="fn-documents" aria-label="Documents in the library">{"".join(rows)}</ul>' if rows else ""
    ended = sum(job.ended for job in jobs)
    return _status(len(documents), len(jobs) - ended, ended) + items + _more(left) + _datalist(collections)


def refused_html(refused: Sequence[tuple[str, str]]) -> str:
    """One line for each file that was not taken in: its name, and why."""
    lines = "".join(
        f'<li class="fn-failed"><bdi class="fn-name">{escape(name)}</bdi> <span class="fn-state">failed</span>'
        f'<span class="fn-detail">{escape(reason)}</span></li>'
        for name, reason in refused
    )
    return f'<ul class="fn-reports" role="alert" aria-label="Files not taken in">{lines}</ul>' if lines else ""


def notice_html(text: str, *, warning: bool = False) -> str:
    """One sentence for the reader, read aloud by a screen reader when it appears."""
    if warning:
        return f'<p class="fn-warning" role="alert">{escape(text)}</p>'
    return f'<p class="fn-notice" role="status">{escape(text)}</p>'


def _status(documents: int, waiting: int, ended: int) -> str:
    said = [count(documents, "document") if documents else "No documents yet" + "." * (not waiting)]
    if waiting:
        said.append(f"{waiting:,} on the way")
    clear = '<button type="button" data-act="dismiss-all" aria-label="Dismiss all that ended">Dismiss all</button>'
    return f'<p class="fn-status fn-count">{" · ".join(said)} {clear if ended >= _FORGETTABLE else ""}</p>'


def _job(job: Job) -> str:
    name = escape(job.name)
    percent = round(_PERCENT * job.share)
    share = f" {percent} %" if job.state == "embedding" else ""
    what = f'<bdi class="fn-name" title="{name}">{name}</bdi> <span class="fn-state">{job.state}{share}</span>'
    if job.ended:
        what += f'<span class="fn-detail">{escape(_reason(job))}</span>{_unlock(job)}'
    else:
        value = (
            f' value="{percent}"' if job.state != "extracting" else ""
        )  # one without a value only shows that it goes
        what += f'<progress max="{_PERCENT}"{value} aria-label="{name}: {job.state}"></progress>'
    return _row(job.id, job.name, job.state, what, _job_acts(job))


def _job_acts(job: Job) -> str:
    if not job.ended:
        return _button("cancel", "Cancel", job.name)
    # What was refused inside an archive has no bytes of its own to try again with.
    again = job.state == "failed" and job.is_kept and not job.needs_password
    return (_button("retry", "Try again", job.name) if again else "") + _button("dismiss", "Dismiss", job.name)


def _reason(job: Job) -> str:
    if job.needs_password and not job.is_kept:
        return f"{job.reason} Add the file again with the password, or the archive that it is in."
    return job.reason or "It is not in the library; add it again if you want it there."


def _unlock(job: Job) -> str:
    """Where the password is given that a file needs."""
    if not (job.needs_password and job.is_kept):
        return ""
    name = escape(job.name)
    return (
        '<form class="fn-unlock"><input type="password" autocomplete="off" required placeholder="Password" '
        f'aria-label="Password of {name}">'
        f'<button type="submit" aria-label="Try {name} again">Try again</button></form>'
    )


def _document(document: Document, note: str | None) -> str:
    name = escape(document.name)
    # The date alone: the time of day is of no use in a list.
    added = f'<span class="fn-date">added {escape(document.added_at[:10])}</span>'
    what = (
        f'<bdi class="fn-name" title="{name}">{name}</bdi>'
        f'<span class="fn-detail">{_size(document.pages, document.passages)} · {added}</span>'
    )
    also = f"Given as {' and '.join(document.aliases)} too." if document.aliases else ""
    told = " ".join(filter(None, (note, also)))
    what += f'<span class="fn-detail fn-note">{escape(told)}</span>' if told else ""
    acts = (("preview", "Preview"), ("move", "Move"), ("delete", "Delete"))
    return _row(
        document.id, document.name, "ready", what, "".join(_button(act, label, document.name) for act, label in acts)
    )


def _row(id_: str, name: str, state: str, what: str, acts: str) -> str:
    return (
        f'<li class="fn-{state}" data-id="{escape(id_)}" data-name="{escape(name)}" data-state="{state}">'
        f'<div class="fn-what">{what}</div><div class="fn-acts">{acts}</div></li>'
    )


def _button(act: str, label: str, name: str) -> str:
    return (
        f'<button type="button" class="fn-{act}" data-act="{act}" aria-label="{label} {escape(name)}">{label}</button>'
    )


def _more(left: int) -> str:
    if left <= 0:
        return ""
    return (
        f'<p class="fn-status fn-count">and {left:,} more <button type="button" data-act="more">Show more</button></p>'
    )


def _datalist(collections: Sequence[str]) -> str:
    options = "".join(f'<option value="{escape(name)}"></option>' for name in collections)
    return f'<datalist id="fn-collections">{options}</datalist>'


def _size(pages: int | None, passages: int) -> str:
    size = count(passages, "passage")
    return size if pages is None else f"{count(pages, 'page')} · {size}"

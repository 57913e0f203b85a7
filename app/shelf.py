"""The handlers of the documents: uploads into the library's queue, what becomes of them, and the buttons of the list.

None of them waits for a document: the library's worker adds what was submitted, and `look`, called again and again by
the page, shows how far it is.
"""

import hashlib
from pathlib import Path
from typing import Any

import gradio as gr

from app.acts import act, found
from app.collection import choices, chosen
from app.faults import explained, reason_of
from app.listing import library_html, notice_html, refused_html
from app.preview import preview_html
from app.uploads import named
from assistant.pipeline import Assistant
from retrieval.errors import LibraryError
from retrieval.reasons import too_large
from retrieval.types import DEFAULT_COLLECTION

_FAILED = "something could not be done with the documents"
MOST = 200
"""Rows of the list at first, and how many each wish for more adds."""
BUSY_SECONDS, IDLE_SECONDS = 1.0, 5.0

View = tuple[Any, Any, Any, Any]
"""The list, what it was made of, how often to look, and the choice of collections: skipped where nothing changed."""


class Shelf:
    """The handlers over the library of one assistant.

    `seen` tells what the browser shows. It comes from there, so that what arrives out of order is put right by the next
    look. `most` is how many rows it shows.
    """

    def __init__(self, assistant: Assistant):
        self._library = assistant.library

    def add(
        self, files: list[dict[str, Any]] | None, password: str, collection: str, seen: str, most: int
    ) -> tuple[Any, ...]:
        """Hand uploaded files over to the library; tell of each that is refused why. Empties the two fields."""
        said, refusal = explained(lambda: self._submitted(files or [], password, chosen(collection)), _FAILED)
        return None, "", said or refusal, *self.look(collection, seen, most)

    def act(self, collection: str, seen: str, most: int, event: gr.EventData) -> tuple[Any, ...]:
        """Do what a button of the list is for, and tell what was done."""
        done, refusal = explained(lambda: act(self._library, event._data or {}, collection), _FAILED)
        return notice_html(done) if done else refusal, *self.look(collection, seen, most)

    def more(self, collection: str, seen: str, most: int) -> tuple[Any, ...]:
        """Show more rows."""
        return int(most) + MOST, *self.look(collection, seen, int(most) + MOST)

    def look(self, collection: str, seen: str, most: int) -> View:
        """The documents of now, where they are not those that were seen before."""
        made, refusal = explained(lambda: self._listed(chosen(collection), int(most)), _FAILED)
        html, names, busy = made or (refusal, [], False)
        before, now = (seen or "").split(), [_digest(html), _digest(repr(names))]
        if before == now:
            return gr.skip(), gr.skip(), gr.skip(), gr.skip()
        offered = gr.update(choices=names) if names and before[1:] != now[1:] else gr.skip()
        return html, " ".join(now), gr.update(value=BUSY_SECONDS if busy else IDLE_SECONDS), offered

    def choose(self, typed: str, kept: object) -> tuple[Any, ...]:
        """Turn to another collection; where `typed` cannot name one, stay with `kept`."""
        collection, refusal = explained(lambda: chosen(typed), _FAILED)
        collection = collection or _kept(kept)
        return collection, refusal, MOST, *self._turned(collection)

    def restore(self, kept: object) -> View:
        """The collection that the browser was at before, and its documents."""
        return self._turned(_kept(kept))

    def preview(self, event: gr.EventData) -> tuple[Any, str]:
        """A part of the text of a document, or why there is none."""
        asked = event._data or {}

        def shown() -> str:
            document = found(self._library, asked)
            text, sections = self._library.text(document.id), self._library.sections(document.id)
            return preview_html(document, text, sections, int(asked["part"]), int(asked["turn"]))

        html, refusal = explained(shown, _FAILED)
        return html or gr.skip(), refusal

    def _turned(self, collection: str) -> View:
        html, seen, timer, _ = self.look(collection, "", MOST)
        return html, seen, timer, gr.update(value=collection, choices=choices(self._library, collection))

    def _submitted(self, files: list[dict[str, Any]], password: str, collection: str) -> str:
        reasons = [(name, self._refusal(path, name, password, collection)) for path, name in named(files)]
        return refused_html([(name, reason) for name, reason in reasons if reason])

    def _refusal(self, path: Path, name: str, password: str, collection: str) -> str:
        """Submits a file; why it was refused, nothing where it was taken."""
        try:
            size, most = path.stat().st_size, self._library.limits.max_bytes
            if size > most:
                raise too_large(name, size, most)
            with path.open("rb") as file:  # copied piece by piece
                self._library.submit(file, name, collection, password=password or None)
        except Exception as fault:
            return reason_of(fault, "a file could not be taken in")
        return ""

    def _listed(self, collection: str, most: int) -> tuple[str, list[str], bool]:
        """The list, the collections there are, and whether something is on its way."""
        library = self._library
        # In this order: what becomes a document between the two is there twice, and told once.
        jobs, documents = library.jobs(collection), library.documents(collection)
        ready = {document.id for document in documents}
        jobs = [job for job in jobs if job.id not in ready]
        told = [job for document in documents[:most] if (job := library.job(document.id))]
        names = choices(library, collection)
        html = library_html(jobs, documents, {job.id: job.reason for job in told if job.reason}, names, most)
        return html, names, any(not job.ended for job in jobs)


def _kept(value: object) -> str:
    """The collection that the browser kept; the default where it holds something else."""
    try:
        return chosen(value)
    except LibraryError:
        return DEFAULT_COLLECTION


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]

"""The handlers of the documents: uploaded files into the library and out of it, shown as reports and a list."""

import logging
import shutil
import tempfile
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gradio as gr

from app.listing import documents_html, notice_html, reports_html
from assistant.errors import SHOWN
from assistant.pipeline import Assistant
from retrieval.names import distinct
from retrieval.types import DEFAULT_COLLECTION, IngestReport, Progress

FAULT = "Something went wrong in the program; the trace is in its log. Try it again."
_NAME_BYTES = 200


class Shelf:
    """The handlers over the library of one assistant."""

    def __init__(self, assistant: Assistant):
        self._library = assistant.library

    def add(self, files: list[dict[str, Any]] | None, progress: gr.Progress = gr.Progress()) -> tuple[Any, str, str]:  # noqa: B008
        """Take uploaded files into the library."""

        def show(step: Progress) -> None:
            share = (step.file - 1 + step.share) / step.files
            progress(share, desc=f"{step.document}: {step.stage} ({step.file} of {step.files})")

        try:
            with _under_own_names(files or []) as paths:
                report = reports_html(self._ingest(paths, show))
        except SHOWN as fault:
            report = notice_html(str(fault), warning=True)
        except Exception:
            logging.getLogger("footnote").exception("files could not be added")
            report = notice_html(FAULT, warning=True)
        return None, report, self.listing()

    def remove(self, event: gr.EventData) -> tuple[str, str]:
        """Delete one document; say which."""
        try:
            said = self._remove(str(event.document))
        except SHOWN as fault:
            said = notice_html(str(fault), warning=True)
        return said, self.listing()

    def listing(self) -> str:
        """The documents that there are now."""
        return documents_html(self._library.documents(DEFAULT_COLLECTION))

    def _ingest(self, paths: Sequence[Path], show: Any) -> list[IngestReport]:
        return self._library.ingest(paths, collection=DEFAULT_COLLECTION, progress=show)

    def _remove(self, document_id: str) -> str:
        document = self._library.document(document_id)
        if document is None:
            return notice_html("That document was already deleted.")
        self._library.remove(document_id, collection=DEFAULT_COLLECTION)
        return notice_html(f"Deleted {document.name}.")


@contextmanager
def _under_own_names(files: Sequence[dict[str, Any]]) -> Iterator[list[Path]]:
    """The uploaded files where each has the name that its owner gave it; gone at the end.

    Where several have one name, all but the first get a number, so that none takes the place of another. The files that
    Gradio stored are left to its own clean-up: it keeps equal files once, so another upload may be reading the same.
    """
    names = distinct([_safe_name(file.get("orig_name") or Path(file["path"]).name) for file in files])
    with tempfile.TemporaryDirectory(prefix="footnote-") as folder:
        paths = []
        for number, (file, name) in enumerate(zip(files, names, strict=True)):
            path = Path(folder, str(number), name)
            path.parent.mkdir()
            shutil.copyfile(file["path"], path)
            paths.append(path)
        yield paths


def _safe_name(name: str) -> str:
    """The last part of `name` as a file name that stays inside its folder, in the form of a document's name."""
    last = unicodedata.normalize("NFC", name).replace("\\", "/").rsplit("/", 1)[-1]
    kept = "".join(character for character in last if character.isprintable()).strip()
    stem, dot, suffix = kept.rpartition(".")
    tail = dot + suffix if stem and len(suffix.encode()) < _NAME_BYTES // 2 else ""
    room = _NAME_BYTES - len(tail.encode())
    kept = kept.removesuffix(tail).encode()[:room].decode(errors="ignore") + tail
    return kept if kept.strip(".") else "document"

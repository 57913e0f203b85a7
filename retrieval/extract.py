"""From a file to the text that is stored: the first stage of adding a document.

Everything is read in memory and on this machine. Files that are their own text are read here; all others in a process
of their own that a hostile or huge file may take down, see confined.py. Every way in which a file can be no document
ends in a DocumentError of one sentence.

Limits: the kind of a file and the language of its text are looked up by native code in this process, on a few
kilobytes.
"""

import stat
import threading
from dataclasses import dataclass
from pathlib import Path, PurePath

from retrieval import confined, ocr, reasons
from retrieval.decoding import decode, decode_unknown
from retrieval.errors import Cancelled, DocumentError
from retrieval.kinds import MARKDOWN, PDF, PLAIN, is_picture, media_type
from retrieval.language import language_of
from retrieval.layout import Heading, Layout, Page
from retrieval.limits import Limits
from retrieval.markdown import read_markdown
from retrieval.plaintext import clean, clean_name

__all__ = ["Extracted", "Heading", "Limits", "extract", "extract_data", "read_file"]


@dataclass(frozen=True, slots=True)
class Extracted:
    """The text of a document. A page is `(number, start, end)` in characters of `text`; no pages where it has none."""

    text: str
    media_type: str
    pages: tuple[Page, ...]
    language: str | None = None
    """Main language of the text, as a code of ISO 639-1; None where that is not sure."""
    headings: tuple[Heading, ...] = ()
    """In order; `text[start:end]` is the words of one, without the marks around them."""
    notes: tuple[str, ...] = ()
    """Sentences about what could not be read, for the report of the file."""


def extract(
    path: Path, limits: Limits | None = None, *, password: str | None = None, cancel: threading.Event | None = None
) -> Extracted:
    """The text of the file at `path`. Raises as `extract_data` does."""
    limits = limits or Limits()
    return extract_data(read_file(path, limits), path, limits, password=password, cancel=cancel)


def read_file(path: Path, limits: Limits) -> bytes:
    """The bytes of a regular file; its size is checked before anything is read. Raises DocumentError."""
    name = clean_name(path.name)
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise DocumentError(f"{name} is not a regular file; give a document or a folder of documents.")
        if found.st_size > limits.max_bytes:
            raise reasons.too_large(name, found.st_size, limits.max_bytes)
        with path.open("rb") as file:
            data = file.read(limits.max_bytes + 1)
    except FileNotFoundError:
        raise DocumentError(f"{name} does not exist; check the path.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "its path is not valid"
        raise DocumentError(f"{name} cannot be read ({reason}); check the path and its permissions.") from None
    if len(data) > limits.max_bytes:
        raise reasons.too_large(name, len(data), limits.max_bytes)
    if not data:
        raise reasons.empty(name)
    return data


def extract_data(
    data: bytes,
    path: PurePath,
    limits: Limits,
    *,
    password: str | None = None,
    cancel: threading.Event | None = None,
) -> Extracted:
    """The text of `data`, which was read from `path`; the path, which need not exist, tells its name and kind.

    Raises DocumentError; PasswordNeeded where it is encrypted and `password` does not open it; Cancelled soon after
    `cancel` is set; LibraryError where the reading process cannot be started.
    """
    name = clean_name(path.name)
    kind = media_type(data, path)
    reasons.refuse_kind(kind, name, recognises=ocr.program() is not None)
    if cancel and cancel.is_set():
        raise Cancelled(f"{name} was cancelled.")
    if kind is None or kind in (PLAIN, MARKDOWN):
        layout = _own_text(data, kind, name, limits)
    else:
        layout = confined.shared().read(data, kind, name, limits, password, cancel)
    kind = kind or PLAIN
    if not layout.text.strip():
        recognised = ocr.program() is not None and (kind == PDF or is_picture(kind))
        raise reasons.no_text(name, kind, recognised=recognised)
    return Extracted(layout.text, kind, layout.pages, language_of(layout.text), layout.headings, layout.notes)


def _own_text(data: bytes, kind: str | None, name: str, limits: Limits) -> Layout:
    """The text of a file that is its own text, or of one whose kind nobody knows."""
    text = clean(decode(data, name) if kind else decode_unknown(data, name))
    if len(text) > limits.max_characters:
        raise reasons.too_long(name, limits.max_characters)
    return read_markdown(text) if kind == MARKDOWN else Layout(text)

"""From a file to the text that is stored: the first stage of adding a document.

Everything is read in memory and on this machine; pictures of text (scans) are not recognised. Every way in which a file
can be no document ends in a DocumentError of one sentence.

Limits: kreuzberg runs in this process. Its own guards bound what a hostile file unpacks to, and the time limit gives up
waiting, but nothing here survives a crash of native code.
"""

import stat
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from retrieval import entities, reasons
from retrieval.errors import Cancelled, DocumentError
from retrieval.layout import MARKER, Layout, Page, lay_out
from retrieval.plaintext import clean, clean_name, decode, decode_unknown

# Kinds that are their own text. Kreuzberg would put replacement characters in them, or download a grammar for code.
_PLAIN = frozenset("text/plain text/x-source-code application/x-latex application/toml application/x-ndjson".split())
# Inline tags whose markup would end up in the text as Markdown: link targets and asterisks are noise in a quotation.
_INLINE_TAGS = "a img svg span strong b em i u s code sup sub mark small abbr cite q kbd font".split()
_LOOK_SECONDS = 0.1
_HTML: Any = {
    "strip_tags": _INLINE_TAGS,
    "preprocessing": {"enabled": True, "remove_navigation": True, "remove_forms": True},
}


@dataclass(frozen=True, slots=True)
class Limits:
    """What a single file may cost."""

    max_bytes: int = 100_000_000
    """Size of the file; a DOCX may unpack to ten times as much."""
    max_characters: int = 20_000_000
    """Length of the text in it."""
    max_seconds: float = 120.0
    """Time to wait for its text."""

    def __post_init__(self) -> None:
        if min(self.max_bytes, self.max_characters, self.max_seconds) <= 0:
            raise ValueError("limits must be greater than zero")


@dataclass(frozen=True, slots=True)
class Extracted:
    """The text of a document. A page is `(number, start, end)` in characters of `text`; no pages where it has none."""

    text: str
    media_type: str
    pages: tuple[Page, ...]
    language: str | None = None
    headings: tuple[Any, ...] = ()
    notes: tuple[str, ...] = ()


class _NativeFaultError(Exception):
    """A panic in the extractor, which a damaged file can provoke."""


def extract(path: Path, limits: Limits | None = None) -> Extracted:
    """The text of the file at `path`. Raises DocumentError."""
    limits = limits or Limits()
    return extract_data(read_file(path, limits), path, limits)


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
        raise DocumentError(f"{name} is empty (0 bytes); check that it was saved or copied completely.")
    return data


def extract_data(
    data: bytes,
    path: PurePath,
    limits: Limits,
    *,
    password: str | None = None,
    cancel: threading.Event | None = None,
) -> Extracted:
    """The text of `data`, which was read from `path`; the path tells its kind. Raises DocumentError, Cancelled."""
    name = clean_name(path.name)
    media_type = _media_type(data, path)
    reasons.refuse_kind(media_type, name)
    if media_type is None:
        media_type, layout = "text/plain", Layout(clean(decode_unknown(data, name)))
    elif media_type in _PLAIN:
        layout = Layout(clean(decode(data, name)))
    else:
        layout = _with_kreuzberg(data, media_type, name, limits, password, cancel)
    text = layout.text
    if not text.strip():
        raise reasons.no_text(name, media_type)
    if len(text) > limits.max_characters:
        raise DocumentError(f"{name} holds more than {limits.max_characters:,} characters; split it and add the parts.")
    return Extracted(text, media_type, layout.pages)


def _media_type(data: bytes, path: PurePath) -> str | None:
    """What the name says, corrected by the bytes where they are plainly something else; None where neither knows."""
    import kreuzberg

    try:
        named = kreuzberg.detect_mime_type_from_path(Path(path))
    except (kreuzberg.KreuzbergError, RuntimeError, ValueError):
        named = None  # An unknown extension is no fault: the bytes decide.
    if named and named not in _PLAIN and named != "application/octet-stream":
        return named
    try:
        sniffed = kreuzberg.detect_mime_type(data[:65_536])
    except (kreuzberg.KreuzbergError, RuntimeError, ValueError):
        return named if named in _PLAIN else None
    is_text = sniffed.startswith("text/") or sniffed == "application/json"
    return (named if named in _PLAIN else None) if is_text else sniffed


def _with_kreuzberg(
    data: bytes, media_type: str, name: str, limits: Limits, password: str | None, cancel: threading.Event | None
) -> Layout:
    import kreuzberg

    if "wordprocessingml" in media_type:
        data = entities.protect_docx(data, name, 10 * limits.max_bytes)
    elif media_type.endswith("xml") and "html" not in media_type:
        data = entities.protect_xml(data)
    try:
        config = _config(password)
        result = _in_time(lambda: kreuzberg.extract_bytes_sync(data, media_type, config=config), name, limits, cancel)
    except kreuzberg.KreuzbergError as error:
        raise reasons.from_kreuzberg(error.message, name, media_type) from error
    except (
        _NativeFaultError,
        OSError,
        RuntimeError,
        ValueError,
    ) as error:  # It passes on what its own libraries raise.
        raise reasons.from_kreuzberg(str(error), name, media_type) from error
    layout = lay_out(result, media_type)
    return Layout(entities.restore(layout.text), layout.pages)


def _config(password: str | None) -> Any:
    from kreuzberg import ExtractionConfig, PageConfig, PdfConfig

    return ExtractionConfig(
        use_cache=False,  # A copy of people's documents outside the library would outlive their removal.
        enable_quality_processing=False,
        disable_ocr=True,  # type: ignore[call-arg] # missing from its stubs
        html_options=_HTML,
        pdf_options=PdfConfig(passwords=[password]) if password else None,
        pages=PageConfig(extract_pages=True, insert_page_markers=True, marker_format=MARKER),
    )


def _in_time(work: Callable[[], Any], name: str, limits: Limits, cancel: threading.Event | None) -> Any:
    """What `work` returns or raises. One that takes too long is left to itself: native code cannot be interrupted."""
    outcome: Future[Any] = Future()

    def run() -> None:
        try:
            outcome.set_result(work())
        except Exception as error:
            outcome.set_exception(error)
        except (
            BaseException
        ) as error:  # A panic of Rust code derives from BaseException, to pass by handlers like ours.
            outcome.set_exception(_NativeFaultError(str(error)))

    threading.Thread(target=run, name="extract", daemon=True).start()
    end = time.monotonic() + limits.max_seconds
    while not wait([outcome], min(_LOOK_SECONDS, limits.max_seconds)).done:
        if cancel and cancel.is_set():
            raise Cancelled(f"{name} was cancelled.")
        if time.monotonic() > end:
            raise DocumentError(
                f"{name} takes longer than {limits.max_seconds:g} seconds to read; split it and add the parts."
            )
    return outcome.result()

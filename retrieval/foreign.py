"""Reads with kreuzberg what is no text of its own: PDF, Office files, spreadsheets, mail and the like.

Runs in the process that may be killed, see retrieval/reader.py. A panic of native code, which a damaged file can
provoke, derives from BaseException; it is a fault of the file here.

Limits: the first text of a slide counts as its title, as kreuzberg has it.
"""

from typing import Any

from retrieval import entities, reasons
from retrieval.arrange import MARKER, arrange, place_headings
from retrieval.decoding import decode
from retrieval.errors import DocumentError, Panicked
from retrieval.kinds import CSV, PDF, RTF, TSV
from retrieval.layout import Layout
from retrieval.limits import Limits

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")
# Formats whose headings kreuzberg knows from the file itself. In XML and JSON it takes elements and keys for headings;
# in PDF it guesses them from the size of letters, and takes the fields of forms for headings.
_WITH_HEADINGS = ("wordprocessingml", "ms-word", "opendocument.text", "rtf", "fictionbook", "docbook", "jats", "ipynb")
_SLIDES = ("presentationml", "ms-powerpoint.presentation")


def read_foreign(data: bytes, media_type: str, name: str, limits: Limits, password: str | None = None) -> Layout:
    """The text of a file that is not its own text. Raises DocumentError."""
    if data.startswith(_OLE) and _ENCRYPTED_PACKAGE in data:
        raise reasons.locked_for_good(name)
    if media_type == RTF and not data.lstrip().startswith(b"{\\rtf"):  # Any bytes are a text to its reader.
        raise reasons.damaged(name, media_type)
    if media_type in (CSV, TSV):
        data = decode(data, name).encode()
    elif "word" in media_type:
        data = entities.protect_docx(data, name, limits.max_unpacked_bytes)
    elif media_type.endswith("xml"):
        data = entities.protect_xml(data)
    has_headings = any(kind in media_type for kind in _WITH_HEADINGS)
    result = _extracted(data, media_type, name, password, structure=has_headings)
    layout = arrange(result, media_type)
    if any(kind in media_type for kind in _SLIDES):  # Their titles are told in Markdown only, their notes only here.
        result = _extracted(data, media_type, name, password, structure=True, output="markdown")
        has_headings = True
    return place_headings(layout, result.document["nodes"]) if has_headings and result.document else layout


def _extracted(
    data: bytes, media_type: str, name: str, password: str | None, *, structure: bool, output: str = "plain"
) -> Any:
    import kreuzberg

    config = kreuzberg.ExtractionConfig(
        use_cache=False,  # A copy of people's documents outside the library would outlive their removal.
        enable_quality_processing=False,
        disable_ocr=True,  # type: ignore[call-arg] # missing from its stubs
        output_format=output,
        include_document_structure=structure,
        pdf_options=kreuzberg.PdfConfig(passwords=[password] if password else None),
        pages=kreuzberg.PageConfig(extract_pages=True, insert_page_markers=True, marker_format=MARKER),
    )
    try:
        return kreuzberg.extract_bytes_sync(data, media_type, config=config)
    except (KeyboardInterrupt, SystemExit, MemoryError):
        raise
    except kreuzberg.KreuzbergError as error:
        raise _reason(error.message, name, media_type, password) from error
    except BaseException as error:
        raise Panicked(str(_reason(str(error), name, media_type, password))) from error


def _reason(message: str, name: str, media_type: str, password: str | None) -> DocumentError:
    if media_type == PDF and "password" in message.lower():
        return reasons.password_wrong(name) if password else reasons.password_needed(name)
    return reasons.from_kreuzberg(message, name, media_type)

"""Why a file was refused, each in one sentence that names the file, what is wrong with it and what to do."""

from retrieval.errors import DocumentError, PasswordNeeded
from retrieval.types import LOCKED_ENDS

_PACKED = {
    "application/zip": "an archive",
    "application/x-tar": "an archive",
    "application/gzip": "an archive",
    "application/x-bzip2": "an archive",
    "application/x-xz": "an archive",
    "application/x-7z-compressed": "a 7z archive",
    "application/x-rar-compressed": "a RAR archive",
}
_NOT_TEXT = {
    "image/svg": "is a drawing; add a document that describes it",
    "image/": "is a picture; install tesseract to have its text recognised, or run OCR on it first and add the result",
    "audio/": "is a sound recording; add a transcript of it",
    "video/": "is a video; add a transcript of it",
}
_KINDS = {
    "application/pdf": "PDF",
    "wordprocessingml": "DOCX",
    "spreadsheetml": "XLSX",
    "presentationml": "PPTX",
    "opendocument.text": "ODT",
    "opendocument.spreadsheet": "ODS",
    "epub": "EPUB",
    "json": "JSON",
    "html": "HTML",
    "xml": "XML",
    "ms-excel": "XLS",
    "msword": "DOC",
    "ms-powerpoint": "PPT",
    "ms-outlook": "MSG",
    "rtf": "RTF",
}
_AN = frozenset({"XLSX", "XLS", "EPUB", "HTML", "XML", "RTF", "ODT", "ODS", "MSG"})


def refuse_kind(media_type: str | None, name: str, *, recognises: bool = False) -> None:
    """Raises DocumentError for the kinds of file that hold no text of their own.

    Pictures pass where `recognises` says that there is a program that reads them.
    """
    if media_type in _PACKED:
        raise DocumentError(f"{name} is {_PACKED[media_type]}; unpack it and add the files in it.")
    for prefix, reason in _NOT_TEXT.items():
        if media_type and media_type.startswith(prefix) and not (recognises and prefix == "image/"):
            raise DocumentError(f"{name} {reason}.")


def too_large(name: str, size: int, limit: int) -> DocumentError:
    """The error for a file of `size` bytes where `limit` are allowed."""
    return DocumentError(
        f"{name} is too large ({size / 1e6:,.0f} MB of at most {limit / 1e6:,.0f} MB); split it and add the parts."
    )


def larger(name: str, limit: int) -> DocumentError:
    """The error for a member of an archive of more than `limit` bytes."""
    return DocumentError(f"{name} is larger than {limit / 1e6:,.0f} MB; split it and add the parts.")


def too_deep(name: str, limit: int) -> DocumentError:
    """The error for an archive that lies in `limit` others."""
    return DocumentError(f"{name} lies deeper than {limit} archives in each other; unpack it and add the files in it.")


def too_long(name: str, limit: int) -> DocumentError:
    """The error for a text of more than `limit` characters."""
    return DocumentError(f"{name} holds more than {limit:,} characters; split it and add the parts.")


def too_many_pages(name: str, pages: int, limit: int) -> DocumentError:
    """The error for a document of `pages` pages where `limit` are allowed."""
    return DocumentError(f"{name} has {pages:,} pages, of at most {limit:,}; split it and add the parts.")


def too_slow(name: str, seconds: float) -> DocumentError:
    """The error for a file that took more than `seconds`."""
    return DocumentError(f"{name} takes longer than {seconds:g} seconds to read; split it and add the parts.")


def crashed(name: str, memory: int) -> DocumentError:
    """The error for a file that killed the process that read it, which `memory` bytes were allowed to."""
    return DocumentError(
        f"{name} cannot be read: it is damaged, or needs more than {memory / 1e6:,.0f} MB of memory; "
        "save it anew or split it, and add that."
    )


def fault(name: str, error: Exception) -> DocumentError:
    """The error for a file on which the code that reads it failed."""
    what = " ".join(f"{type(error).__name__}: {error}".split())[:200]
    return DocumentError(f"{name} cannot be read, by a fault of this program ({what}); please report it with the file.")


def unpacks_too_far(name: str, limit: int) -> DocumentError:
    """The error for a file that unpacks to more than `limit` bytes."""
    return DocumentError(f"{name} unpacks to more than {limit / 1e6:,.0f} MB; split it and add the parts.")


def bomb(name: str, limit: float) -> DocumentError:
    """The error for an archive that unpacks to more than `limit` bytes."""
    return DocumentError(
        f"{name} unpacks to more than {limit / 1e6:,.0f} MB, too much for its size; "
        "unpack it yourself and add the files that you need."
    )


def too_many_members(name: str, limit: int) -> DocumentError:
    """The error for an archive of more than `limit` members."""
    return DocumentError(f"{name} holds more than {limit:,} files; split it and add the parts.")


def empty(name: str) -> DocumentError:
    """The error for a file of no bytes."""
    return DocumentError(f"{name} is empty (0 bytes); check that it was saved or copied completely.")


def no_text(name: str, media_type: str, *, recognised: bool = False) -> DocumentError:
    """The error for a document in which no character is left. `recognised` says that its pictures were read too."""
    if recognised:
        return DocumentError(f"{name} has no text layer, and no text was recognised in it; check the scan's quality.")
    if media_type == "application/pdf":
        return DocumentError(
            f"{name} has no text layer (a scan?); install tesseract to have its text recognised, "
            "or run OCR on it first and add the result."
        )
    return DocumentError(f"{name} contains no text; check that it is the right file.")


def password_needed(name: str) -> PasswordNeeded:
    """The error for an encrypted file to which no password was given."""
    return PasswordNeeded(f"{name} is encrypted; {LOCKED_ENDS}")


def password_wrong(name: str) -> PasswordNeeded:
    """The error for an encrypted file that the password given does not open."""
    return PasswordNeeded(f"{name} is encrypted, and the password given does not open it; {LOCKED_ENDS}")


def locked_for_good(name: str) -> DocumentError:
    """The error for encryption that cannot be undone here, whatever the password."""
    return DocumentError(
        f"{name} is encrypted in a way that cannot be opened here; save it without a password and add that file."
    )


def garbled(name: str) -> DocumentError:
    """The error for a document whose characters its reader mostly does not know."""
    return DocumentError(f"{name} gives no readable text, only unknown characters; save it as PDF or UTF-8 text anew.")


def damaged(name: str, media_type: str) -> DocumentError:
    """The error for a file that is not what its name says."""
    kind = next((kind for part, kind in _KINDS.items() if part in media_type), "a file of its kind")
    article = "" if kind.startswith("a ") else "an " if kind in _AN else "a "
    return DocumentError(
        f"{name} is damaged or not really {article}{kind}; open it in its own program, save it and add it again."
    )


def from_kreuzberg(message: str, name: str, media_type: str) -> DocumentError:
    """The error for what kreuzberg says in `message`, which is meant for programmers."""
    lowered = message.lower()
    if "password" in lowered or "encrypt" in lowered:
        return locked_for_good(name)
    if "security limit" in lowered or "zip bomb" in lowered:
        return DocumentError(
            f"{name} unpacks to far more than its size, which is unsafe; save it anew and add that file."
        )
    if "unsupported" in lowered:
        return DocumentError(f"{name} is of a kind that cannot be read; save it as PDF, DOCX, HTML or text first.")
    return damaged(name, media_type)

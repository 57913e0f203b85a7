"""Why a file was refused, each in one sentence that names the file, what is wrong with it and what to do."""

from retrieval.errors import DocumentError

_ARCHIVES = frozenset("application/zip application/gzip application/x-tar application/x-7z-compressed".split())
_NOT_TEXT = {
    "image/": "is a picture; run OCR on it first and add the result",
    "audio/": "is a sound recording; add a transcript of it",
    "video/": "is a video; add a transcript of it",
}
_KINDS = {
    "application/pdf": "PDF",
    "wordprocessingml": "DOCX",
    "spreadsheetml": "XLSX",
    "presentationml": "PPTX",
    "epub": "EPUB",
    "json": "JSON",
    "html": "HTML",
    "xml": "XML",
    "ms-excel": "XLS",
    "msword": "DOC",
    "ms-powerpoint": "PPT",
    "rtf": "RTF",
}


def refuse_kind(media_type: str | None, name: str) -> None:
    """Raises DocumentError for the kinds of file that hold no text of their own."""
    if media_type in _ARCHIVES:
        raise DocumentError(f"{name} is an archive; unpack it and add the files in it.")
    for prefix, reason in _NOT_TEXT.items():
        if media_type and media_type.startswith(prefix):
            raise DocumentError(f"{name} {reason}.")


def too_large(name: str, size: int, limit: int) -> DocumentError:
    """The error for a file of `size` bytes where `limit` are allowed."""
    return DocumentError(
        f"{name} is too large ({size / 1e6:,.0f} MB of at most {limit / 1e6:,.0f} MB); split it and add the parts."
    )


def no_text(name: str, media_type: str) -> DocumentError:
    """The error for a document in which no character is left."""
    if media_type == "application/pdf":
        return DocumentError(f"{name} has no text layer (a scan?); run OCR on it first and add the result.")
    return DocumentError(f"{name} contains no text; check that it is the right file.")


def from_kreuzberg(message: str, name: str, media_type: str) -> DocumentError:
    """The error for what kreuzberg says in `message`, which is meant for programmers."""
    lowered = message.lower()
    if "password" in lowered or "encrypt" in lowered:
        return DocumentError(f"{name} is encrypted with a password; remove the password and add it again.")
    if "security limit" in lowered or "zip bomb" in lowered:
        return DocumentError(
            f"{name} unpacks to far more than its size, which is unsafe; save it anew and add that file."
        )
    if "unsupported" in lowered:
        return DocumentError(f"{name} is of a kind that cannot be read; save it as PDF, DOCX, HTML or text first.")
    kind = next((kind for part, kind in _KINDS.items() if part in media_type), "a file of its kind")
    return DocumentError(
        f"{name} is damaged or not really {_article(kind)}{kind}; open it in its own program, save it and add it again."
    )


def _article(kind: str) -> str:
    if kind.startswith("a "):
        return ""
    return "an " if kind in {"XLSX", "XLS", "EPUB", "HTML", "XML", "RTF"} else "a "

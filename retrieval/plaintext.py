"""Bytes to clean text: decoding files that are text already, and the normal form of every stored text.

Limits: encodings other than UTF-8, UTF-16 with its mark, and mostly-ASCII Windows-1252 are refused rather than guessed.
"""

import re
import unicodedata

from retrieval.errors import DocumentError

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\u00ad\u200b\ufeff]")
_BINARY = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_ACCENTED_SHARE = 0.2
NAME_LENGTH = 200


def clean(text: str) -> str:
    r"""`text` in the form in which it is stored: `\n` line ends, no control characters, surrogates or invisible marks.

    Removed besides controls: soft hyphens, zero-width spaces and byte order marks, which split words for the search.
    """
    return _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def clean_name(name: str) -> str:
    """A file's name as a document's name: NFC, on one line, without control characters, at most 200 characters."""
    visible = "".join(" " if character.isspace() else character for character in clean(name))
    return unicodedata.normalize("NFC", visible).strip()[:NAME_LENGTH] or "unnamed"


def decode(data: bytes, name: str) -> str:
    """The text of a file that calls itself text. Raises DocumentError where it is none, or its encoding is unknown."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _strictly(data, "utf-16", name)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        # Shift-JIS or UTF-16 would decode too, into nonsense: only text that is nearly all ASCII is taken for Western.
        high = sum(byte >= 0x80 for byte in data[:100_000])
        if high > _ACCENTED_SHARE * len(data[:100_000]):
            raise unreadable(name) from None
        return _strictly(data, "cp1252", name)


def decode_unknown(data: bytes, name: str) -> str:
    """The text of a file of unknown kind: only UTF-8 without control characters is believed to be text."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise unreadable(name) from None
    if _BINARY.search(text):
        raise unreadable(name)
    return text


def unreadable(name: str) -> DocumentError:
    """The error for a file that is no document."""
    return DocumentError(
        f"{name} is neither a known kind of document nor UTF-8 text; save it as PDF, DOCX, HTML or UTF-8 text first."
    )


def _strictly(data: bytes, encoding: str, name: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        raise unreadable(name) from None

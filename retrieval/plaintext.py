"""The normal form of every stored text and name."""

import re
import unicodedata

from retrieval.errors import DocumentError

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\u00ad\u200b\ufeff]")
_DIRECTION = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")
NAME_LENGTH = 200
_LONGEST_EXTENSION = 20


def clean(text: str) -> str:
    r"""`text` in the form in which it is stored: `\n` line ends, no control characters, surrogates or invisible marks.

    Removed besides controls: soft hyphens, zero-width spaces and byte order marks, which split words for the search.
    """
    return _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def clean_name(name: str) -> str:
    """A file's name as a document's name: NFC, on one line, without control characters, at most 200 characters.

    A longer one keeps its extension. Marks of direction go too: with them "fdp.exe" reads as "exe.pdf".
    """
    visible = "".join(" " if character.isspace() else character for character in clean(_DIRECTION.sub("", name)))
    whole = unicodedata.normalize("NFC", visible).strip()
    stem, dot, extension = whole[NAME_LENGTH // 2 :].rpartition(".")
    if len(whole) <= NAME_LENGTH or not stem or len(extension) > _LONGEST_EXTENSION:
        return whole[:NAME_LENGTH] or "unnamed"
    return whole[: NAME_LENGTH - len(dot + extension)] + dot + extension


def unreadable(name: str) -> DocumentError:
    """The error for a file that is no document."""
    return DocumentError(
        f"{name} is neither a known kind of document nor UTF-8 text; save it as PDF, DOCX, HTML or UTF-8 text first."
    )

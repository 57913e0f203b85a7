"""Keeps `&`, `<` and `>` of DOCX and XML files, and the tabs of DOCX, through kreuzberg, which drops them.

Its XML reader skips entity references (seen in 4.10: "R&amp;D" comes out as "RD"), so that "a < b" would be quoted as
"a b". References are swapped for noncharacters of Unicode before the file is read, and back in the text that comes out.
Files whose XML is not UTF-8 pass unchanged. Tabs and hyphens that do not break are elements of their own in DOCX; they
are written as text, or "Name<tab>Ann" would be quoted as "NameAnn".
"""

import io
import re
import zipfile
import zlib

from retrieval import reasons

_STAND_INS = {"&": "\ufdd0", "<": "\ufdd1", ">": "\ufdd2", '"': "\ufdd3", "'": "\ufdd4"}
_NAMED = {b"amp": "&", b"lt": "<", b"gt": ">", b"quot": '"', b"apos": "'"}
_REFERENCE = re.compile(rb"&(amp|lt|gt|quot|apos|#\d{1,7}|#x[0-9a-fA-F]{1,6});")
_TAB = re.compile(rb"<w:tab\s*/>")
_HYPHEN = re.compile(rb"<w:noBreakHyphen\s*/>")
_RESTORE = str.maketrans({stand_in: character for character, stand_in in _STAND_INS.items()})


def protect_docx(data: bytes, name: str, max_bytes: int) -> bytes:
    """The DOCX `data` with what kreuzberg would drop in its `word/*.xml` replaced.

    Raises DocumentError where it unpacks to more than `max_bytes`.
    """
    packed = io.BytesIO()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(packed, "w") as target:
            if sum(item.file_size for item in source.infolist()) > max_bytes:
                raise reasons.unpacks_too_far(name, max_bytes)
            for item in source.infolist():
                target.writestr(item, _protect_member(item.filename, source.read(item)))
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError, zlib.error):
        return data  # Damaged or encrypted: the extractor says so.
    return packed.getvalue()


def protect_xml(data: bytes) -> bytes:
    """`data` with its character references replaced."""
    return _REFERENCE.sub(_stand_in, data)


def restore(text: str) -> str:
    """`text` with the characters back that `protect_docx` and `protect_xml` replaced."""
    return text.translate(_RESTORE)


def _protect_member(filename: str, data: bytes) -> bytes:
    if not (filename.startswith("word/") and filename.endswith(".xml")):
        return data
    data = _TAB.sub(b'<w:t xml:space="preserve">\t</w:t>', data)
    return protect_xml(_HYPHEN.sub(b"<w:t>-</w:t>", data))


def _stand_in(match: re.Match[bytes]) -> bytes:
    reference = match.group(1)
    character = _NAMED.get(reference) or _numbered(reference)
    return _STAND_INS.get(character, character).encode() if character else match.group()


def _numbered(reference: bytes) -> str:
    """The character of a numeric reference; "" where XML allows none or it has no UTF-8 form."""
    digits = reference[1:].decode()
    number = int(digits[1:], 16) if digits[0] == "x" else int(digits)
    allowed = 0x20 <= number < 0xD800 or 0xE000 <= number < 0xFFFE or 0x10000 <= number <= 0x10FFFF
    return chr(number) if allowed or number in (9, 10, 13) else ""

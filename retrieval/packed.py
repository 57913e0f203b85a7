"""The entries of one archive, of whatever kind.

    zip                     entry by entry, by its directory
    tar, .tar.gz and alike  in one pass, as a stream
    gzip, bzip2, xz         the single file that is compressed
    mail                    its attachments

An entry is read only as far as the limits allow, whatever sizes the archive itself tells.
"""

import bz2
import gzip
import io
import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage, Message
from email.parser import BytesParser
from functools import partial
from pathlib import PurePosixPath
from typing import BinaryIO, Literal, Self, cast

from retrieval import reasons
from retrieval.budget import Budget, Metered
from retrieval.kinds import MAIL

Kind = Literal["file", "folder", "link", "device"]
DAMAGED = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    ValueError,
    LookupError,
    AttributeError,
    TypeError,
    NotImplementedError,
)
"""What the standard library raises on archives that are damaged or of a kind that it does not know."""
_CHUNK = 1 << 20
_TAR_MAGIC = slice(257, 262)
_UTF8_NAME = 0x800
_ENCRYPTED = 0x1
_COMPRESSED: dict[str, tuple[Callable[[BinaryIO], io.BufferedIOBase], str]] = {
    "application/gzip": (lambda file: gzip.GzipFile(fileobj=file), ".gz"),
    "application/x-bzip2": (bz2.BZ2File, ".bz2"),
    "application/x-xz": (lzma.LZMAFile, ".xz"),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A member: its path as the archive has it, what it is, and how to read it."""

    path: str
    kind: Kind
    read: Callable[[], bytes]
    """Its bytes. Raises TooLarge, DocumentError where the archive passes a limit, PasswordNeeded, and DAMAGED."""


def entries(data: bytes, kind: str, name: str, budget: Budget, password: str | None) -> Iterator[Entry]:
    """The entries of an archive of media type `kind`. Raises DAMAGED, and DocumentError where it passes a limit."""
    if kind == MAIL:
        yield from _attachments(data)
    elif kind == "application/zip":
        yield from _of_zip(data, budget, password)
    elif kind == "application/x-tar":
        yield from _of_tar(io.BytesIO(data), budget)
    else:
        yield from _of_compressed(data, kind, name, budget)


def _of_zip(data: bytes, budget: Budget, password: str | None) -> Iterator[Entry]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        # What a zip says of itself is looked at first: nothing of one that is too large is taken in.
        budget.check_members(len(archive.infolist()))
        budget.check(sum(item.file_size for item in archive.infolist()))
        for item in archive.infolist():
            yield Entry(_zip_path(item), _zip_kind(item), partial(_read_zip, archive, item, budget, password))


def _read_zip(archive: zipfile.ZipFile, item: zipfile.ZipInfo, budget: Budget, password: str | None) -> bytes:
    name = PurePosixPath(_zip_path(item)).name
    if item.flag_bits & _ENCRYPTED and not password:
        raise reasons.password_needed(name)
    try:
        with archive.open(item, pwd=password.encode() if password else None) as file:
            return budget.read(cast(BinaryIO, file))
    except NotImplementedError as error:  # A kind of encryption or compression that it does not know.
        if item.flag_bits & _ENCRYPTED:
            raise reasons.locked_for_good(name) from error
        raise
    except RuntimeError as error:
        raise reasons.password_wrong(name) from error


def _zip_path(item: zipfile.ZipInfo) -> str:
    """The path of an entry: programs write UTF-8 without saying so, which comes out as code page 437."""
    if not item.flag_bits & _UTF8_NAME:
        with suppress(UnicodeError):
            return item.orig_filename.encode("cp437").decode()
    return item.orig_filename


def _zip_kind(item: zipfile.ZipInfo) -> Kind:
    mode = item.external_attr >> 16
    if item.filename.endswith("/"):  # As `is_dir`, which falls over an empty name.
        return "folder"
    if stat.S_ISLNK(mode):
        return "link"
    return "file" if stat.S_IFMT(mode) in (0, stat.S_IFREG) else "device"


def _of_tar(stream: BinaryIO, budget: Budget) -> Iterator[Entry]:
    with tarfile.open(fileobj=stream, mode="r|", tarinfo=_StrictInfo) as archive:
        for item in archive:
            yield Entry(item.name, _tar_kind(item), partial(_read_tar, archive, item, budget))


class _StrictInfo(tarfile.TarInfo):
    """A header that is damaged or missing is an error: by itself, tarfile takes it for the end of the archive."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        is_end = len(buf) == tarfile.BLOCKSIZE and not any(buf)
        try:
            return super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            if is_end:
                raise
            raise tarfile.ReadError("a header is damaged, or the end is missing") from error


def _read_tar(archive: tarfile.TarFile, item: tarfile.TarInfo, budget: Budget) -> bytes:
    file = archive.extractfile(item)
    return budget.read(cast(BinaryIO, file)) if file else b""


def _tar_kind(item: tarfile.TarInfo) -> Kind:
    if item.isreg():
        return "file"
    if item.isdir():
        return "folder"
    return "link" if item.issym() or item.islnk() else "device"


def _of_compressed(data: bytes, kind: str, name: str, budget: Budget) -> Iterator[Entry]:
    opened, suffix = _COMPRESSED[kind]
    metered = Metered(opened(io.BytesIO(data)), budget)
    stream = cast(BinaryIO, io.BufferedReader(metered, _CHUNK))
    if stream.peek(tarfile.BLOCKSIZE)[_TAR_MAGIC] == b"ustar":  # type: ignore[attr-defined]
        yield from _of_tar(stream, budget)
        return
    inner = PurePosixPath(name).name
    inner = inner[: -len(suffix)] if inner.lower().endswith(suffix) else inner
    yield Entry(inner or "unnamed", "file", partial(budget.read, stream))


def _attachments(data: bytes) -> Iterator[Entry]:
    message = BytesParser(policy=policy.default).parsebytes(data)
    for number, part in enumerate(message.iter_attachments(), start=1):
        if part.get_content_disposition() == "attachment":  # Else a picture of the text, a signature and the like.
            ending = ".eml" if part.get_content_type() == MAIL else ""
            yield Entry(part.get_filename() or f"attachment {number}{ending}", "file", partial(_payload, part))


def _payload(part: EmailMessage) -> bytes:
    content = part.get_payload(decode=True)
    if isinstance(content, bytes):
        return content
    inner = part.get_payload(0)
    return inner.as_bytes() if isinstance(inner, Message) else b""

"""EPUB to text: the chapters of the book in the order of its spine, each read as HTML.

Formats: EPUB 3.3, sections "Open Container Format" and "Package document" (https://www.w3.org/TR/epub-33/).
"""

import io
import posixpath
import zipfile
import zlib
from urllib.parse import unquote
from xml.etree import ElementTree as ET

from retrieval import reasons
from retrieval.decoding import decode_markup
from retrieval.errors import DocumentError
from retrieval.kinds import EPUB
from retrieval.layout import Layout, join
from retrieval.limits import Limits
from retrieval.markup import read_html

_CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"
_CHAPTERS = ("application/xhtml+xml", "text/html", "application/x-dtbook+xml")


def read_epub(data: bytes, name: str, limits: Limits) -> Layout:
    """The text of a book. Raises DocumentError where it is damaged, protected, or unpacks to more than `limits`."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as book:
            if sum(item.file_size for item in book.infolist()) > limits.max_unpacked_bytes:
                raise reasons.unpacks_too_far(name, limits.max_unpacked_bytes)
            return _read(book, name)
    except (
        zipfile.BadZipFile,
        zlib.error,
        ET.ParseError,
        KeyError,
        ValueError,
        EOFError,
        NotImplementedError,
        RuntimeError,
    ) as error:
        raise reasons.damaged(name, EPUB) from error


def _read(book: zipfile.ZipFile, name: str) -> Layout:
    package = _package(book)
    names = set(book.namelist())
    protected = _protected(book) if _ENCRYPTION in names else set()
    chapters = []
    for path in _spine(book, package):
        if path in protected:
            raise DocumentError(f"{name} is protected against copying (DRM), so that it cannot be read.")
        if path in names:
            chapters.append(read_html(decode_markup(book.read(path), name)))
    return join(chapters)


def _package(book: zipfile.ZipFile) -> str:
    """The path of the package document, which lists what the book is made of."""
    for element in _parsed(book, _CONTAINER).iter():
        if _local(element) == "rootfile" and element.get("full-path"):
            return element.attrib["full-path"]
    raise ValueError("no package document")


def _spine(book: zipfile.ZipFile, package: str) -> list[str]:
    """The paths of the chapters in reading order."""
    paths, order = {}, []
    for element in _parsed(book, package).iter():
        if _local(element) == "item" and element.get("media-type") in _CHAPTERS:
            href = unquote(element.get("href", "")).partition("#")[0]
            paths[element.get("id")] = posixpath.normpath(posixpath.join(posixpath.dirname(package), href))
        elif _local(element) == "itemref":
            order.append(element.get("idref"))
    return [paths[item] for item in order if item in paths]


def _protected(book: zipfile.ZipFile) -> set[str]:
    """The members that are encrypted; a font that is only obscured is none of the spine."""
    references = (element.get("URI") for element in _parsed(book, _ENCRYPTION).iter())
    return {unquote(reference) for reference in references if reference}


def _parsed(book: zipfile.ZipFile, path: str) -> ET.Element:
    return ET.fromstring(book.read(path))  # noqa: S314 - expat bounds what entities expand to, this process the rest


def _local(element: ET.Element) -> str:
    return str(element.tag).rpartition("}")[2]

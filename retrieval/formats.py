"""Which module reads which kind of file that is not its own text. Runs in the process that may be killed."""

from retrieval import ocr, reasons
from retrieval.decoding import decode_markup
from retrieval.epub import read_epub
from retrieval.foreign import read_foreign
from retrieval.kinds import EPUB, PDF, is_html, is_picture
from retrieval.layout import Layout
from retrieval.limits import Limits
from retrieval.markup import read_html

_UNKNOWN_SHARE = 0.2


def read(data: bytes, media_type: str, name: str, limits: Limits, password: str | None = None) -> Layout:
    """The text of a file. Raises DocumentError, and PasswordNeeded where a password would help."""
    if is_picture(media_type):
        layout = ocr.read_picture(data, name)
    elif is_html(media_type):
        layout = read_html(decode_markup(data, name))
    elif media_type == EPUB:
        layout = read_epub(data, name, limits)
    else:
        layout = read_foreign(data, media_type, name, limits, password)
    if len(layout.pages) > limits.max_pages:
        raise reasons.too_many_pages(name, len(layout.pages), limits.max_pages)
    if media_type == PDF:
        layout = ocr.read_blank_pages(layout, data, name, encrypted=password is not None)
    if layout.text.count("\ufffd") > _UNKNOWN_SHARE * len(layout.text):  # What decoders write for what they cannot.
        raise reasons.garbled(name)
    if len(layout.text) > limits.max_characters:
        raise reasons.too_long(name, limits.max_characters)
    return layout

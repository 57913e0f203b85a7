"""The extracted text of a document, a part at a time, as HTML: what a question about it will be answered from.

Pure functions. The text is escaped; where a page begins stands above it, and lines that are headings are shown as such,
as far as the library knows them: it keeps those that a passage stands below.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence

from app.render import escape
from retrieval.headings import SEPARATOR
from retrieval.types import Document, Section

PART = 8_000
"""Characters of a part, at most. Chosen so that a part is read in a few minutes and shown at once."""
_ENDS = ("\n\n", "\n", " ")


def preview_html(document: Document, text: str, sections: Sequence[Section], part: int, turn: int) -> str:
    """Part `part` (from 1; the nearest there is) of a document's text. Of two, that of the later turn is shown."""
    bounds = parts(text)
    part = min(max(part, 1), len(bounds))
    start, end = bounds[part - 1]
    name = escape(document.name)
    return (
        f'<article data-turn="{turn}" data-document="{escape(document.id)}">'
        f'<header><h3 id="fn-preview-title"><bdi class="fn-name">{name}</bdi></h3>'
        '<button type="button" class="fn-close" data-close aria-label="Close">×</button></header>'
        f'<p class="fn-status">The text that answers are taken from: {len(text):,} characters.</p>'
        f'<div class="fn-reading" tabindex="0" role="region" aria-label="Text of {name}">'
        f"{''.join(_blocks(text, sections, start, end))}</div>{_pager(part, len(bounds))}</article>"
    )


def parts(text: str) -> list[tuple[int, int]]:
    """Start and end of each part of `text`: they follow each other without a gap, and end with a paragraph, a line or a
    word if one ends in their second half. There is always one."""
    found, start = [], 0
    while len(text) - start > PART:
        end = _end(text, start)
        found.append((start, end))
        start = end
    return [*found, (start, len(text))]


def _end(text: str, start: int) -> int:
    for end in _ENDS:
        place = text.rfind(end, start + PART // 2, start + PART)
        if place >= 0:
            return place + len(end)
    return start + PART


def _blocks(text: str, sections: Sequence[Section], start: int, end: int) -> Iterator[str]:
    """The text from `start` to `end`, each page below its number."""
    titles = {title for section in sections for title in section.heading.split(SEPARATOR)} - {""}
    begins = _pages(sections)
    first = max(0, bisect_right(begins, start, key=lambda begin: begin[0]) - 1)
    inside = [(max(place, start), page) for place, page in begins[first:] if place < end] or [(start, None)]
    ends = [*(place for place, _ in inside[1:]), end]
    for (place, page), until in zip(inside, ends, strict=True):
        if page is not None:
            yield f'<h4 class="fn-page-start">Page {page}</h4>'
        yield from _lines(text[place:until], titles)


def _pages(sections: Sequence[Section]) -> list[tuple[int, int | None]]:
    """Where each page begins; the first begins with the text."""
    found: list[tuple[int, int | None]] = []
    for section in sections:
        if not found or found[-1][1] != section.page:
            found.append((section.start if found else 0, section.page))
    return found


def _lines(text: str, titles: set[str]) -> Iterator[str]:
    """Paragraphs of `text`, with the lines that are headings set apart."""
    gathered: list[str] = []
    for line in text.strip("\n").split("\n"):
        if is_heading := line.strip(" #=*_\t") in titles:
            line = line.strip(" #=*_\t")  # noqa: PLW2901
        if is_heading or not line.strip():
            yield from _paragraph(gathered)
            gathered = []
            yield from [f"<h5>{escape(line)}</h5>"] if is_heading else []
        else:
            gathered.append(line)
    yield from _paragraph(gathered)


def _paragraph(lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield f"<p>{escape(chr(10).join(lines))}</p>"


def _pager(part: int, of: int) -> str:
    if of == 1:
        return ""
    return (
        f'<nav class="fn-pager" aria-label="Parts of the text">{_turn("Previous", part - 1, of)}'
        f"<span>Part {part:,} of {of:,}</span>{_turn('Next', part + 1, of)}</nav>"
    )


def _turn(label: str, part: int, of: int) -> str:
    off = "" if 1 <= part <= of else " disabled"
    return f'<button type="button" data-part="{part}"{off}>{label}</button>'

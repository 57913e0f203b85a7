"""A text with the places of its pages and headings: what reading a document of any kind ends in.

Places count characters of the text that is stored, never bytes.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

Page = tuple[int, int, int]
PAGE_GAP = "\n\n"
# What is longer is text with a large font, and no book has more headings.
_LONGEST_HEADING = 300
_MOST_HEADINGS = 100_000


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading: its level, from 1, and its place; `text[start:end]` is its words without marks around them."""

    level: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Layout:
    """A text, its pages, `(number, start, end)` in order and not overlapping, its headings in order, and notes.

    A note is a sentence that the reader should know, as that some pages gave no text.
    """

    text: str
    pages: tuple[Page, ...] = ()
    headings: tuple[Heading, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        short = (heading for heading in self.headings if heading.end - heading.start <= _LONGEST_HEADING)
        object.__setattr__(self, "headings", tuple(islice(short, _MOST_HEADINGS)))


def join_pages(pages: Iterable[tuple[int, str]]) -> Layout:
    """One text of numbered page texts, with the place of each page in it. A blank page keeps its number."""
    parts: list[str] = []
    spans: list[Page] = []
    position = 0
    for number, content in pages:
        content = content.strip()  # noqa: PLW2901
        if parts and content:
            parts.append(PAGE_GAP)
            position += len(PAGE_GAP)
        spans.append((number, position, position + len(content)))
        parts.append(content)
        position += len(content)
    return Layout("".join(parts), tuple(spans))


def join(parts: Iterable[Layout]) -> Layout:
    """One text of several without pages, as the chapters of a book are, with their headings."""
    texts: list[str] = []
    headings: list[Heading] = []
    position = 0
    for part in parts:
        if not part.text:
            continue
        headings.extend(Heading(found.level, found.start + position, found.end + position) for found in part.headings)
        texts.append(part.text)
        position += len(part.text) + len(PAGE_GAP)
    return Layout(PAGE_GAP.join(texts), headings=tuple(headings))

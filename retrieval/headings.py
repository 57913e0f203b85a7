"""Where a document's headings stand, and the path of headings above each place of its text.

Headings come from the extraction as spans of characters with a level, 1 the highest. They are taken as hints: one that
is blank, lies outside the text or reaches into the one before it is passed over.
"""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

SEPARATOR = " > "
_LONGEST_TITLE = 100
_MARKS = "#=*_ \t\r\n"


class Heading(Protocol):
    """A heading: `text[start:end]`, of `level` 1 for the highest, more for those below it."""

    @property
    def level(self) -> int: ...  # noqa: D102

    @property
    def start(self) -> int: ...  # noqa: D102

    @property
    def end(self) -> int: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Outline:
    """The usable headings of a text: where they stand, in order and apart from each other, and the path of each."""

    spans: tuple[tuple[int, int], ...] = ()
    paths: tuple[str, ...] = ()

    def path(self, place: int) -> str:
        """The headings above the character at `place`, such as "Chapter 2 > Safety"; empty before the first."""
        index = bisect_right(self.spans, place, key=lambda span: span[0])
        return self.paths[index - 1] if index else ""


def outline(text: str, headings: Iterable[Heading]) -> Outline:
    """The headings of `text` that can be used, with their paths."""
    spans: list[tuple[int, int]] = []
    paths: list[str] = []
    above: list[tuple[int, str]] = []
    for heading in sorted(headings, key=lambda heading: heading.start):
        title = _title(text[max(heading.start, 0) : max(heading.end, 0)])
        if heading.start < (spans[-1][1] if spans else 0) or heading.end > len(text) or not title:
            continue
        above = [(level, parent) for level, parent in above if level < heading.level]
        above.append((heading.level, title))
        spans.append((heading.start, heading.end))
        paths.append(SEPARATOR.join(parent for _, parent in above))
    return Outline(tuple(spans), tuple(paths))


def _title(text: str) -> str:
    """A heading in one line, without the marks that Markdown puts around it."""
    return " ".join(text.strip(_MARKS).split())[:_LONGEST_TITLE].rstrip()

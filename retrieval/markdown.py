"""Where the headings of a Markdown text are. The text itself is kept as its writer wrote it.

Format: CommonMark 0.31, sections 4.2 (ATX headings), 4.3 (setext headings) and 4.5 (fenced code blocks).

Limits: headings inside lists and quotations are not looked for, nor setext headings of several lines.
"""

import re
from dataclasses import dataclass

from retrieval.layout import Heading, Layout

_BLANKS = " \t"
_UNDERLINE = re.compile(r" {0,3}(=+|-+)[ \t]*$")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_NO_PARAGRAPH = re.compile(r"\s*$|\s{0,3}(?:[-+*>|]|\d{1,9}[.)])(?:\s|$)| {4}|\t|\|")
_FRONT_MATTER = re.compile(r"---[ \t]*\n(?:.*\n){0,100}?---[ \t]*\n")


def read_markdown(text: str) -> Layout:
    """`text` with its headings."""
    front = _FRONT_MATTER.match(text)
    scanner = _Scanner(front.end() if front else 0)
    for line in text[scanner.position :].split("\n"):
        scanner.read(line)
    return Layout(text, headings=tuple(scanner.headings))


class _Scanner:
    """Reads line after line, and knows whether it is in a code block or a paragraph."""

    def __init__(self, position: int) -> None:
        self.position = position
        self.headings: list[Heading] = []
        self._fence = ""
        self._paragraph: list[_Line] = []

    def read(self, line: str) -> None:
        here = _Line(line, self.position)
        self.position += len(line) + 1
        fence = _FENCE.match(line)
        if self._fence:
            if fence and fence[1].startswith(self._fence) and not line.strip(f"{_BLANKS}{fence[1][0]}"):
                self._fence = ""
        elif fence:
            self._fence, self._paragraph = fence[1], []
        elif heading := here.atx() or self._setext(line):
            self.headings.append(heading)
            self._paragraph = []
        else:
            self._paragraph = [] if _NO_PARAGRAPH.match(line) else [*self._paragraph[-1:], here]

    def _setext(self, line: str) -> Heading | None:
        underline = _UNDERLINE.match(line)
        if not underline or len(self._paragraph) != 1:
            return None
        return self._paragraph[0].heading(1 if "=" in underline[1] else 2)


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    position: int

    def heading(self, level: int, start: int = 0, end: int | None = None) -> Heading | None:
        """The words of the line from `start` to `end` as a heading; None where there are none."""
        words = self.text[start:end]
        begin = self.position + start + len(words) - len(words.lstrip(_BLANKS))
        words = words.strip(_BLANKS)
        return Heading(level, begin, begin + len(words)) if words else None

    def atx(self) -> Heading | None:
        """The heading of a line that begins with number signs."""
        unindented = self.text.lstrip(" ")
        level = len(unindented) - len(unindented.lstrip("#"))
        start = len(self.text) - len(unindented) + level
        if not 1 <= level <= 6 or start - level > 3 or self.text[start : start + 1] not in ("", *_BLANKS):
            return None
        words = self.text.rstrip(_BLANKS)
        unclosed = words.rstrip("#")
        closed = unclosed[-1:] in (*_BLANKS, "") and len(unclosed) >= start
        return self.heading(level, start, len(unclosed) if closed else len(words))

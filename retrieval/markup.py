"""HTML to text that reads as it looks: paragraphs, lists, tables, and the places of its headings.

No word that a browser shows is dropped, whatever the markup around it; left out are scripts, styles, navigation and
buttons, which are no part of what the page says. A row of a table is a line, its cells apart by a tab.

Limits: what a style sheet hides is shown, and what a script would write is not there.
"""

import re
from html.parser import HTMLParser

from retrieval.layout import Heading, Layout
from retrieval.plaintext import clean
from retrieval.typesetting import LINE, NOTHING, PARAGRAPH, SPACE, Typesetter

_SCRIPTS = frozenset("script style".split())
_SKIPPED = _SCRIPTS | frozenset("template noscript iframe svg nav button select datalist title".split())
_BLOCKS = frozenset(
    "p div section article main aside header footer address blockquote dl pre figure figcaption caption details "
    "summary form fieldset legend hr center hgroup dialog search body".split()
)
_LINES = frozenset("br dt dd".split())
_LISTS = frozenset("ul ol menu".split())
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_WHITE = re.compile(r"[ \t\n\r\f]+")
_EXPONENT = re.compile(r"[-+−]?\d+")
# Sections that the parser of the standard library does not know, and raises on.
_UNKNOWN_SECTION = re.compile(r"<!\[(?!(?:cdata|temp|ignore|include|rcdata|if|else|endif)\b)", re.IGNORECASE)


def read_html(markup: str) -> Layout:
    """The text of an HTML or XHTML document."""
    markup = _UNKNOWN_SECTION.sub("&lt;![", markup)
    reader = _read(markup, _SKIPPED)
    if reader.skipping:  # What was to be left out is never closed: rather too much text than the loss of the rest.
        reader = _read(markup, _SCRIPTS)
    text = reader.text.text.rstrip()
    return Layout(text, headings=tuple(_trimmed(text, heading) for heading in reader.headings if _says(text, heading)))


def _says(text: str, heading: Heading) -> bool:
    return bool(text[heading.start : heading.end].strip())


def _trimmed(text: str, heading: Heading) -> Heading:
    """`heading` without the white space at its edges, which verbatim text in it may have."""
    words = text[heading.start : heading.end]
    start = heading.start + len(words) - len(words.lstrip())
    return Heading(heading.level, start, start + len(words.strip()))


def _read(markup: str, skipped: frozenset[str]) -> "_Reader":
    reader = _Reader(skipped)
    reader.feed(markup)
    reader.close()
    reader.end_heading()
    return reader


class _Reader(HTMLParser):
    def __init__(self, skipped: frozenset[str]) -> None:
        super().__init__()
        self.text = Typesetter()
        self.headings: list[Heading] = []
        self.skipping: list[str] = []
        self._skipped = skipped
        self._level: int | None = None
        self._lists: list[int | None] = []
        self._verbatim = 0
        self._raised = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in self._skipped and (not self.skipping or tag == self.skipping[0]):
            self.skipping.append(tag)
        if self.skipping:
            return
        if tag in _HEADINGS:
            self._begin_heading(_HEADINGS[tag])
        elif tag in _LISTS:
            self._begin_list(tag, attrs)
        elif tag == "li":
            self._begin_item()
        else:
            self._begin_other(tag)

    def handle_endtag(self, tag: str) -> None:
        if self.skipping:
            if tag == self.skipping[0]:
                self.skipping.pop()
        elif tag in _HEADINGS:
            self.end_heading()
        elif tag in _LISTS:
            if self._lists:
                self._lists.pop()
            self.text.gap(LINE if self._lists else PARAGRAPH)
        else:
            self._end_other(tag)

    def handle_data(self, data: str) -> None:
        if self.skipping:
            return
        data = clean(data)
        if self._verbatim:
            self.text.write(data)
            return
        if data[:1].isspace():
            self.text.gap(SPACE)
        words = _WHITE.sub(" ", data).strip(" ")
        if self._raised and _EXPONENT.fullmatch(words) and self.text.last.isdigit() and not self.text.has_gap:
            words = f"^{words}"  # Ten to the sixth is not one hundred and six.
        self.text.write(words)
        if words and data[-1].isspace():
            self.text.gap(SPACE)

    def unknown_decl(self, data: str) -> None:
        if data[:6].upper() == "CDATA[":
            self.handle_data(data[6:])

    def end_heading(self) -> None:
        """Notes the heading that is open, if it has words."""
        start, end = self.text.marked, self.text.length
        if self._level and start is not None:
            self.headings.append(Heading(self._level, start, end))
        self._level = None
        self.text.gap(PARAGRAPH)

    def _begin_heading(self, level: int) -> None:
        self.end_heading()
        self._level = level
        self.text.mark()

    def _begin_list(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.text.gap(LINE if self._lists else PARAGRAPH)
        start = dict(attrs).get("start") or "1"
        numbered = tag == "ol" and start.isdecimal() and len(start) < 7
        self._lists.append(int(start) if numbered else None)

    def _begin_item(self) -> None:
        self.text.gap(LINE)
        number = self._lists[-1] if self._lists else None
        self.text.bullet("  " * (len(self._lists) - 1) + ("- " if number is None else f"{number}. "))
        if number is not None:
            self._lists[-1] = number + 1

    def _begin_other(self, tag: str) -> None:
        if tag in _BLOCKS or tag == "table":
            self.text.gap(PARAGRAPH)
        elif tag in _LINES:
            self.text.gap(LINE)
        elif tag == "tr":
            self.text.row()
        elif tag in ("td", "th"):
            self.text.cell()
        elif tag == "q":
            self.text.write("“")
        self._verbatim += tag == "pre"
        self._raised = tag == "sup"

    def _end_other(self, tag: str) -> None:
        if tag in _BLOCKS or tag == "li":
            self.text.gap(PARAGRAPH if tag in _BLOCKS else LINE)
        elif tag == "table":
            self.text.end_table()
        elif tag == "q":
            self.text.gap(NOTHING)
            self.text.write("”")
        self._verbatim = max(0, self._verbatim - (tag == "pre"))
        self._raised = False

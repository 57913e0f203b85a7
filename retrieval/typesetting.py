"""Puts words one after another with the white space between them that paragraphs, lists and rows of cells ask for."""

NOTHING, SPACE, LINE, PARAGRAPH = range(4)
_GAPS = ("", " ", "\n", "\n\n")


class Typesetter:
    """Text in the making. A gap is written once something follows it: the widest of those asked for."""

    def __init__(self) -> None:
        self.length = 0
        self.last = ""
        self.marked: int | None = None
        self._parts: list[str] = []
        self._gap = NOTHING
        self._tabs = 0
        self._bullet = ""
        self._awaits_mark = False
        self._row_began = False
        self._row_written = False
        self._cell_opened = False

    @property
    def text(self) -> str:
        """What was written so far."""
        return "".join(self._parts)

    @property
    def has_gap(self) -> bool:
        """Whether the next words stand apart from the last ones."""
        return bool(self._gap or self._tabs)

    def gap(self, gap: int) -> None:
        """Asks for a gap before the next words; the first words of a cell have none."""
        if not self._cell_opened:
            self._gap = max(self._gap, gap)

    def bullet(self, bullet: str) -> None:
        """Puts `bullet` before the next words."""
        self._bullet = bullet

    def mark(self) -> None:
        """Makes `marked` the place of the next words, None until they come."""
        self.marked, self._awaits_mark = None, True

    def row(self) -> None:
        """Begins a row of a table."""
        self._end_row(LINE)

    def cell(self) -> None:
        """Begins a cell: a tab after the one before it, whose inner gaps at its edge are none of the row's."""
        if self._row_written:
            self._gap = NOTHING
        self._tabs += self._row_began
        self._row_began = self._cell_opened = True

    def end_table(self) -> None:
        """Ends a table; in a cell of another one, what follows stands on a line of its own."""
        self._end_row(PARAGRAPH)

    def write(self, words: str) -> None:
        """Adds `words`, with the gap before them; white space in them stays as it is."""
        if not words:
            return
        gap = _GAPS[self._gap] if self.length and not (self._tabs and self._gap == SPACE) else ""
        before = gap + "\t" * self._tabs + self._bullet
        if self._awaits_mark:
            self.marked, self._awaits_mark = self.length + len(before), False
        self._parts += (before, words)
        self.length += len(before) + len(words)
        self.last = words[-1]
        self._gap, self._tabs, self._bullet = NOTHING, 0, ""
        self._row_written, self._cell_opened = True, False

    def _end_row(self, gap: int) -> None:
        self._cell_opened = False
        self.gap(gap)
        self._tabs, self._row_began, self._row_written = 0, False, False

"""From what kreuzberg returns to one text with page offsets.

    PDF, slides     pages, cut at markers that kreuzberg writes into the text
    spreadsheets    one page per sheet, one line per row: every value beside the name of its column
    Word            the text with tab-separated table rows; its pages exist only in a printout, so it has none
    anything else   the text as it is

Offsets count characters of the text that is stored, never bytes.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from retrieval.plaintext import clean

Page = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Layout:
    """A text and its pages: `(number, start, end)` in characters of the text, in order, not overlapping."""

    text: str
    pages: tuple[Page, ...] = ()


MARKER = "\n\n\ufdd8{page_num}\ufdd9\n\n"
_MARKER = re.compile("\ufdd8(\\d{1,6})\ufdd9")
_TABLE_RULE = re.compile(r"^\|(?:[ :]*-+[ :]*\|)+$\n?", re.MULTILINE)
_PAGE_GAP = "\n\n"


def lay_out(result: Any, media_type: str) -> Layout:
    """The text of a kreuzberg `ExtractionResult`, in its stored form."""
    if is_spreadsheet(media_type) and result.tables:
        names = (result.metadata or {}).get("sheet_names") or []
        sheets = [(table.page_number, _sheet(table.cells, _name(names, table.page_number))) for table in result.tables]
        return join_pages(sheets) if names else Layout("\n\n".join(text for _, text in sheets))
    if "wordprocessingml" in media_type and result.pages:
        return Layout(clean("\n\n".join(page["content"] for page in result.pages)).strip())
    parts = _MARKER.split(_TABLE_RULE.sub("", result.content) if "html" in media_type else result.content)
    if len(parts) == 1:
        return Layout(clean(result.content).strip())
    parts[2] = parts[0] + parts[2]
    return join_pages((int(number), clean(text)) for number, text in zip(parts[1::2], parts[2::2], strict=True))


def join_pages(pages: Iterable[tuple[int, str]]) -> Layout:
    """One text of numbered page texts, with the place of each page in it. A blank page keeps its number."""
    parts: list[str] = []
    spans: list[Page] = []
    position = 0
    for number, content in pages:
        content = content.strip()  # noqa: PLW2901
        if parts and content:
            parts.append(_PAGE_GAP)
            position += len(_PAGE_GAP)
        spans.append((number, position, position + len(content)))
        parts.append(content)
        position += len(content)
    text = "".join(parts)
    return Layout(text, tuple(spans)) if text else Layout("")


def is_spreadsheet(media_type: str) -> bool:
    """Whether the format is made of rows and cells."""
    return any(kind in media_type for kind in ("excel", "spreadsheet", "text/csv", "tab-separated"))


def _name(names: Sequence[str], number: int) -> str:
    return names[number - 1] if 0 < number <= len(names) else ""


def _sheet(cells: Sequence[Sequence[str]], name: str) -> str:
    rows = [[" ".join(clean(cell).split()) for cell in row] for row in cells]
    rows = [row for row in rows if any(row)]
    lines = [" ".join(clean(name).split())] if name else []
    if len(rows) > 1 and _is_header(rows[0]):
        lines.append(_line(rows[0]))
        lines.extend(_line(_labelled(rows[0], row)) for row in rows[1:])
    else:
        lines.extend(map(_line, rows))
    return "\n".join(lines)


def _is_header(row: Sequence[str]) -> bool:
    """Whether a first row names its columns: no gap before its end, no number, no name twice."""
    filled = [cell for cell in row if cell]
    named = len(filled) == len(set(filled)) > 1 and not any(cell[0].isdigit() for cell in filled)
    return named and all(row[: len(filled)])


def _labelled(header: Sequence[str], row: Sequence[str]) -> list[str]:
    names = [*header, *[""] * len(row)]
    return [f"{name}: {cell}" if name and cell else cell for name, cell in zip(names, row, strict=False)]


def _line(row: Sequence[str]) -> str:
    return " | ".join(cell for cell in row if cell)

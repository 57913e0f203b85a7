"""From what kreuzberg returns to one text with the places of its pages and headings.

PDF, slides     pages, cut at markers that kreuzberg writes into the text
spreadsheets    one page per sheet, one line per row: every value beside the name of its column
Word            the text with tab-separated table rows; its pages exist only in a printout, so it has none
anything else   the text as it is
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from retrieval import entities
from retrieval.kinds import is_spreadsheet
from retrieval.layout import PAGE_GAP, Heading, Layout, join_pages
from retrieval.plaintext import clean

MARKER = "\n\n\ufdd8{page_num}\ufdd9\n\n"
_MARKED = re.compile("\ufdd8(\\d{1,6})\ufdd9")
_NEAR = 5_000
_FAR = 1_000_000
_BLOCKS = ("paragraph", "list_item", "code")


def arrange(result: Any, media_type: str) -> Layout:
    """The text of a kreuzberg `ExtractionResult`, in its stored form."""
    if is_spreadsheet(media_type) and result.tables:
        names = (result.metadata or {}).get("sheet_names") or []
        sheets = [(table.page_number, _sheet(table.cells, _name(names, table.page_number))) for table in result.tables]
        return join_pages(sheets) if names else Layout(PAGE_GAP.join(text for _, text in sheets))
    if "word" in media_type and result.pages:
        return Layout(_stored(PAGE_GAP.join(page["content"] for page in result.pages)).strip())
    content = _with_tabs(result.content, [table.cells for table in result.tables])
    parts = _MARKED.split(content)
    if len(parts) == 1:
        return Layout(_stored(content).strip())
    parts[2] = parts[0] + parts[2]
    return join_pages((int(number), _stored(text)) for number, text in zip(parts[1::2], parts[2::2], strict=True))


def place_headings(layout: Layout, nodes: Iterable[Mapping[str, Any]]) -> Layout:
    """`layout` with those headings of the document structure `nodes` whose words are found, as lines, in their order.

    The paragraphs between are looked for too, so that a heading is not found in a table of contents before it.
    """
    text, position = f"\n{layout.text}\n", 0  # A line is found with its line ends.
    headings = []
    for content in (node["content"] for node in nodes):
        kind = content["node_type"]
        words = _stored(content.get("text") or "").strip()
        if not words or kind not in ("heading", *_BLOCKS):
            continue
        start = text.find(f"\n{words}\n", position, position + len(words) + (_FAR if kind == "heading" else _NEAR))
        if start < 0:
            continue
        position = start + len(words) + 1
        if kind == "heading":
            headings.append(Heading(content["level"], start, start + len(words)))
    return replace(layout, headings=tuple(headings))


def _with_tabs(content: str, tables: Iterable[Sequence[Sequence[str]]]) -> str:
    """`content` with a tab between the cells of those tables that it has with a space, which cells may hold too."""
    position = 0
    parts: list[str] = []
    for cells in tables:
        spaced = "\n".join(" ".join(row) for row in cells)
        start = content.find(spaced, position) if spaced.strip() else -1
        if start >= 0:
            parts += (content[position:start], "\n".join("\t".join(row) for row in cells))
            position = start + len(spaced)
    return "".join((*parts, content[position:]))


def _stored(text: str) -> str:
    return entities.restore(clean(text))


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

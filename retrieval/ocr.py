"""Text recognition, by the tesseract program where it is installed. Nothing is downloaded for it.

kreuzberg has tesseract built in, but no data for it, and fetches another recogniser from the network when that fails;
so the program itself is run, with the languages that are installed.

Limits: the pages of an encrypted PDF cannot be drawn and are not recognised.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path

from retrieval import reasons
from retrieval.errors import DocumentError
from retrieval.layout import Layout, join_pages
from retrieval.plaintext import clean

_DOTS_PER_INCH = 200
_NO_LANGUAGES = frozenset({"osd", "equ", "snum"})


def program() -> str | None:
    """The path of the tesseract program, None where it is not installed."""
    return shutil.which("tesseract")


def read_picture(data: bytes, name: str) -> Layout:
    """The text recognised in a picture file. Raises DocumentError."""
    return Layout(_recognised(data, name))


def read_blank_pages(layout: Layout, data: bytes, name: str, *, encrypted: bool = False) -> Layout:
    """`layout` of a PDF with the text recognised on its pages that have none, or a note that names those pages.

    A PDF without any text keeps it where no program is installed; see `reasons.no_text`.
    """
    blank = [number for number, start, end in layout.pages if start == end]
    if not blank:
        return layout
    if program() and not encrypted:
        texts = {number: _recognised(page, name) for number, page in zip(blank, drawn(data, blank), strict=True)}
        layout = join_pages((number, texts.get(number, layout.text[start:end])) for number, start, end in layout.pages)
        blank = [number for number in blank if not texts[number]]
    return Layout(layout.text, layout.pages, layout.headings, _note(blank, len(layout.pages)))


def spans(numbers: Sequence[int]) -> str:
    """Numbers in rising order as a person writes them: "1, 3-5"."""
    groups: list[list[int]] = []
    for number in numbers:
        if groups and number == groups[-1][-1] + 1:
            groups[-1][1:] = [number]
        else:
            groups.append([number])
    return ", ".join("-".join(map(str, group)) for group in groups)


def _note(blank: Sequence[int], pages: int) -> tuple[str, ...]:
    if not blank:
        return ()
    where = f"page {blank[0]}" if len(blank) == 1 else f"pages {spans(blank)}"
    return (f"No text was found on {where} of {pages}: blank, or a picture of text.",)


def drawn(data: bytes, numbers: Iterable[int]) -> Iterator[bytes]:
    """Pages of a PDF, from 1, as PNG files."""
    import kreuzberg

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "pages.pdf")
        path.write_bytes(data)
        for number in numbers:
            yield kreuzberg.render_pdf_page(path, number - 1, dpi=_DOTS_PER_INCH)


def _recognised(picture: bytes, name: str) -> str:
    found = program()
    if not found:
        raise DocumentError(f"{name} is a picture; install tesseract to have its text recognised.")
    run = subprocess.run(  # noqa: S603 - a fixed command, without a shell
        [found, "stdin", "stdout", "-l", _languages(found)], input=picture, capture_output=True, check=False
    )
    if run.returncode:
        raise reasons.damaged(name, "picture")
    return clean(run.stdout.decode("utf-8", "replace")).strip()


@cache
def _languages(found: str) -> str:
    """The languages installed, English first: tesseract prefers the first where several fit."""
    run = subprocess.run([found, "--list-langs"], capture_output=True, check=False, text=True)  # noqa: S603
    lines = run.stdout.splitlines()[1:]
    return "+".join(sorted(set(lines) - _NO_LANGUAGES, key=lambda language: (language != "eng", language))) or "eng"

"""Cuts a document's text into passages: the units that are embedded, indexed and found.

A passage is a run of whole sentences of about 200 word pieces, so that the embedding model (256 at most) sees all of
it. It begins with the last sentence of the passage before it, so that a fact beside a cut is found from either side. It
never crosses a page. What has no sentence end for too long is cut at white space, and without that, anywhere.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from retrieval.sentences import sentence_spans

TARGET = 200
OVERLAP = 50
_TOKEN = re.compile(r"[^\W\d_]+|\d+|\S")
_WORD = re.compile(r"\S+")

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage's place: `text[start:end]` of the document, on `page` (None where it has no pages)."""

    page: int | None
    start: int
    end: int
    heading: str = ""


def passages(text: str, pages: Sequence[tuple[int, int, int]] = ()) -> list[Passage]:
    """The passages of `text`, ordered; every character but white space lies in at least one of them.

    `pages` are `(number, start, end)` that cover the text; empty for a text without pages.
    """
    found: list[Passage] = []
    for number, start, end in pages or ((None, 0, len(text)),):
        part = text[start:end]
        found.extend(Passage(number, start + begin, start + stop) for begin, stop in _pack(part))
    return found


def estimate_pieces(text: str) -> int:
    """About how many word pieces a BERT vocabulary makes of `text`; exact only on common English words."""
    return sum(map(_pieces_of_token, _TOKEN.findall(text)))


def _pieces_of_token(token: str) -> int:
    if not token.isascii():
        return len(token)
    per_piece = 3 if token[0].isdigit() else 7
    return 1 + (len(token) - 1) // per_piece


def _pack(text: str) -> Iterator[Span]:
    """Passages of one page: sentences gathered until the target is reached, the last one repeated if it is short."""
    gathered: list[tuple[int, int, int]] = []
    total = 0
    for start, end in _units(text):
        size = estimate_pieces(text[start:end])
        if gathered and total + size > TARGET:
            yield gathered[0][0], gathered[-1][1]
            last = gathered[-1]
            gathered = [last] if len(gathered) > 1 and last[2] <= min(OVERLAP, TARGET - size) else []
            total = sum(unit[2] for unit in gathered)
        gathered.append((start, end, size))
        total += size
    if gathered:
        yield gathered[0][0], gathered[-1][1]


def _units(text: str) -> Iterator[Span]:
    for start, end in sentence_spans(text):
        if estimate_pieces(text[start:end]) <= TARGET:
            yield start, end
        else:
            yield from _cut(text, start, end)


def _cut(text: str, start: int, end: int) -> Iterator[Span]:
    """A sentence too long for a passage, in pieces of at most the target, cut before a word where there are words."""
    first = last = start
    total = 0
    for begin, stop, size in _words(text, start, end):
        if total and total + size > TARGET:
            yield first, last
            first, total = begin, 0
        last = stop
        total += size
    if total:
        yield first, last


def _words(text: str, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Words with their sizes; one longer than a passage (an encoded picture, say) in pieces that are not."""
    for word in _WORD.finditer(text, start, end):
        size = estimate_pieces(word.group())
        step = len(word.group()) if size <= TARGET else TARGET
        for begin in range(word.start(), word.end(), step):
            stop = min(begin + step, word.end())
            yield begin, stop, estimate_pieces(text[begin:stop])

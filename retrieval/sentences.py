"""Sentence boundaries with exact character offsets.

Every later stage points at words of a document through these spans, so a span is never a copy of the text: it is a pair
of offsets, and `text[start:end]` is the sentence without surrounding white space.

Limits: rules for scripts that end sentences with `.`, `!`, `?` and their full-width forms; a script without such marks
comes back as one span per line.
"""

import re
from collections.abc import Iterator
from itertools import pairwise

_ABBREVIATIONS = frozenset(
    "mr mrs ms dr prof st sr jr vs etc e.g i.e cf al fig figs eq no vol pp ed eds inc ltd co corp dept est approx "
    "gen col capt lt sgt rev hon gov sen rep u.s u.k a.m p.m jan feb mar apr jun jul aug sep sept oct nov dec".split()
)
# Always followed by a number when they are abbreviations, so "No. It is not." is two sentences.
_BEFORE_NUMBER = frozenset("no vol fig figs eq pp jan feb mar apr jun jul aug sep sept oct nov dec".split())
# Abbreviations that may end a sentence as well; the word after them decides.
_MAY_END = frozenset("etc inc ltd co corp jr sr u.s u.k a.m p.m".split())
_STARTERS = frozenset(
    "the a an this that these those it its he she they we you i his her their our in on at for from with as by after "
    "before when while since although though however but and so then there here if what who how why".split()
)
# The look-behind keeps a long row of dots linear; a reference such as [12] belongs to the sentence before it.
_END = re.compile(r"""(?:(?<![.!?])[.!?]+['")\]’”»]*(?:\[\w{1,9}\])*(?=\s|$))|(?:[。！？]+[」』”’]*)""")
_LAST_WORD = re.compile(r"([\w.]+)\.$")
_NEXT_WORD = re.compile(r"\s*['\"(\[“‘«]*(\w{1,12})")
_BULLET = re.compile(r"\s*(?:[-*•–·▪◦]|\d{1,3}[.)]|#{1,6}|\||[A-Z][\w ]{0,30}:)\s")
_CELLS = re.compile(r"\t| \| ")
_LONGEST_NUMBERING = 12
_FULL_LINE = 0.75
_WRAPPED_WIDTH = 40


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Offsets `(start, end)` of the sentences of `text`, in order, not overlapping, none of them empty."""
    spans: list[tuple[int, int]] = []
    for start, end in _blocks(text):
        spans.extend(_split_block(text, start, end))
    return spans


def _split_block(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    begin = start
    for mark in _END.finditer(text, start, end):
        if _ends_sentence(text, begin, mark.start(), mark.end(), end):
            yield from _trimmed(text, begin, mark.end())
            begin = mark.end()
    yield from _trimmed(text, begin, end)


def _ends_sentence(text: str, begin: int, mark: int, after: int, end: int) -> bool:
    following = _NEXT_WORD.match(text, after, end)
    same_line = following and not any(end_of_line in following.group() for end_of_line in "\r\n\u2028")
    if following and same_line and following.group(1)[0].islower() and text[mark] in ".!?":
        return False
    word = _LAST_WORD.search(text[max(begin, mark - 20) : mark + 1]) if text[mark] == "." else None
    return not word or not _is_abbreviation(word.group(1), text[begin:mark], following.group(1) if following else "")


def _is_abbreviation(word: str, sentence: str, following: str) -> bool:
    """Whether the dot after `word`, the last of `sentence`, belongs to it rather than ending the sentence."""
    known = word.lower()
    if known in _BEFORE_NUMBER:
        return following[:1].isdigit()
    if known in _MAY_END:
        return following.lower() not in _STARTERS
    numbering = known.isdigit() and len(sentence) < _LONGEST_NUMBERING and sentence.strip() == word
    initial = len(word) == 1 and word.isalpha() and word.isupper()
    return known in _ABBREVIATIONS or initial or numbering


def _trimmed(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    piece = text[start:end]
    start += len(piece) - len(piece.lstrip())
    end = start + len(piece.strip())
    if start < end:
        yield start, end


def _blocks(text: str) -> Iterator[tuple[int, int]]:
    """Runs of lines that belong together: broken at blank lines, list items, and lines that were not wrapped."""
    for start, end in _paragraphs(text):
        lines = _lines(text, start, end)
        width = max(stop - begin for begin, stop in lines)
        block_start = lines[0][0]
        for (begin, stop), (following, following_end) in pairwise(lines):
            if not _wraps(text[begin:stop], text[following:following_end], width):
                yield block_start, stop
                block_start = following
        yield block_start, lines[-1][1]


def _wraps(line: str, following: str, width: int) -> bool:
    """Whether `line` runs on into `following`: it fills its column, or the next begins in the middle of a sentence."""
    if _BULLET.match(following) or _CELLS.search(following) or _CELLS.search(line):
        return False
    if following.lstrip()[:1].islower():
        return True
    return width >= _WRAPPED_WIDTH and len(line.rstrip()) >= _FULL_LINE * width


def _paragraphs(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for gap in re.finditer(r"(?:\r\n|\n|\r)[^\S\r\n]*(?:\r\n|\n|\r)\s*|\f+|\u2029+", text):
        if text[start : gap.start()].strip():
            yield start, gap.start()
        start = gap.end()
    if text[start:].strip():
        yield start, len(text)


def _lines(text: str, start: int, end: int) -> list[tuple[int, int]]:
    found = []
    for line in re.finditer(r"[^\r\n\u2028]+", text[start:end]):
        if line.group().strip():
            found.append((start + line.start(), start + line.end()))
    return found

"""Rows of words as columns of a terminal: wide characters take two places, words of people steer nothing."""

import unicodedata
from collections.abc import Sequence

from assistant.show import printable

_GAP = "  "


def as_columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """A line for each row, which all have as many words; the first column to the left, the others to the right."""
    shown = [[printable(word) for word in row] for row in rows]
    widths = [max(map(_width, column)) for column in zip(*shown, strict=True)]
    return [_GAP.join(_padded(word, widths, place) for place, word in enumerate(row)).rstrip() for row in shown]


def number(value: float | None) -> str:
    """Three decimals, or a dash."""
    return "-" if value is None else f"{value:.3f}"


def between(ci: Sequence[float] | None) -> str:
    """An interval."""
    return "-" if ci is None else f"{ci[0]:.3f} to {ci[1]:.3f}"


def _padded(word: str, widths: Sequence[int], place: int) -> str:
    space = " " * (widths[place] - _width(word))
    return space + word if place else word + space


def _width(word: str) -> int:
    return sum(0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF") for c in word)

"""Pieces of the report's page: tables, plots, names and numbers as words. Every text is escaped here."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from assistant.show import printable
from eval.plots import Row, interval_plot
from eval.tables import between, number

_NAMES = {
    "bits_per_byte": "bits per byte",
    "rouge1_f1": "ROUGE-1 F1",
    "rouge2_f1": "ROUGE-2 F1",
    "rougeL_f1": "ROUGE-L F1",
    "rougeL_f_beta": "ROUGE-L F beta",
    "token_f1": "token F1",
    "overall_token_f1": "token F1, all questions",
    "overall_exact_match": "exact match, all questions",
    "unanswerable_token_f1": "token F1, unanswerable",
    "unanswerable_exact_match": "exact match, unanswerable",
}


def table(caption: str, columns: Sequence[str], rows: Sequence[Sequence[str]], marked: int | None = None) -> str:
    """A table whose first column names its rows; `marked` is the column whose words are classes too."""
    head = "".join(f'<th scope="col">{_shown(column)}</th>' for column in columns)
    lines = "".join(f"<tr>{''.join(_cells(row, marked))}</tr>" for row in rows)
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(caption)}"><table>'
        f"<caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table></div>"
    )


def _cells(row: Sequence[str], marked: int | None) -> Iterator[str]:
    first, *rest = row
    yield f'<th scope="row">{_shown(first)}</th>'
    for place, word in enumerate(rest, start=1):
        kind = f' class="{word}"' if place == marked and word in ("better", "worse") else ""
        yield f"<td{kind}>{_shown(word)}</td>"


def _shown(word: str) -> str:
    return escape(printable(word))


def plot(caption: str, rows: Sequence[Row], *, unit: str = "", reference: float | None = None) -> str:
    """A figure with its caption; nothing where there are no rows."""
    svg = interval_plot(rows, title=caption, unit=unit, reference=reference)
    if not svg:
        return ""
    return (
        f'<figure><figcaption>{escape(caption)}</figcaption><div class="scroll" role="region" tabindex="0" '
        f'aria-label="{escape(caption)}, plot">{svg}</div></figure>'
    )


def notes(said: Sequence[str]) -> Iterator[str]:
    """A paragraph each."""
    for note in said:
        yield f'<p class="note">{escape(note)}</p>'


def figure(found: Mapping[str, Any]) -> str:
    """A value with its interval, where it has one."""
    return number(found["value"]) + (f" ({between(found['ci'])})" if found["ci"] else "")


def signed(value: float | None) -> str:
    """Three decimals with a plus or a minus."""
    return "-" if value is None else f"{value:+.3f}".replace("-", "−")


def p_value(p: float | None) -> str:
    """Three decimals, never 0."""
    return "below 0.001" if p is not None and p < 0.001 else number(p)


def ends(ci: Sequence[float | None]) -> str:
    """An interval of ratings, either side of which may be open."""
    low, high = (("open" if end is None else f"{end:.0f}") for end in ci)
    return f"{low} to {high}"


def name_of(metric: str) -> str:
    """A figure as a reader knows it."""
    return _NAMES.get(metric, metric.replace("_", " "))

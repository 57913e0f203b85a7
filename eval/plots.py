"""Plots as inline SVG: for a page that loads nothing from elsewhere, in the colours of its text, light or dark.

The same rows give the same bytes: no date, ids from a hash of the content. Words stay words, so that they can be read
aloud, searched for and copied.
"""

import hashlib
import io
import re
import textwrap
import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

from assistant.show import printable

Row = tuple[str, float, float | None, float | None]
"""A label, a value, and the ends of its interval where there is one."""

_INK, _POINT, _FAINT = "#010203", "#040506", "#070809"
"""Colours that nobody would choose; the page's own take their places."""
_COLOURS = {_INK: "currentColor", _POINT: "var(--plot, #2563eb)", _FAINT: "var(--plot-faint, #9ca3af)"}
_LABEL_WIDTH, _LABEL_LINES = 28, 2
"""Characters of a line; what does not fit in its lines is cut."""
_WIDTH, _ROW_HEIGHT, _EDGES = 4.0, 0.36, 0.8
"""Inches: narrow, so that the words can still be read on a phone."""
_PIXELS = 1.35
"""Of a page to a point of the plot at its largest: as large as the text around it."""
_LINES = ("#0d9488", "#d97706", "#8b5cf6", "#e11d48", "#3b82f6", "#65a30d", "#db2777", "#78716c")
"""Seen on light and on dark; the marks and dashes tell them apart without colours."""
_MARKS, _DASHES = "osD^vPX*", ("-", "--", "-.", ":")
_FAR = 400.0
"""Rating points: the end of an interval further out than that is cut off."""
_DRAWING = threading.Lock()
"""Settings of matplotlib hold for the whole process."""


def interval_plot(rows: Sequence[Row], *, title: str = "", unit: str = "", reference: float | None = None) -> str:
    """A point with its interval for each row, the first on top, as an `<svg>` element; `reference` is a dashed line.

    Empty where there are no rows. The element says to a screen reader what it shows.
    """
    if not rows:
        return ""
    svg = _drawn(_EDGES + _ROW_HEIGHT * len(rows), lambda axes: _fill(axes, rows, unit, reference))
    title = printable(title)
    said = f"{title}. {_spoken(rows, unit)}" if title else _spoken(rows, unit)
    return _inline(svg, said)


def history_plot(points: Sequence[Mapping[str, Any]], *, title: str = "") -> str:
    """Lines over `points` {"votes", "ratings": {name: {"rating", "low", "high"}}}, with bands, as an `<svg>` element.

    Of more than eight models the best of the last point are drawn, and the others are said to be left out.
    """
    if not points:
        return ""
    last = points[-1]["ratings"]
    best = sorted(last, key=lambda name: -last[name]["rating"])
    names, left = best[: len(_LINES)], len(best) - len(_LINES)
    ends = [(name, last[name]["rating"], last[name]["low"], last[name]["high"]) for name in names]
    said = f"{printable(title)}. After {points[-1]['votes']:,} votes: {_spoken(ends, 'rating')}"
    said += f"; {left} more are not drawn" if left > 0 else ""
    return _inline(_drawn(3.0, lambda axes: _fill_history(axes, points, names)), said)


def _drawn(height: float, fill: Callable[[Any], None]) -> str:
    # Without pyplot, which keeps figures in a global list: this may run in the threads of the page.
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    style = {"svg.fonttype": "none", "svg.hashsalt": "footnote", "font.size": 10, "path.simplify": False}
    with _DRAWING, rc_context({**style, "text.parse_math": False}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # the reader's fonts have what the one that measures lacks
        figure = Figure(figsize=(_WIDTH, height))
        FigureCanvasSVG(figure)
        axes = figure.add_subplot()
        fill(axes)
        _dress(axes)
        out = io.StringIO()
        figure.savefig(out, format="svg", bbox_inches="tight", metadata={"Date": None})
    return out.getvalue()


def _dress(axes: Any) -> None:
    """The axes in the page's ink, on no ground."""
    axes.tick_params(colors=_INK, length=3)
    axes.tick_params(axis="y", length=0)
    for axis in (axes.xaxis, axes.yaxis):
        axis.label.set_color(_INK)
    axes.patch.set_visible(False)
    axes.figure.patch.set_visible(False)
    for name, spine in axes.spines.items():
        spine.set_visible(name == "bottom")
        spine.set_color(_FAINT)


def _fill(axes: Any, rows: Sequence[Row], unit: str, reference: float | None) -> None:
    if reference is not None:
        axes.axvline(reference, color=_FAINT, linewidth=1, linestyle=(0, (4, 3)), zorder=0)
    left, right = _edges(rows, reference)
    axes.set_xlim(left, right)
    for place, (_, value, low, high) in enumerate(rows):
        if low is not None or high is not None:
            ends = (left if low is None else low, right if high is None else high)
            axes.plot(ends, (place, place), color=_POINT, linewidth=2, solid_capstyle="butt")
            for at, end, arrow in ((left, low, "<"), (right, high, ">")):
                if end is None:  # open on this side
                    axes.plot([at], [place], marker=arrow, markersize=6, color=_POINT, clip_on=False)
        axes.plot([value], [place], marker="o", markersize=5, color=_POINT)
    axes.set_yticks(range(len(rows)), [_shortened(row[0]) for row in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlabel(unit)


def _fill_history(axes: Any, points: Sequence[Mapping[str, Any]], names: Sequence[str]) -> None:
    for place, name in enumerate(names):
        known = [(point["votes"], point["ratings"][name]) for point in points if name in point["ratings"]]
        at, colour = [votes for votes, _ in known], _LINES[place]
        look = {"marker": _MARKS[place], "markersize": 4, "linestyle": _DASHES[place % len(_DASHES)]}
        axes.plot(at, [row["rating"] for _, row in known], color=colour, label=_shortened(name), **look)
        low = [row["rating"] - _FAR if row["low"] is None else row["low"] for _, row in known]
        high = [row["rating"] + _FAR if row["high"] is None else row["high"] for _, row in known]
        axes.fill_between(at, low, high, color=colour, alpha=0.1, linewidth=0)
    axes.set_ylim(*_heights([points[-1]["ratings"][name] for name in names]))
    axes.set_xlabel("votes")
    axes.set_ylabel("rating")
    axes.grid(axis="y", color=_FAINT, alpha=0.3)
    axes.legend(loc="upper left", bbox_to_anchor=(-0.02, -0.2), frameon=False, labelcolor=_INK)


def _heights(rows: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    """The ends of the axis: the last ratings fill the plot; the first, of few votes, may be anywhere."""
    ends = [row["rating"] for row in rows]
    known = [(end, row["rating"]) for row in rows for end in (row["low"], row["high"]) if end is not None]
    ends += [end for end, rating in known if abs(end - rating) < _FAR]
    room = max(40.0, 0.35 * (max(ends) - min(ends)))
    return min(ends) - room, max(ends) + room


def _edges(rows: Sequence[Row], reference: float | None) -> tuple[float, float]:
    """The ends of the axis: all that is shown, with a little room."""
    shown = [end for row in rows for end in row[1:] if end is not None]
    shown += [] if reference is None else [reference]
    low, high = min(shown), max(shown)
    room = 0.04 * (high - low) or max(abs(high), 1.0) * 0.05
    return low - room, high + room


def _inline(svg: str, said: str) -> str:
    """The `<svg>` element alone, with ids of its own, the page's colours and fonts, and what it says."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", svg, flags=re.DOTALL)  # a style is for all the page
    svg = re.sub(r'\s+xmlns(:\w+)?="[^"]*"', "", svg)  # HTML knows them
    svg = svg.replace("xlink:href", "href")
    own = "p" + hashlib.sha256((svg + said).encode()).hexdigest()[:10]
    svg = re.sub(r'\bid="', f'id="{own}-', svg)
    svg = re.sub(r'(href="|url\()#', rf"\g<1>#{own}-", svg)
    for colour, page in _COLOURS.items():
        svg = svg.replace(colour, page)
    svg = re.sub(r"font-family: [^;]*;", "font-family: inherit;", svg)
    svg = re.sub(r'<svg width="([\d.]+)pt" height="[^"]*"', _sized, svg, count=1)
    head, _, rest = svg.partition(">")
    return f'{head} role="img" aria-label="{escape(said)}">{rest}'.strip()


def _sized(found: re.Match[str]) -> str:
    return f'<svg class="fn-plot" width="100%" style="max-width:{float(found[1]) * _PIXELS:.0f}px"'


def _spoken(rows: Sequence[Row], unit: str) -> str:
    said = (f"{printable(label)}: {_number(value)}{_between(low, high)}" for label, value, low, high in rows)
    return "; ".join(said) + (f" ({printable(unit)})" if unit else "")


def _between(low: float | None, high: float | None) -> str:
    if low is None and high is None:
        return ""
    return f", {'open' if low is None else _number(low)} to {'open' if high is None else _number(high)}"


def _number(value: float) -> str:
    return f"{value:.4g}"


def _shortened(label: str) -> str:
    lines = textwrap.wrap(printable(label), _LABEL_WIDTH)
    if len(lines) > _LABEL_LINES:
        lines = [*lines[: _LABEL_LINES - 1], f"{lines[_LABEL_LINES - 1][: _LABEL_WIDTH - 1]}…"]
    return "\n".join(lines)

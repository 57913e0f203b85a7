"""Plots as SVG to stand inside a page: the same bytes for the same rows, readable on light and on dark.

Text and axes have the colour of the text around them (`currentColor`), text stays text in the reader's font, and each
plot has a title and a description in words for those who do not see it. Nothing in it is loaded from anywhere.
"""

import hashlib
import io
import re
import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

from retrieval.plaintext import clean

_WIDTH_INCHES = 4.2
_ROW_INCHES = 0.34
_INK = "#010203"
"""Stands for the colour of the text around, until the end."""
_COLOURS = ("#0d9488", "#d97706", "#8b5cf6", "#e11d48", "#3b82f6", "#65a30d", "#db2777", "#78716c")
_MARKERS = "osD^vPX*"
_DASHES = ("-", "--", "-.", ":")
_FAR = 400.0
"""Rating points: an end of an interval further out is cut off."""
_LONGEST_NAME = 20
_DRAWING = threading.Lock()
"""Settings of matplotlib hold for the whole process."""


def interval_plot(
    rows: Sequence[Mapping[str, Any]], *, title: str = "Ratings with 95 % intervals", label: str = "rating"
) -> str:
    """A line for each of `rows` {"name", "rating", "low", "high"}, the first on top; an end that is None is open.

    Of no rows it is empty.
    """
    if not rows:
        return ""
    said = "; ".join(
        f"{row['name']} {row['rating']:.4g}, from {_end(row['low'])} to {_end(row['high'])}" for row in rows
    )

    def draw(axes: Any) -> None:
        low, high = _range(rows)
        for place, row in enumerate(rows):
            colour = _COLOURS[place % len(_COLOURS)]
            ends = [low if row["low"] is None else row["low"], high if row["high"] is None else row["high"]]
            axes.plot(ends, [place, place], color=colour, linewidth=2, solid_capstyle="round")
            for end, at, marker in ((row["low"], low, "<"), (row["high"], high, ">")):
                if end is None:
                    axes.plot([at], [place], marker=marker, color=colour, markersize=6)
            axes.plot([row["rating"]], [place], marker="o", color=colour, markersize=7)
        axes.set_yticks(range(len(rows)), [_short(row["name"]) for row in rows])
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_xlabel(label)
        axes.grid(axis="x", color=_INK, alpha=0.15)

    return _svg(draw, title, said, 0.65 + _ROW_INCHES * len(rows))


def history_plot(points: Sequence[Mapping[str, Any]], *, title: str = "Ratings as the votes came") -> str:
    """A line for each model over `points` {"votes", "ratings": {name: {"rating", "low", "high"}}}, bands its intervals.

    Models beyond the eight best of the last point are left out, and the description says so. Of no points it is empty.
    """
    if not points:
        return ""
    last = points[-1]["ratings"]
    names = sorted(last, key=lambda name: -last[name]["rating"])
    shown = names[: len(_COLOURS)]
    said = f"After {points[-1]['votes']:,} votes: " + ", ".join(f"{name} {last[name]['rating']:.0f}" for name in shown)
    said += f"; {len(names) - len(shown)} more are not drawn" if len(names) > len(shown) else ""

    def draw(axes: Any) -> None:
        for place, name in enumerate(shown):
            at = [point["votes"] for point in points if name in point["ratings"]]
            rows = [point["ratings"][name] for point in points if name in point["ratings"]]
            colour = _COLOURS[place]
            axes.plot(
                at,
                [row["rating"] for row in rows],
                color=colour,
                marker=_MARKERS[place],
                markersize=4,
                linestyle=_DASHES[place % len(_DASHES)],
                label=_short(name),
            )
            axes.fill_between(at, [row["low"] for row in rows], [row["high"] for row in rows], color=colour, alpha=0.08)
        _look_at(axes, [last[name] for name in shown])
        axes.set_xlabel("votes")
        axes.set_ylabel("rating")
        axes.grid(color=_INK, alpha=0.15)
        axes.legend(loc="upper left", bbox_to_anchor=(0, -0.2), ncols=2, frameon=False, labelcolor=_INK)

    return _svg(draw, title, said, 3.0 + 0.2 * -(-len(shown) // 2))


def _look_at(axes: Any, rows: Sequence[Mapping[str, float]]) -> None:
    """The last ratings fill the plot: the first, of few votes, may be as far out as nothing else is."""
    ends = [row["rating"] for row in rows] + [row[key] for row in rows for key in ("low", "high") if _near(row, key)]
    if ends:
        room = max(40.0, 0.35 * (max(ends) - min(ends)))
        axes.set_ylim(min(ends) - room, max(ends) + room)


def _near(row: Mapping[str, float], key: str) -> bool:
    return abs(row[key] - row["rating"]) < _FAR


def _range(rows: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    """Where open ends are drawn to: a little beyond all that is known."""
    known = [float(row[key]) for row in rows for key in ("rating", "low", "high") if row[key] is not None]
    low, high = min(known, default=0.0), max(known, default=1.0)
    room = max((high - low) * 0.08, 1e-3)
    return low - room, high + room


def _svg(draw: Callable[[Any], None], title: str, said: str, height: float) -> str:
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    key = hashlib.sha256(f"{title}\n{said}".encode("utf-8", "replace")).hexdigest()[:12]
    settings = {
        "svg.fonttype": "none",
        "svg.hashsalt": key,
        "text.parse_math": False,
        "font.size": 9,
        **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), _INK),
        **dict.fromkeys(("axes.spines.top", "axes.spines.right", "axes.spines.left"), False),
        **dict.fromkeys(("xtick.major.size", "ytick.major.size"), 0),
    }
    file = io.StringIO()
    with _DRAWING, rc_context(settings), warnings.catch_warnings():
        # Widths of letters that its own font lacks are guessed; the reader's font has them.
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
        figure = Figure(figsize=(_WIDTH_INCHES, height), layout="constrained")
        FigureCanvasSVG(figure)
        draw(figure.add_subplot())
        figure.savefig(
            file, format="svg", transparent=True, metadata=dict.fromkeys(("Date", "Creator", "Format", "Type"))
        )
    return _for_pages(file.getvalue(), key, title, said)


def _for_pages(svg: str, key: str, title: str, said: str) -> str:
    """The element alone, as wide as its place, in the colours and the font of the text around it."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"\s*<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<!--.*?-->\s*", "", svg, flags=re.DOTALL)
    # Ids that nothing refers to would be there twice where a page has two plots.
    used = set(re.findall(r'(?:url\(#|href="#)([^")]+)', svg))
    svg = re.sub(r' id="([^"]+)"', lambda found: found[0] if found[1] in used else "", svg)
    svg = re.sub(r"font-family: [^;\"]*; ", "", svg)
    svg = re.sub(r"\s*<defs>\s*<style.*?</style>\s*</defs>", "", svg, flags=re.DOTALL)  # it is for the whole page
    svg = svg.replace(_INK, "currentColor")
    head, _, body = svg.partition(">")
    box = re.search(r'viewBox="[^"]+"', head)
    labels = f"fn-t{key} fn-d{key}"
    style = "max-width:30rem;width:100%;height:auto;stroke-linejoin:round"
    return (
        f'<svg class="fn-plot" xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'{box[0] if box else ""} role="img" aria-labelledby="{labels}" style="{style}">'
        f'<title id="fn-t{key}">{_xml(title)}</title><desc id="fn-d{key}">{_xml(said)}</desc>{body}'
    ).strip()


def _short(name: str) -> str:
    name = clean(" ".join(name.split()))
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"


def _end(value: float | None) -> str:
    return "open" if value is None else f"{value:.4g}"


def _xml(text: str) -> str:
    return escape(clean(text), quote=False)

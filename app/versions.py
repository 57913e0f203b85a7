"""All sessions together, version by version, as HTML; the values are those of `eval.versions.versions_report`."""

from collections.abc import Mapping
from typing import Any

from app.render import escape
from app.standings import end_html, notes_html, rated_html, scrolled

_SAID = "With another checkpoint, or told or drawn otherwise, a contestant is another version of itself."
_TITLES = ("Version", "First answered", "Votes", "Rating", "95 % interval")


def versions_html(found: Mapping[str, Any]) -> str:
    """The versions in the order in which they came, then their ratings on one scale."""
    rated = found["people"]
    if rated is None:
        return '<p class="fn-notice" role="status">No vote yet says which answer is better. Begin in Battle.</p>'
    head = "".join(
        f'<th scope="col"{" class=fn-words" if at == 0 else ""}>{title}</th>' for at, title in enumerate(_TITLES)
    )
    body = "".join(map(_row, found["versions"]))
    table = scrolled("Versions", f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")
    left_out = found["votes_left_out"]
    said = f"{_SAID} Votes left out, as another session holds the same ones: {left_out:,}." if left_out else _SAID
    return (
        f'<div class="fn-standings"><p class="fn-status">{said}</p><h3>Versions over time</h3>{table}'
        f"{rated_html(rated, 'people')}{notes_html(rated['notes'])}</div>"
    )


def _row(version: Mapping[str, Any]) -> str:
    rating, ends = "–", "–"
    if version["rating"] is not None:
        low, high = version["widest_ci"] or (None, None)
        rating, ends = f"{version['rating']:.0f}", f"{end_html(low)} to {end_html(high)}"
    return (
        f'<tr><th scope="row"><bdi>{escape(version["label"])}</bdi></th><td>{escape(version["first_at"][:10])}</td>'
        f"<td>{version['votes']:,}</td><td><strong>{rating}</strong></td><td>{ends}</td></tr>"
    )

"""What a session of battles says, as HTML: ratings, plots, who beat whom, progress, notes. Pure functions.

The values are those of `eval.session_report.battle_report`; names and notes are escaped.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from app.render import count, escape
from eval.plots import history_plot, interval_plot
from eval.ratings_report import worth

Values = Mapping[str, Any]
_NEXT_TIER = {"provisional": "usable", "usable": "established"}
_WORDS = ("Contestant", "How sure")
_OF_WORDS = ' class="fn-words"'
_MOST_VOTES = 1_000_000
_FILES = (("votes.csv", "Votes (CSV)"), ("session.jsonl", "All rows (JSONL)"), ("report.json", "Ratings (JSON)"))


def standings_html(found: Values) -> str:
    """The whole leaderboard of one session."""
    people, models = found["people"], found["models"]
    parts = [_overview(found), downloads_html(found["session"])]
    if people is None and models is None:
        parts.append('<p class="fn-notice" role="status">No vote yet says which answer is better. Begin in Battle.</p>')
    if people is not None:
        parts += [rated_html(people, "people"), _history(found["history"])]
    if models is not None:
        inner = rated_html(models, "models as judges")
        parts.append(f"<details{'' if people else ' open'}><summary>By models as judges</summary>{inner}</details>")
    parts += [_raters(found["raters"]), notes_html([*found["notes"], *_notes(people, models)])]
    return f'<div class="fn-standings">{"".join(parts)}</div>'


def downloads_html(session: str) -> str:
    """Links to the files of a session."""
    links = "".join(
        f'<a href="/v1/evaluation/{file}?session={quote(session, safe="")}" download>{label}</a>'
        for file, label in _FILES
    )
    return f'<p class="fn-links" role="group" aria-label="Downloads">{links}</p>'


def notes_html(notes: Sequence[str]) -> str:
    """What a reader must know, in sentences."""
    items = "".join(f"<li>{escape(_sentence(note))}</li>" for note in dict.fromkeys(notes))
    return f'<h3>To know</h3><ul class="fn-remarks">{items}</ul>' if items else ""


def _overview(found: Values) -> str:
    people, models = found["votes"]["people"], found["votes"]["models"]
    said = [count(people["all"], "vote") + " of people"]
    said += [f"{count(models['all'], 'verdict')} of models"] if models["all"] else []
    said += [count(len(found["contestants"]), "contestant"), count(found["prompts"], "prompt")]
    return f'<p class="fn-status">{" · ".join(said)}</p>'


def rated_html(rated: Values, by: str) -> str:
    """Ratings of `eval.ratings_report` by people or models: tables, plots, who beat whom."""
    tables = []
    for number, names in enumerate(rated["groups"], start=1):
        title = f"Group {number}, which no battle connects with the others" if len(rated["groups"]) > 1 else "Ratings"
        rows = [(name, rated["bradley_terry"][name]["rating"], *_ends(rated["bradley_terry"][name])) for name in names]
        plot = interval_plot(rows, title=f"{title}, by {by}", unit="rating, with its interval of 95 %")
        tables.append(f'<h3>{title}</h3><div class="fn-beside">{_table(rated, names)}{_figure(plot)}</div>')
    return "".join([*tables, _apart(rated["neighbours"]), _win_rates(rated["win_rates"]), _effects(rated["effects"])])


def _ends(row: Values) -> tuple[float | None, float | None]:
    low, high = row["widest_ci"] or (None, None)
    return low, high


def _table(rated: Values, names: Sequence[str]) -> str:
    titles = ("Rank", "Contestant", "Rating", "95 % interval", "Votes", "Score", "How sure", "Elo")
    head = "".join(f'<th scope="col"{_OF_WORDS if title in _WORDS else ""}>{title}</th>' for title in titles)
    body = "".join(_row(name, rated["bradley_terry"][name], rated["elo"][name]) for name in names)
    return scrolled("Ratings", f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")


def _row(name: str, row: Values, elo: float) -> str:
    low, high = _ends(row)
    flag = f' <span class="fn-tag">{escape(row["flag"])}</span>' if row["flag"] else ""
    return (
        f'<tr><td>{row["rank"]}</td><th scope="row"><bdi>{escape(name)}</bdi>{flag}</th><td><strong>{row["rating"]:.0f}'
        f"</strong></td><td>{end_html(low)} to {end_html(high)}</td><td>{row['battles']:,}</td>"
        f"<td>{row['score']:.0%}</td>"
        f'<td class="fn-tier">{_tier(name, row)}</td><td>{elo:.0f}</td></tr>'
    )


def _tier(name: str, row: Values) -> str:
    """The tier, and how far it is to the next one."""
    tier, more = row["tier"], row["votes_to_next"]
    shown = f'<span class="fn-state">{escape(tier)}</span>'
    if tier not in _NEXT_TIER:
        return shown
    if more is None:
        return f'{shown}<span class="fn-detail">how many votes it lacks cannot be said</span>'
    votes = row["battles"]
    said = f"about {more:,} more to {_NEXT_TIER[tier]}"
    return (
        f'{shown}<progress max="{votes + more}" value="{votes}" aria-label="{escape(name)}: {said}"></progress>'
        f'<span class="fn-detail">{said}</span>'
    )


def _apart(neighbours: Sequence[Values]) -> str:
    """What would tell apart those that cannot be told apart yet."""
    items = "".join(f"<li>{_untold(pair)}</li>" for pair in neighbours if not pair["told"])
    return f'<h3>Not told apart yet</h3><ul class="fn-remarks">{items}</ul>' if items else ""


def _untold(pair: Values) -> str:
    both = f"<bdi>{escape(pair['better'])}</bdi> and <bdi>{escape(pair['worse'])}</bdi>"
    if pair["more_votes"] is None:
        return f"{both}: the votes so far do not say how many more it takes"
    more = f"about {pair['more_votes']:,}" if pair["more_votes"] <= _MOST_VOTES else f"over {_MOST_VOTES:,}"
    return f"{both}: {more} more votes between the two"


def _win_rates(rates: Values) -> str:
    names = rates["names"]
    head = "".join(f'<th scope="col"><bdi>{escape(name)}</bdi></th>' for name in names)
    body = "".join(
        f'<tr><th scope="row"><bdi>{escape(name)}</bdi></th>{"".join(map(_cell, shares, battles))}</tr>'
        for name, shares, battles in zip(names, rates["share"], rates["battles"], strict=True)
    )
    table = (
        '<table class="fn-matrix"><caption>The share of its battles with the contestant of the column that the '
        "contestant of the row took; a tie is half.</caption><thead><tr><td></td>"
        f"{head}</tr></thead><tbody>{body}</tbody></table>"
    )
    return f"<h3>Who beat whom</h3>{scrolled('Who beat whom', table)}"


def _cell(share: float | None, battles: int) -> str:
    if share is None:
        return '<td class="fn-none"><span aria-label="never met">–</span></td>'
    side = "fn-over" if share >= 0.5 else "fn-under"
    return (
        f'<td class="{side}" style="--by:{abs(share - 0.5) * 100:.0f}%">{share:.0%} <small>of {battles:,}</small></td>'
    )


def _effects(effects: Values) -> str:
    words = {"position": "Standing on the left", "length": "Being twice as long"}
    items = "".join(
        f"<li>{words.get(name, escape(name))} {worth(effect)}.</li>" for name, effect in effects.items() if effect
    )
    return f'<h3>What else moves votes</h3><ul class="fn-remarks">{items}</ul>' if items else ""


def _history(points: Sequence[Values]) -> str:
    return (
        f"<h3>As the votes came</h3>{_figure(history_plot(points, title='Ratings as the votes came'))}"
        if len(points) > 1
        else ""
    )


def _raters(raters: Mapping[str, Values]) -> str:
    if not raters:
        return ""
    columns = (("all", "Votes"), ("left", "A"), ("right", "B"), ("tie", "Ties"), ("bad", "Both bad"), ("skip", "Skips"))
    head = "".join(f'<th scope="col">{title}</th>' for _, title in columns)
    body = "".join(
        f'<tr><th scope="row"><bdi>{escape(name)}</bdi>{" (model)" if row["kind"] == "model" else ""}</th>'
        f"{''.join(f'<td>{row[key]:,}</td>' for key, _ in columns)}<td>{_time(row['seconds_median'])}</td></tr>"
        for name, row in raters.items()
    )
    table = (
        f'<table><thead><tr><th scope="col"{_OF_WORDS}>Rater</th>{head}<th scope="col">Median time</th></tr></thead>'
        f"<tbody>{body}</tbody></table>"
    )
    return f"<h3>Raters</h3>{scrolled('Raters', table)}"


def _notes(*rated: Values | None) -> list[str]:
    return [note for each in rated if each is not None for note in each["notes"]]


def scrolled(label: str, table: str) -> str:
    """A table that is moved sideways where it is wider than its place; the keyboard reaches it."""
    return f'<div class="fn-table" role="region" aria-label="{escape(label)}" tabindex="0">{table}</div>'


def _figure(svg: str) -> str:
    return f'<figure class="fn-figure">{svg}</figure>'


def _sentence(note: str) -> str:
    return note[:1].upper() + note[1:] + ("" if note.endswith((".", "!", "?")) else ".")


def end_html(value: float | None) -> str:
    """An end of an interval."""
    return "open" if value is None else f"{value:.0f}"


def _time(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds:.1f} s"

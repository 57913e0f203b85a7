"""What a form has found, as HTML: tables that can be read by ear, with bars and intervals drawn beside the numbers.

Pure functions; names, notes and rubrics are escaped.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from app.form_html import signed
from app.render import count, escape
from eval.bootstrap import TOO_NARROW
from eval.likert_file import SCALE

_LONGEST_CSV = 4_000_000
_WHO = {"people": "person", "models": "model"}


def report_html(found: dict[str, Any], csv: str) -> str:
    """The report of `eval.form_report` and the scores as CSV, which `results.js` saves."""
    titles = {aspect["name"]: aspect["title"] for aspect in found["rubric"]["aspects"]}
    parts = [_progress(found["raters"])]
    for kind, one in _WHO.items():
        if found[kind]:
            parts += _kind(kind, one, found[kind], titles, found)
    if not found["raters"]:
        return '<p class="fn-status">Nobody has scored any of it yet.</p>'
    return f'<div class="fn-found">{_download(found["form"], csv)}{"".join(parts)}</div>'


def _download(name: str, csv: str) -> str:
    if len(csv) > _LONGEST_CSV:
        return '<p class="fn-status">The scores are many: save them with <code>footnote eval form export</code>.</p>'
    return (
        f'<p><button type="button" class="fn-small" data-act="save" data-name="{escape(name)}.csv">'
        f"Download the scores (CSV)</button></p><pre hidden>{escape(csv)}</pre>"
    )


def _progress(raters: Sequence[dict[str, Any]]) -> str:
    rows = [
        (_name(each["name"]), each["kind"], f"{each['scored']:,} of {each['of']:,}{_bar(each['scored'], each['of'])}")
        for each in raters
    ]
    return _table("Who has scored how much", ("Rater", "Kind", "Texts"), rows)


def _bar(done: int, of: int) -> str:
    return f'<progress aria-hidden="true" max="{of}" value="{done}"></progress>'


def _kind(kind: str, one: str, report: dict[str, Any], titles: dict[str, str], found: dict[str, Any]) -> Iterator[str]:
    raters = (
        count(report["raters"], one) if kind == "models" or report["raters"] == 1 else f"{report['raters']:,} people"
    )
    confidence = f"{found['confidence']:.0%}"
    narrow = " They are too narrow: there are few items." if _any_narrow(report) else ""
    yield (
        f'<h3>{kind.capitalize()}</h3><p class="fn-status">{count(report["scores"], "score")} of '
        f"{count(report['items'], 'item')} by {raters}. Intervals are of {confidence}.{narrow}</p>{_legend()}"
    )
    for name, aspect in report["aspects"].items():
        rows = [_system(system, score) for system, score in aspect["systems"].items()]
        head = ("System", "Mean", "On the scale", "Scores given", "Items")
        yield _table(titles.get(name, name), head, rows)
    yield _comparisons(report["comparisons"], titles)
    yield _agreement(report["aspects"], titles, found["rules"])
    yield _spearman(report["spearman"], titles)
    yield _signs(report, found["rules"])


def _any_narrow(report: dict[str, Any]) -> bool:
    aspects = report["aspects"].values()
    systems = (score for aspect in aspects for score in aspect["systems"].values())
    return any(each["note"] == TOO_NARROW for each in (*systems, *report["comparisons"]))


def _note(each: dict[str, Any]) -> str:
    """What is to be said of a figure, but for what is said of all of them above the tables."""
    said = each["note"] if each["note"] != TOO_NARROW else ""
    return f'<span class="fn-detail">{escape(said)}</span>' if said else ""


def _system(name: str, score: dict[str, Any]) -> tuple[str, ...]:
    mean = f"{_number(score['mean'])} {_between(score['ci'])}{_note(score)}"
    return (
        _name(name),
        mean,
        _whisker(score["mean"], score["ci"]),
        _shares(score["distribution"]),
        f"{score['items']:,}",
    )


def _whisker(mean: float, ci: Sequence[float] | None) -> str:
    """The mean and its interval on a line from −2 to 2."""
    low, high = ci or (mean, mean)
    return (
        '<span class="fn-whisker" aria-hidden="true">'
        f'<i style="left:{_percent(low):.1f}%;right:{100 - _percent(high):.1f}%"></i>'
        f'<b style="left:{_percent(mean):.1f}%"></b></span>'
    )


def _percent(score: float) -> float:
    return 100 * (score - SCALE[0]) / (SCALE[-1] - SCALE[0])


def _shares(distribution: dict[str, int]) -> str:
    whole = sum(distribution.values())
    spoken = ", ".join(f"{signed(int(score))}: {number:,}" for score, number in distribution.items())
    parts = "".join(
        f'<i class="fn-of{place}" style="flex-grow:{number}"></i>'
        for place, number in enumerate(distribution.values())
        if number
    )
    return (
        f'<span class="fn-shares" title="{spoken}" aria-hidden="true">{parts}</span>'
        f'<span class="fn-said">{spoken}, of {whole:,}</span>'
    )


def _legend() -> str:
    keys = "".join(f'<i class="fn-of{place}"></i>{signed(score)} ' for place, score in enumerate(SCALE))
    return f'<p class="fn-legend fn-status" aria-hidden="true">{keys}</p>'


def _comparisons(compared: Sequence[dict[str, Any]], titles: dict[str, str]) -> str:
    rows = [
        (
            escape(titles.get(each["aspect"], each["aspect"])),
            f"{_name(each['first'])} − {_name(each['second'])}",
            f"{_number(each['difference'])} {_between(each['ci'])}",
            _verdict(each),
        )
        for each in compared
    ]
    return _table("Two systems on the same items", ("Aspect", "Systems", "Difference", "So"), rows) if rows else ""


def _verdict(each: dict[str, Any]) -> str:
    if each["ci"] is None:
        return _note(each)
    low, high = each["ci"]
    if low <= 0 <= high:
        return "not told apart"
    return f"{_name(each['first'] if low > 0 else each['second'])} is better"


def _agreement(aspects: dict[str, Any], titles: dict[str, str], rules: dict[str, str]) -> str:
    rows = []
    for name, aspect in aspects.items():
        alpha = aspect["alpha"]
        notes = ["" if alpha["note"] == TOO_NARROW else alpha["note"]]
        if aspect["central_tendency"]:
            notes.append(f"central tendency: {rules['central_tendency']}")
        said = "; ".join(filter(None, notes))
        rows.append(
            (escape(titles.get(name, name)), f"{_number(alpha['alpha'])} {_between(alpha['ci'])}", escape(said))
        )
    return _table("How far raters agree: Krippendorff’s alpha, ordinal (1: wholly)", ("Aspect", "Alpha", "Note"), rows)


def _spearman(correlations: Sequence[dict[str, Any]], titles: dict[str, str]) -> str:
    rows = [
        (" and ".join(escape(titles.get(name, name)) for name in each["aspects"]), _number(each["rho"]))
        for each in correlations
    ]
    return _table("Aspects that go together: Spearman’s rho of texts’ means", ("Aspects", "Rho"), rows) if rows else ""


def _signs(report: dict[str, Any], rules: dict[str, str]) -> str:
    rows = [
        (
            _name(each["rater"]),
            escape(each["sign"].replace("_", " ")),
            f"{each['value']:.2f} of {each['of']:,}",
            escape(rules[each["sign"]]),
        )
        for each in report["signs"]
    ]
    more = report["signs_in_all"] - len(rows)
    notes = [*report["notes"], *([f"and {more:,} signs more"] if more > 0 else [])]
    said = "".join(f"<li>{escape(note)}</li>" for note in notes)
    head = ("Rater", "Sign", "How much", "Rule")
    table = _table("Signs that scores may say little; a reason to look, no proof", head, rows) if rows else ""
    return table + (f'<ul class="fn-notes-on">{said}</ul>' if said else "")


def _table(caption: str, head: Iterable[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose first column names its rows; cells are HTML already. It scrolls sideways by itself."""
    columns = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    body = "".join(
        f'<tr><th scope="row">{row[0]}</th>{"".join(f"<td>{cell}</td>" for cell in row[1:])}</tr>' for row in rows
    )
    title = escape(caption)
    return (
        f'<div class="fn-wide-table" tabindex="0" role="region" aria-label="{title}"><table><caption>{title}</caption>'
        f"<thead><tr>{columns}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _name(name: str) -> str:
    return f'<bdi class="fn-name">{escape(name)}</bdi>'


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}".replace("-", "−")


def _between(ci: Sequence[float] | None) -> str:
    return "" if ci is None else f'<span class="fn-ci">{_number(ci[0])} to {_number(ci[1])}</span>'

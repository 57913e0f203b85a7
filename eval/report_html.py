"""The report as one page of HTML: no script, nothing from elsewhere, light or dark as the reader has it.

Every text is escaped. Tables have captions and header cells, plots say what they show, and both scroll by themselves on
a narrow screen. The page is a function of the report's values without `timings`, so it is the same for the same inputs.
"""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from eval.plots import Row
from eval.report_markup import figure, name_of, notes, p_value, plot, signed, table
from eval.report_records import battles_section, form_section
from eval.tables import between, number

CSP = "default-src 'none'; style-src 'unsafe-inline'"
_STYLE = """
:root { color-scheme: light dark; --ink: #1f2328; --paper: #ffffff; --soft: #59636e; --line: #d1d9e0; --good: #1a7f37;
  --bad: #cf222e; --plot: #0969da; --plot-faint: #8c959f; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --paper: #0d1117; --soft: #9198a1; --line: #3d444d;
  --good: #3fb950; --bad: #f85149; --plot: #58a6ff; --plot-faint: #6e7681; } }
* { box-sizing: border-box; }
body { background: var(--paper); color: var(--ink); font: 1rem/1.55 system-ui, sans-serif; margin: 0 auto;
  max-width: 62rem; padding: 1rem; overflow-wrap: anywhere; }
h1, h2, h3 { line-height: 1.25; } h2 { border-top: 1px solid var(--line); margin-top: 2.5rem; padding-top: 1rem; }
.scroll { overflow-x: auto; margin: 1rem 0; } .scroll:focus-visible { outline: 2px solid var(--plot); }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { color: var(--soft); padding-bottom: 0.4rem; text-align: start; }
th, td { border-bottom: 1px solid var(--line); padding: 0.3rem 0.7rem; text-align: start; vertical-align: top;
  overflow-wrap: normal; } td { white-space: nowrap; }
figure { margin: 1rem 0; } figure svg { display: block; height: auto; }
figcaption, .note { color: var(--soft); } .better { color: var(--good); font-weight: 600; }
.worse { color: var(--bad); font-weight: 600; } code { font-size: 0.9em; }
"""
_FACTS = frozenset(
    "documents context stride rows references left_out questions answerable unanswerable passages".split()
)
_TITLES = {"text": "Predicting a text", "instructions": "Following instructions", "questions": "Answers from documents"}


def page(report: Mapping[str, Any], title: str) -> str:
    """The whole page, in UTF-8."""
    body = "\n".join(_body(report, title))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{CSP}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _body(report: Mapping[str, Any], title: str) -> Iterator[str]:
    yield f"<h1>{escape(title)}</h1>"
    yield from _models(report)
    yield from _summary(report["changes"])
    for name, heading in _TITLES.items():
        if name in report:
            yield from _model_part(name, heading, report[name], report["changes"]["rows"])
    if "retrieval" in report:
        yield from _retrieval(report["retrieval"])
    for name, values in report["battles"].items():
        yield from battles_section(name, values)
    for name, values in report["forms"].items():
        yield from form_section(name, values)
    yield from _method(report)


def _models(report: Mapping[str, Any]) -> Iterator[str]:
    if report["models"]:
        rows = [
            (model["name"], "baseline" if place == 0 else "compared with it", model["checkpoint"])
            for place, model in enumerate(report["models"])
        ]
        yield table("Models", ("model", "role", "checkpoint"), rows)


def _summary(changes: Mapping[str, Any]) -> Iterator[str]:
    yield "<h2>What changed beyond chance</h2>"
    rows = changes["rows"]
    if not rows:
        yield "<p>There is nothing to compare in these inputs.</p>"
        return
    shown = [row for row in rows if row["verdict"] in ("better", "worse")]
    said = f"{len(shown)} of {changes['comparisons']} comparisons show a difference"
    yield f"<p>{said}{':' if shown else '.'}</p>"
    if shown:
        yield "<ul>" + "".join(f"<li>{_sentence(row)}</li>" for row in shown) + "</ul>"
    columns = ("figure", "part", "compared", "verdict", "difference", "95 %", "p, corrected", "good is")
    yield table("All comparisons with the baseline", columns, [_change_row(row) for row in rows], marked=3)
    yield from notes(list(dict.fromkeys(f"{row['other']}: {row['note']}" for row in rows if row["note"])))


def _sentence(row: Mapping[str, Any]) -> str:
    verdict = f'<span class="{row["verdict"]}">{row["verdict"]}</span>'
    by = f"{_points(row)}, 95 % {between(row['ci'])}" if row["ci"] else _points(row)
    return (
        f"{escape(row['other'])} is {verdict} than {escape(row['baseline'])} in {escape(name_of(row['metric']))} "
        f"({escape(row['part'])}): {by}"
    )


def _change_row(row: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        name_of(row["metric"]),
        row["part"],
        f"{row['other']} − {row['baseline']}",
        row["verdict"],
        _points(row),
        between(row["ci"]),
        p_value(row["p_corrected"]),
        row["good_is"],
    )


def _points(row: Mapping[str, Any]) -> str:
    return "no finite estimate" if row["note"] else signed(row["difference"])


def _model_part(
    name: str, heading: str, part: Mapping[str, Any], changes: Sequence[Mapping[str, Any]]
) -> Iterator[str]:
    yield f"<h2>{heading}</h2>"
    facts = {
        "documents",
        "context",
        "stride",
        "rows",
        "references",
        "left_out",
        "questions",
        "answerable",
        "unanswerable",
    }
    counted = ", ".join(f"{name_of(key)}: {part[key]:,}" for key in part if key in facts)
    yield f"<p>{escape(counted)}.</p>"
    models = part["models"]
    metrics = list(next(iter(models.values()))["figures"])
    rows = [(name_of(metric), *(figure(model["figures"][metric]) for model in models.values())) for metric in metrics]
    rows += [
        (name_of(key), *(number(model[key]) if key == "perplexity" else str(model[key]) for model in models.values()))
        for key in ("perplexity", "tokens", "bytes", "tokenizer")
        if key in next(iter(models.values()))
    ]
    yield table("Figures, with 95 % intervals", ("figure", *models), rows)
    yield plot("Each model", _figure_rows(models, metrics))
    own = [row for row in changes if row["part"] == name]
    yield plot("Differences from the baseline", _difference_rows(own), reference=0)
    if name == "questions":
        yield from _grounding(models)
    yield from notes(part["notes"])


def _grounding(models: Mapping[str, Any]) -> Iterator[str]:
    rows = [
        (
            name_of(metric),
            model,
            number(values["grounded"][metric]),
            number(values["ungrounded"][metric]),
            figure(change),
        )
        for model, values in models.items()
        for metric, change in values["difference"].items()
    ]
    columns = ("figure", "model", "with documents", "without", "effect of the documents")
    yield table("The same questions without documents", columns, rows)
    effects = [
        (f"{name_of(metric)}: {model}", change["value"], *(change["ci"] or (None, None)))
        for model, values in models.items()
        for metric, change in values["difference"].items()
        if change["value"] is not None
    ]
    yield plot("Effect of the documents", effects, reference=0)


def _retrieval(found: Mapping[str, Any]) -> Iterator[str]:
    yield "<h2>Retrieval</h2>"
    yield f"<p>{found['questions']:,} questions, {found['documents']:,} passages; the same for all models.</p>"
    measures = list(found["both"])
    rows = [(measure, *(number(found[way][measure]) for way in ("bm25", "vectors", "both"))) for measure in measures]
    yield table("How often the passage is found", ("measure", "keywords", "vectors", "both"), rows)
    gains = [
        (f"{measure}: both − {label}", found[key][measure]["difference"], *found[key][measure]["ci"])
        for key, label in (("both_minus_bm25", "keywords"), ("both_minus_vectors", "vectors"))
        for measure in measures
    ]
    yield plot("What both together gain", gains, reference=0)


def _method(report: Mapping[str, Any]) -> Iterator[str]:
    yield "<h2>How this was measured</h2>"
    yield f"<p>{escape(report['changes']['method'])}</p>"
    items = f"at most {report['limit']:,} items of each file" if report["limit"] else "all items"
    yield (
        f"<p>Seed {report['seed']}, {report['resamples']:,} resamples, {items}. "
        "Measured times are in <code>report.json</code>, under <code>timings</code>.</p>"
    )
    rows = [(option, values["file"], values["sha256"]) for option, values in report["inputs"].items()]
    if rows:
        yield table("Files", ("option", "file", "SHA-256"), rows)


def _figure_rows(models: Mapping[str, Any], metrics: Sequence[str]) -> list[Row]:
    found = [(metric, name, model["figures"][metric]) for metric in metrics for name, model in models.items()]
    return [
        (f"{name_of(metric)}: {name}", figure["value"], *(figure["ci"] or (None, None)))
        for metric, name, figure in found
        if figure["value"] is not None
    ]


def _difference_rows(changes: Sequence[Mapping[str, Any]]) -> list[Row]:
    return [
        (f"{name_of(row['metric'])}: {row['other']}", row["difference"], *(row["ci"] or (None, None)))
        for row in changes
        if row["difference"] is not None
    ]

"""The commands that score texts and ratings: `footnote eval rouge`, `likert` and `agreement`."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from assistant.cli import Json
from assistant.show import printable
from eval.tables import as_columns, between, number

Seed = Annotated[int, typer.Option(min=0, help="Draws the resamples of the intervals.")]
_EACH = 1000


def add_scoring(group: typer.Typer) -> None:
    """Add the commands to the group `eval`."""
    for command in (rouge, likert, agreement):
        group.command()(command)


def rouge(
    file: Annotated[Path, typer.Argument(help="JSON lines of prediction, reference. gzip and xz too.")],
    against: Annotated[Path | None, typer.Option(help="Another system's file, with the same references.")] = None,
    ngram: Annotated[list[int] | None, typer.Option(min=1, max=9, help="ROUGE-N for these N; 1 and 2.")] = None,
    beta: Annotated[float, typer.Option(help="How much more recall counts in the F beta of ROUGE-L.")] = 8.0,
    seed: Seed = 1,
    as_json: Json = False,
) -> None:
    """Measure how much of their references' wording texts have: ROUGE-1, -2, -N, -L; --ngram can be repeated."""
    from eval.rouge_report import measure

    found = measure(file, against, runs=ngram or (1, 2), beta=beta, seed=seed, progress=_count).as_dict()
    _end_count()
    _print(found, _rouge_lines(found), as_json)


def likert(
    file: Annotated[Path, typer.Argument(help="CSV: item,rater,system,aspect,score (-2 to 2), and kind if you like.")],
    rubric: Annotated[str | None, typer.Option(help="Allow its aspects only: summary, chat, grounded, a file.")] = None,
    seed: Seed = 1,
    as_json: Json = False,
) -> None:
    """Compare systems by scores of people and models, and say how far the scores can be trusted."""
    from eval.likert import measure_likert
    from eval.likert_file import read_scores
    from eval.rubric import find_rubric

    aspects = None if rubric is None else [aspect.name for aspect in find_rubric(rubric).aspects]
    found = measure_likert(read_scores(file, aspects), seed)
    _print(found, likert_lines(found), as_json)


def agreement(
    file: Annotated[Path, typer.Argument(help="CSV: a row an item, a column a rater; or item,rater,score.")],
    seed: Seed = 1,
    as_json: Json = False,
) -> None:
    """Measure how far raters agree: Krippendorff's alpha, nominal, ordinal and interval."""
    from eval.agreement_file import measure_agreement

    found = measure_agreement(file, seed).as_dict()
    _print(found, _agreement_lines(found), as_json)


def _print(found: dict[str, Any], lines: Iterator[str], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(found))
        return
    for line in lines:
        typer.echo(line)


def _rouge_lines(found: dict[str, Any]) -> Iterator[str]:
    measures = {name: scores for name, scores in found.items() if name.startswith("rouge")}
    yield from as_columns([("", *_ROUGE), *(_rouge_row(name, scores) for name, scores in measures.items())])
    for title in ("against", "difference"):
        if found[title]:
            yield f"\n{title}"
            yield from as_columns([("", *_ROUGE), *(_rouge_row(name, each) for name, each in found[title].items())])
    yield f"\n{found['rows']:,} rows, {found['references']:,} references; F beta with beta {found['beta']:g}"
    yield from found["notes"]


_ROUGE = ("precision", "recall", "F1", "F1 95 %", "F beta", "corpus recall")


def _rouge_row(name: str, scores: dict[str, Any]) -> tuple[str, ...]:
    ci = scores["ci"]
    figures = [number(scores.get(figure)) for figure in ("precision", "recall", "f1", "f_beta", "corpus_recall")]
    return (name, *figures[:3], between(ci and ci["f1"]), *figures[3:])


def _agreement_lines(found: dict[str, Any]) -> Iterator[str]:
    named = [(name, number(alpha), between(found["ci"][name])) for name, alpha in found["alpha"].items()]
    yield from as_columns([("alpha", "", "95 %"), *named])
    yield f"\n{found['raters']:,} raters; {found['items']:,} items, {found['items_compared']:,} rated twice or more"
    yield from dict.fromkeys(printable(note) for note in (*found["note"].values(), *found["notes"]) if note)


def likert_lines(found: dict[str, Any]) -> Iterator[str]:
    """What `eval.likert.measure_likert` found, as lines."""
    for kind in ("people", "models"):
        if found[kind]:
            report = found[kind]
            yield f"{kind}: {report['scores']:,} scores of {report['items']:,} items by {_raters(report['raters'])}\n"
            yield from _report_lines(report, found["rules"])


def _raters(number: int) -> str:
    return "1 rater" if number == 1 else f"{number:,} raters"


def _report_lines(report: dict[str, Any], rules: dict[str, str]) -> Iterator[str]:
    rows = [
        (f"{aspect}: {name}", number(system["mean"]), between(system["ci"]), *map(str, system["distribution"].values()))
        for aspect, scores in report["aspects"].items()
        for name, system in scores["systems"].items()
    ]
    yield from as_columns([("mean", "", "95 %", "-2", "-1", "0", "1", "2"), *rows])
    differences = [
        (f"{each['aspect']}: {each['first']} − {each['second']}", number(each["difference"]), between(each["ci"]))
        for each in report["comparisons"]
    ]
    alphas = [
        (aspect, number(scores["alpha"]["alpha"]), between(scores["alpha"]["ci"]))
        for aspect, scores in report["aspects"].items()
    ]
    rhos = [(" and ".join(each["aspects"]), number(each["rho"])) for each in report["spearman"]]
    for heading, lines in (
        (("difference", "", "95 %"), differences),
        (("alpha, ordinal", "", "95 %"), alphas),
        (("Spearman", ""), rhos),
    ):
        if lines:
            yield ""
            yield from as_columns([heading, *lines])
    yield ""
    yield from _warnings(report, rules)


def _warnings(report: dict[str, Any], rules: dict[str, str]) -> Iterator[str]:
    for aspect, scores in report["aspects"].items():
        if scores["central_tendency"]:
            yield f"{printable(aspect)}: central_tendency ({rules['central_tendency']})"
        if scores["alpha"]["note"]:
            yield f"alpha of {printable(aspect)}: {scores['alpha']['note']}"
    for sign in report["signs"]:
        name, value, of = sign["sign"], sign["value"], sign["of"]
        yield f"{printable(sign['rater'])}: {name}, {value:.2f} of {of:,} ({rules[name]})"
    if report["signs_in_all"] > len(report["signs"]):
        yield f"… and {report['signs_in_all'] - len(report['signs']):,} signs more"
    yield from report["notes"]


def _count(rows: int) -> None:
    if rows % _EACH == 0 and sys.stderr.isatty():
        typer.echo(f"\r{rows:,} rows", nl=False, err=True)


def _end_count() -> None:
    if sys.stderr.isatty():
        typer.echo("\r\x1b[K", nl=False, err=True)

"""`footnote eval judge` and `footnote eval label`: models as raters of sessions, and as a panel that labels texts."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assistant.cli import Home, Json, Model
from assistant.config import open_home, read_config
from assistant.errors import InputError
from assistant.show import printable
from eval.shared_cli import LARGEST_SEED, records_of, show_share
from eval.tables import as_columns, between, number

if TYPE_CHECKING:
    from assistant.engine.engine import Engine


def add_judging(group: typer.Typer) -> None:
    """Register the commands of this module."""
    group.command()(judge)
    group.command()(label)


def judge(
    session: Annotated[str, typer.Argument(help="A session of battles whose answers are there, or a form.")],
    model: Model = None,
    called: Annotated[str, typer.Option("--as", help="The judge's name in the records; the model's, left out.")] = "",
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Have a model vote on every pair of answers of a session, or score every text; says how far people agree."""
    from assistant.engine.pool import Engines
    from eval.judge_agreement import session_kind
    from eval.judging import judge_session

    config = open_home(home, model=model)
    with records_of(home) as db:
        session_kind(db, session)  # before the model, which takes seconds to load
        engine = Engines(config.home / "models").get(config.model)
        found = judge_session(db, session, engine, show_share, called)
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
    else:
        print_judges(found)


def label(
    file: Annotated[Path, typer.Argument(help="JSON lines with a 'text' each and no label.")],
    labels: Annotated[str, typer.Option(help="The labels, separated by commas.")],
    judges: Annotated[list[str], typer.Option("--judge", help="A model, as --model takes it; give three.")],
    to: Annotated[Path | None, typer.Option(help="The new file; left out, FILE.labelled.jsonl.")] = None,
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="Draws the resamples of the intervals.")] = 1,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Label texts by the majority of three models; where there is none, the row is left to a person."""
    from assistant.atomic import write_file
    from eval.panel import check_judges, check_panel, read_texts
    from eval.panel_runs import labelled_rows, panel_figures, panel_run
    from eval.runs import keep_run

    named = [name.strip() for name in labels.split(",")]
    check_panel(named, judges)
    target = _target(file, to)
    rows = read_texts(file)
    panel = _panel(home, judges)
    check_judges(panel)
    with records_of(home) as db:
        run = keep_run(db, panel_run(rows, named, panel, seed, written=str(target), progress=show_share))
    write_file(target, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in labelled_rows(run)))
    found = panel_figures(run)
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
    else:
        _print_panel(found)


def print_judges(found: dict[str, Any]) -> None:
    """What the judges of a session said, and how far they agree with people."""
    if "judge" in found:
        what = "battles" if found["kind"] == "battle" else "texts"
        typer.echo(f"{found['judged_now']:,} {what} judged now by {printable(found['judge'])}")
    for name, figures in found["judges"].items():
        typer.echo(f"\n{printable(name)}")
        (_print_battles if found["kind"] == "battle" else _print_form)(figures)
        for note in figures["notes"]:
            typer.echo(f"note: {printable(note)}")
    if missing := found.get("pairs_without_answers"):
        typer.echo(f"\nnote: {missing:,} pairs wait for answers; `footnote eval battle generate` writes them")
    people = found.get("people")
    if people and people["by_several"]:
        typer.echo(f"\npeople among themselves: alpha {number(people['alpha'])} ({between(people['ci'])})")


def _print_battles(figures: dict[str, Any]) -> None:
    order = figures["order"]
    typer.echo(f"{figures['battles']:,} battles, {figures['unreadable']:,} not readable")
    if order["read"]:
        typer.echo(
            f"the two orders disagree on {order['disagree']:,} of {order['read']:,} (first place both times: "
            f"{order['first_both_times']:,}, second: {order['second_both_times']:,}); these are ties"
        )
    if figures["compared"]:
        typer.echo(
            f"with people, on {figures['compared']:,} pairs: equal {number(figures['equal'])} "
            f"({between(figures['equal_ci'])}), alpha {number(figures['alpha'])} ({between(figures['ci'])})"
        )
    if figures["note"]:
        typer.echo(f"note: {figures['note']}")


def _print_form(figures: dict[str, Any]) -> None:
    typer.echo(
        f"{figures['texts']:,} texts, {figures['texts_scored']:,} of them scored; "
        f"{figures['unreadable']:,} replies not readable"
    )
    rows = [("aspect", "with people", "alpha", "95 % interval", "Spearman", "not readable")]
    for name, aspect in figures["aspects"].items():
        shown = (number(aspect["alpha"]), between(aspect["ci"]), number(aspect["spearman"]))
        rows.append((name, f"{aspect['compared']:,}", *shown, f"{aspect['unreadable']:,}"))
    for line in as_columns(rows):
        typer.echo(line)
    for name, aspect in figures["aspects"].items():
        if aspect["note"]:
            typer.echo(f"note: {printable(name)}: {aspect['note']}")


def _panel(home: Path | None, judges: list[str]) -> "dict[str, Engine]":
    from assistant.engine.pool import Engines

    engines = Engines(read_config(home).home / "models")
    return {name: engines.get(read_config(home, model=name).model) for name in judges}


def _target(file: Path, to: Path | None) -> Path:
    if to is None and str(file) == "-":
        raise InputError("--to: name the new file; the standard input has no place of its own")
    target = to or file.with_name(f"{file.name.removesuffix('.jsonl')}.labelled.jsonl")
    if target.exists():
        raise InputError(f"--to: {target} exists; name a new file")
    if not target.parent.is_dir():
        raise InputError(f"--to: {target.parent} is no folder; make it first, or name another")
    return target


def _print_panel(found: dict[str, Any]) -> None:
    typer.echo(
        f"{found['rows']:,} rows: {found['labelled']:,} labelled, {found['to_person']:,} left to a person; "
        f"written to {printable(found['file'])}"
    )
    for name, count in found["labels"].items():
        typer.echo(f"{count:>7,}  {printable(name)}")
    for name, count in found["unreadable"].items():
        typer.echo(f"not readable: {count:,} of {printable(name)}")
    for pair in found["pairs"]:
        one, other = map(printable, pair["judges"])
        typer.echo(
            f"{one} and {other}: equal {number(pair['equal'])} ({between(pair['equal_ci'])}), "
            f"alpha {number(pair['alpha'])} ({between(pair['ci'])})"
        )
    typer.echo(f"all three: alpha {number(found['alpha'])} ({between(found['ci'])})")

"""`footnote eval runs …`: what `eval qa`, `label` and `report` left in the records."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from assistant.cli import Home, Json
from assistant.errors import InputError
from assistant.show import printable
from eval.shared_cli import LARGEST_SEED, records_of


def add_runs(group: typer.Typer) -> None:
    """Register the sub-group `runs`."""
    runs = typer.Typer(help="The runs of qa, label and report that are kept.", no_args_is_help=True)
    runs.command("list")(list_)
    runs.command()(remove)
    group.add_typer(runs, name="runs")


def list_(home: Home = None, as_json: Json = False) -> None:
    """List the runs, the oldest first."""
    from eval.runs import list_runs

    with records_of(home) as db:
        found = list_runs(db)
    if as_json:
        typer.echo(json.dumps({"runs": [asdict(run) for run in found]}, ensure_ascii=False))
        return
    for run in found:
        typer.echo(f"{run.id:>4}  {run.kind:<6}  {run.made_at}  {printable(run.name)}".rstrip())
    if not found:
        typer.echo("no runs; `footnote eval qa`, `label` and `report` keep theirs")


def remove(
    number: Annotated[int, typer.Argument(min=1, max=LARGEST_SEED, help="The number, as `list` shows it.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do it: the run cannot be replayed any more.")] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Delete a run with its questions, answers and figures; the files that it wrote stay."""
    from eval.runs import read_run, remove_run

    with records_of(home) as db:
        run = read_run(db, number)
        if not yes:
            raise InputError(f"this deletes run {number} ({run.kind}) with all its answers; repeat with --yes")
        remove_run(db, number)
    typer.echo(json.dumps({"removed": number}) if as_json else f"removed run {number}")

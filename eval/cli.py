"""The commands `footnote eval …`: each reads its files, calls one function of this package and prints what it gives."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def eval_commands() -> typer.Typer:
    """The group `eval`."""
    group = typer.Typer(help="Measure answers, models and retrieval.", no_args_is_help=True)
    group.command()(selection)
    return group


def selection(
    files: Annotated[list[Path], typer.Argument(help="Rows of context, question, answers, answerable.")],
    questions: Annotated[int, typer.Option(min=0, help="How many, by chance; 0: all.")] = 500,
    seed: Annotated[int, typer.Option(help="Chooses the questions and the other passages.")] = 1,
    as_json: Json = False,
) -> None:
    """Measure how often the sentence that answers is found, and how often the program abstains."""
    from assistant.rows import data_files, read_rows
    from eval.selection import cases, measure
    from retrieval.embed import Embedder

    rows = [row for path in data_files([str(file) for file in files], "FILES") for row in read_rows(path)]
    found = asdict(measure(cases(rows, questions, seed), Embedder().encode, _report))
    if as_json:
        typer.echo(json.dumps(found))
        return
    for name, value in found.items():
        typer.echo(f"{name:24} {value:.3f}" if isinstance(value, float) else f"{name:24} {value}")


def _report(share: float) -> None:
    if sys.stderr.isatty():
        typer.echo(f"\r{share:4.0%}", nl=share == 1, err=True)

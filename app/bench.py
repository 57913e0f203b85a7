"""The commands `footnote bench …`: each measures beside what people would use otherwise, in one run."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from assistant.cli import Json

if TYPE_CHECKING:
    from finetune.bench import Speed


def bench_commands() -> typer.Typer:
    """The group `bench`."""
    group = typer.Typer(help="Measure speed on this machine.", no_args_is_help=True)
    group.callback()(_group)
    group.command()(finetune)
    return group


def _group() -> None:
    """Measure speed on this machine."""  # a callback keeps the name of a group's only command


def finetune(
    base: Annotated[str, typer.Option(help="The checkpoint to train.")] = "bundled",
    seconds: Annotated[float, typer.Option(help="Length of each turn.")] = 20.0,
    window: Annotated[int, typer.Option(help="Tokens of a packed window.")] = 512,
    rounds: Annotated[int, typer.Option(help="Turns of each side.")] = 3,
    as_json: Json = False,
) -> None:
    """Tokens trained per second by adapters, beside a plain loop of padded batches."""
    from finetune.bench import measure

    _report(measure(base, seconds=seconds, rounds=rounds, window=window), as_json)


def _report(results: "Sequence[Speed]", as_json: bool) -> None:
    from assistant.machine import describe_machine

    report = {"machine": describe_machine(), "results": [asdict(result) for result in results]}
    if as_json:
        typer.echo(json.dumps(report))
        return
    for result in results:
        typer.echo(f"{result.name:10} {result.total_tokens_per_s:10,.0f} tokens/s   {result.case}")

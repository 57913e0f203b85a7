"""The commands `footnote bench …`: each measures beside what people would use otherwise, in one run."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assistant.cli import Json

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_UNITS = {"_per_s": "/s", "_s": "s", "_ms": "ms", "_mb": "MB"}


def bench_commands() -> typer.Typer:
    """The group `bench`."""
    group = typer.Typer(help="Measure speed on this machine.", no_args_is_help=True)
    group.callback()(_group)
    for command in (finetune, ingest, retrieval, ratings):
        group.command()(command)
    return group


def _group() -> None:
    """Measure speed on this machine."""


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


def ingest(
    documents: Annotated[list[Path] | None, typer.Argument(help="Files and folders; made-up texts without.")] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Turns of each side.")] = 3,
    as_json: Json = False,
) -> None:
    """Pages and passages taken in per second, and the embedding beside the default loop of sentence-transformers.

    Files without pages count as a page for 1,800 characters. The peak of memory is that of the program and of the
    largest process in which it reads files.
    """
    from retrieval.bench import measure_ingest

    _report(measure_ingest(documents or [], rounds, _tell), as_json)


def retrieval(
    passages: Annotated[
        list[int] | None, typer.Option(min=100, max=10_000_000, help="A size of the library; repeat for more.")
    ] = None,
    queries: Annotated[int, typer.Option(min=10, max=100_000, help="Searches timed at each size.")] = 1000,
    as_json: Json = False,
) -> None:
    """Time to build libraries of made-up passages and to search them, recall against exact search, and memory."""
    from retrieval.bench import measure_retrieval

    _report(measure_retrieval(passages or [10_000, 100_000], queries, _tell), as_json)


def ratings(
    battles: Annotated[int, typer.Option(min=1, max=1_000_000, help="Made-up votes.")] = 10_000,
    models: Annotated[int, typer.Option(min=2, max=1_000, help="Models among which they are.")] = 60,
    rounds: Annotated[int, typer.Option(min=2, help="Rounds of each bootstrap.")] = 1_000,
    as_json: Json = False,
) -> None:
    """Time to rate models by made-up votes with intervals: all of `eval elo`, and its parts."""
    from eval.ratings_bench import measure

    _report(measure(battles, models, rounds), as_json)


def _tell(step: str) -> None:
    typer.echo(step, err=True)


def _report(results: "Iterable[DataclassInstance]", as_json: bool) -> None:
    from assistant.machine import describe_machine

    found = [asdict(result) for result in results]
    if as_json:
        typer.echo(json.dumps({"machine": describe_machine(), "results": found}))
        return
    for result in found:
        typer.echo(f"{result.pop('name')}: {result.pop('case')}")
        for name, value in result.items():
            if value is not None:
                typer.echo(f"  {_spoken(name):24}{value:>12,}")


def _spoken(name: str) -> str:
    """A metric as people read it: the unit last, in brackets."""
    for ending, unit in _UNITS.items():
        if name.endswith(ending):
            return f"{name.removesuffix(ending).replace('_', ' ')} ({unit})".replace(" (/s)", "/s")
    return name.replace("_", " ")

"""What the commands `footnote eval …` share: the records of a home, and progress on a terminal."""

import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from assistant.config import open_home

if TYPE_CHECKING:
    from retrieval.database import Database

LARGEST_SEED = 2**63 - 1
"""That a row can hold."""


@contextmanager
def records_of(home: Path | None) -> "Iterator[Database]":
    """The records of `home`, closed afterwards."""
    from assistant.records import open_records

    with closing(open_records(open_home(home).home)) as db:
        yield db


def show_share(share: float) -> None:
    """How much is done, from 0 to 1, on one line that is written over; nothing where nobody looks."""
    if sys.stderr.isatty():
        typer.echo(f"\r{share:4.0%}", nl=share == 1, err=True)


def show_part(what: str) -> Callable[[float], None]:
    """The same with what is being done before it."""

    def show(share: float) -> None:
        if sys.stderr.isatty():
            typer.echo(f"\r\x1b[K{what} {share:4.0%}", nl=share >= 1, err=True)

    return show

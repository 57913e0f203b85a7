"""The command `footnote`: every command composed in one place, and the one handler of errors."""

import logging
import sys
from pathlib import Path
from typing import Annotated

import typer

from app.logs import log_to
from assistant.cli import BAD_INPUT, FAULT, Home, Model, add_commands
from assistant.config import open_home, read_config
from assistant.errors import SHOWN


def build_cli() -> typer.Typer:
    """All commands."""
    cli = typer.Typer(
        help="Chat with your documents; every sentence of an answer is checked against them.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    add_commands(cli)
    cli.command()(serve)
    cli.command()(finetune)
    return cli


def serve(
    home: Home = None,
    model: Model = None,
    host: Annotated[str | None, typer.Option(help="The address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="The port to listen on.")] = None,
) -> None:
    """Open the web page."""
    from app.server import serve as run_server

    config = open_home(home, model=model, host=host, port=port)
    log_to(config.home)
    run_server(config)


def finetune(
    recipe: Annotated[Path, typer.Argument(help="A TOML file; see finetune/recipes.")],
    settings: Annotated[list[str] | None, typer.Option("--set", help="key=value, in place of the recipe's.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last saved step.")] = False,
) -> None:
    """Train a checkpoint as a recipe says."""
    from finetune.config import load_recipe
    from finetune.train import run

    folder = run(load_recipe(recipe, settings or ()), resume=resume)
    typer.echo(f"checkpoint in {folder}")


def main() -> None:
    """Run the command line: exit 0 on success, 2 on bad use or input, 1 on a fault of ours."""
    try:
        build_cli()()
    except SHOWN as fault:
        print(f"footnote: {fault}", file=sys.stderr)
        sys.exit(BAD_INPUT)
    except Exception as fault:
        print(f"footnote: a fault of ours, {type(fault).__name__}: {fault}. {_log_fault()}", file=sys.stderr)
        sys.exit(FAULT)


def _log_fault() -> str:
    """Write the trace of the exception in flight to the home's log; say where it is."""
    try:
        path = log_to(read_config().home)
    except (*SHOWN, OSError) as fault:
        return f"Its trace could not be logged ({fault})."
    logging.getLogger("footnote").exception("a command failed")
    return f"Its trace is in {path}."


if __name__ == "__main__":
    main()

"""The command `footnote`: every command composed in one place, and the one handler of errors."""

import logging
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from app.bench import bench_commands
from app.logs import log_to
from assistant.cli import BAD_INPUT, FAULT, Home, Model, add_commands
from assistant.config import open_home, read_config
from assistant.errors import SHOWN, InputError
from eval.cli import eval_commands
from finetune.cli import models_commands
from finetune.processes import speaks

_INTERRUPTED = 130
_WAIT_SECONDS = 20.0


def build_cli() -> typer.Typer:
    """All commands."""
    cli = typer.Typer(
        help="Chat with your documents; every sentence of an answer is checked against them.",
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    add_commands(cli)
    cli.command()(serve)
    cli.command()(finetune)
    cli.add_typer(models_commands(), name="models")
    cli.add_typer(eval_commands(), name="eval")
    cli.add_typer(bench_commands(), name="bench")
    return cli


def serve(
    home: Home = None,
    model: Model = None,
    host: Annotated[str | None, typer.Option(help="The address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="The port to listen on.")] = None,
) -> None:
    """Open the web page."""
    from app.server import serve as run_server

    run_server(open_home(home, model=model, host=host, port=port))


def finetune(
    recipe: Annotated[Path, typer.Argument(help="A TOML file; see finetune/recipes.")],
    settings: Annotated[list[str] | None, typer.Option("--set", help="key=value, in place of the recipe's.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last saved step.")] = False,
    prepare: Annotated[bool, typer.Option("--prepare", help="Pretraining: only make the token shards.")] = False,
    held_out: Annotated[
        Path | None,
        typer.Option(help="Only write the rows that the recipe keeps for a test into this folder."),
    ] = None,
) -> None:
    """Train a checkpoint as a recipe says."""
    from finetune.processes import is_first
    from finetune.progress import progress
    from finetune.recipe import load_recipe

    wanted = load_recipe(recipe, settings or ())
    if prepare:
        from finetune.scratch import make_shards

        typer.echo(f"token shards in {make_shards(wanted)}")
        return
    if held_out is not None:
        if resume:
            raise InputError("--held-out and --resume do not go together; the one trains nothing")
        from finetune.held_out import write_held_out

        for name, rows in write_held_out(wanted, held_out).items():
            typer.echo(f"{rows:6,} rows in {held_out / name}")
        return
    with progress("loading the libraries"):
        from finetune.train import run
    folder = run(wanted, resume=resume)
    if is_first():
        typer.echo(f"checkpoint in {folder}")


def main() -> None:
    """Run the command line: exit 0 on success, 2 on bad use or input, 1 on a fault of ours, 130 when stopped."""
    try:
        code = typer.main.get_command(build_cli()).main(prog_name="footnote", standalone_mode=False)
    except typer.TyperException as fault:
        # Not `str`, which leaves out the option that is meant.
        _stop(f"footnote: {_one_line(fault.format_message()).rstrip('.')}. See `footnote --help`.", BAD_INPUT)
    except SHOWN as fault:
        _stop(f"footnote: {_one_line(str(fault))}", BAD_INPUT)
    except (KeyboardInterrupt, typer.Abort):
        _stop("footnote: stopped", _INTERRUPTED)
    except Exception as fault:
        _stop(f"footnote: a fault of ours, {type(fault).__name__}: {_one_line(str(fault))}. {_log_fault()}", FAULT)
    if code == _INTERRUPTED:  # typer turns Ctrl-C into this code without a word
        _stop("footnote: stopped", _INTERRUPTED)
    sys.exit(code if isinstance(code, int) else 0)


def _stop(message: str, code: int) -> NoReturn:
    """Exit with a message; of several processes that train on one machine, only the first says what is wrong.

    The others wait for it: a launcher ends all as soon as one has ended, and nothing would be said. Where that does not
    come, the fault is theirs alone, and they say it.
    """
    if code == BAD_INPUT and not speaks():
        time.sleep(_WAIT_SECONDS)
    print(message.encode(errors="replace").decode(), file=sys.stderr)
    sys.exit(code)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _log_fault() -> str:
    """Write the trace of the exception in flight to the log of the home in use; say where it is."""
    try:
        path = log_to(read_config(_given_home(sys.argv)).home)
    except (*SHOWN, OSError) as fault:
        return f"Its trace could not be logged ({fault})."
    logging.getLogger("footnote").exception("a command failed")
    return f"Its trace is in {path}."


def _given_home(arguments: Sequence[str]) -> str | None:
    """The value of `--home`: the command line is gone by the time that a fault is logged."""
    for place, argument in enumerate(arguments):
        if argument.startswith("--home="):
            return argument.removeprefix("--home=")
        if argument == "--home" and place + 1 < len(arguments):
            return arguments[place + 1]
    return None


if __name__ == "__main__":
    main()

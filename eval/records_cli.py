"""`footnote eval replay`, `export` and `import`: the records as reports and as files."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from assistant.cli import Home, Json
from assistant.config import open_home
from assistant.errors import InputError
from assistant.show import printable
from eval.shared_cli import records_of, show_share

Seed = Annotated[int, typer.Option(help="Draws the resamples; the same seed gives the same bytes.")]


def add_records(group: typer.Typer) -> None:
    """Register the commands."""
    group.command()(replay)
    group.command()(versions)
    group.command()(export)
    group.command("import")(import_)


def replay(
    session: Annotated[list[str] | None, typer.Option(help="Only this session; repeat it.")] = None,
    report: Annotated[
        str | None, typer.Option(help="Only this report, by name or number: write its page and JSON file again.")
    ] = None,
    seed: Seed = 1,
    rounds: Annotated[int, typer.Option(help="Rounds of each bootstrap.")] = 1000,
    to: Annotated[
        Path | None, typer.Option(help="Write to this file, in place of printing; of --report the new folder.")
    ] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Make every report anew from the rows of the records; it is JSON, with --json or without.

    Runs of qa, label and report keep the seed that they were made with.
    """
    from assistant.atomic import write_file
    from eval.ratings import Settings
    from eval.replay import as_text
    from eval.replay import replay as replayed

    if report is not None:
        if session:
            raise InputError("give --session or --report, not both")
        written = _write_again(report, to, home)
        typer.echo(json.dumps({"written": str(written)}) if as_json else f"written to {written}")
        return
    settings = Settings(seed=seed, rounds=rounds)
    with records_of(home) as db:
        text = as_text(replayed(db, session or (), settings, show_share))
    if to is None:
        typer.echo(text, nl=False)
    else:
        write_file(to, text)
        typer.echo(json.dumps({"written": str(to)}) if as_json else f"written to {to}")


def versions(
    seed: Seed = 1,
    rounds: Annotated[int, typer.Option(help="Rounds of each bootstrap.")] = 1000,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Rate contestants version by version, by people's votes of all sessions of battles together."""
    from eval.ratings import Settings
    from eval.ratings_cli import print_ratings
    from eval.versions import versions_report

    with records_of(home) as db:
        found = versions_report(db, Settings(seed=seed, rounds=rounds))
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    for each in found["versions"]:
        rating = "-" if each["rating"] is None else f"{each['rating']:.0f}"
        typer.echo(f"{each['first_at'][:10]}  {rating:>6}  {each['votes']:>6,} votes  {printable(each['label'])}")
    if left_out := found["votes_left_out"]:
        typer.echo(f"note: votes left out, as another session holds the same ones: {left_out:,}")
    typer.echo("" if found["versions"] else "no votes yet; begin with `footnote eval battle create`")
    if found["people"]:
        print_ratings(found["people"])


def export(
    session: Annotated[str, typer.Argument(help="The name of the session.")],
    to: Annotated[Path, typer.Option(help="The new file.")],
    format_: Annotated[str, typer.Option("--format", help="jsonl: every row; csv: votes; preference.")] = "jsonl",
    raters: Annotated[str, typer.Option(help="CSV: whose votes, person or model.")] = "person",
    hold_back: Annotated[float, typer.Option(help="Preference: the share of prompts kept to evaluate with.")] = 0.2,
    seed: Annotated[int, typer.Option(help="Preference: chooses the prompts that are kept.")] = 1,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Write a session to a file: whole, its votes for `eval elo`, or pairs for the preference recipe."""
    from eval.exchange import export_session

    with records_of(home) as db:
        made = export_session(db, session, format_, to, raters=raters, hold_back=hold_back, seed=seed)
    if as_json:
        typer.echo(json.dumps(asdict(made)))
    else:
        held = f"; {made.prompts_held_back:,} prompts held back" if format_ == "preference" else ""
        typer.echo(f"{made.rows:,} rows in {made.path}{held}")


def import_(
    file: Annotated[Path, typer.Argument(help="What `eval export --format jsonl` wrote.")],
    name: Annotated[str | None, typer.Option(help="Call it so, where its own name is taken.")] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Take in a session of another home, all of it or nothing."""
    from eval.same_votes import held_elsewhere
    from eval.sessions import session_row
    from eval.takein import import_session

    with records_of(home) as db:
        taken = import_session(db, file, name)
        held = held_elsewhere(db, session_row(db, taken)[0])
    if as_json:
        typer.echo(json.dumps({"session": taken, "votes": held.votes, "votes_held_elsewhere": held.elsewhere}))
        return
    typer.echo(f"imported {printable(taken)}")
    if held.elsewhere:
        where = printable(" and ".join(map(repr, held.sessions)))
        many = f"{held.elsewhere:,} of its {held.votes:,} votes"
        typer.echo(f"{many} are in {where} too; `footnote eval versions` counts each once")


def _write_again(report: str, to: Path | None, home: Path | None) -> Path:
    """The folder of the files of a report, which are made of its rows alone."""
    from eval.report import make_report
    from eval.report_files import check_folder, report_folder, write_report
    from eval.runs import find_report

    with records_of(home) as db:
        run = find_report(db, report)
    folder = report_folder(open_home(home).home, to, run.name)
    check_folder(folder)
    write_report(folder, make_report(run))
    return folder

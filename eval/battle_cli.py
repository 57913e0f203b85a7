"""`footnote eval battle …`: sessions of blind battles between models, begun, fought and told on the command line."""

import json
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assistant.cli import Home, Json
from assistant.config import open_home
from assistant.errors import InputError
from assistant.show import printable
from eval.shared_cli import records_of, show_share

if TYPE_CHECKING:
    from assistant.pipeline import Assistant
    from eval.contest import Contest, Matchup
    from retrieval.database import Database

Name = Annotated[str, typer.Argument(help="The name of the session.")]
_KEYS = {"1": "left", "2": "tie", "3": "right", "4": "bad", "5": "skip"}
_ASK = "1 left, 2 tie, 3 right, 4 both bad, 5 skip, q to stop: "


def add_battles(group: typer.Typer) -> None:
    """Register the sub-group `battle`."""
    battle = typer.Typer(help="Blind battles between models: two answers, one vote.", no_args_is_help=True)
    for name, command in (
        *(("create", create), ("list", list_), ("show", show), ("generate", generate)),
        *(("play", play), ("report", report), ("remove", remove)),
    ):
        battle.command(name)(command)
    group.add_typer(battle, name="battle")


def create(
    name: Name,
    prompts: Annotated[Path | None, typer.Option(help="A prompt a line, or JSON lines with 'prompt'.")] = None,
    collection: Annotated[str | None, typer.Option(help="Make prompts of the documents of this collection.")] = None,
    count: Annotated[int, typer.Option(min=1, help="How many prompts to make of the collection.")] = 50,
    contestants: Annotated[Path | None, typer.Option(help="TOML: a table contestants.NAME each; see README.")] = None,
    contestant: Annotated[list[str] | None, typer.Option(help="NAME=MODEL, without documents; repeat it.")] = None,
    seed: Annotated[int, typer.Option(help="Draws pairs, sides and words.")] = 1,
    uniform: Annotated[float, typer.Option(help="The share of pairs drawn with equal chances.")] = 0.2,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Begin a session: prompts of yours or of a collection, and two contestants or more."""
    from eval.generations import Generations
    from eval.session_input import pairs, prompts_of_collection, read_contestants, read_prompts
    from eval.sessions import create_session, plan_session

    if (prompts is None) == (collection is None):
        raise InputError("give either --prompts FILE, or --collection to make prompts of its documents")
    fighters = [*(read_contestants(contestants) if contestants else ()), *pairs(contestant or [])]
    asked = read_prompts(prompts) if prompts else []
    with _opened(home) as (db, assistant):
        if collection is not None:
            asked = prompts_of_collection(assistant.library, collection, count, seed)
        planned = plan_session(name, asked, fighters, seed=seed, uniform=uniform)
        Generations(db, planned, assistant).check()
        session = create_session(db, name, asked, fighters, seed=seed, uniform=uniform)
    told = {"session": session.name, "prompts": len(session.prompts), "contestants": [each.name for each in fighters]}
    _print(told, f"{session.name}: {len(session.prompts):,} prompts, {len(fighters)} contestants", as_json)


def list_(home: Home = None, as_json: Json = False) -> None:
    """List the sessions, the newest first."""
    from eval.sessions import list_sessions

    with records_of(home) as db:
        found = list_sessions(db)
    if as_json:
        typer.echo(json.dumps({"sessions": [asdict(each) for each in found]}, ensure_ascii=False))
        return
    for each in found:
        what = "battles" if each.kind == "battle" else "a form"
        counts = f"{each.prompts:,} prompts, {each.contestants} contestants, {each.votes:,} votes"
        typer.echo(f"{printable(each.name)}  {what}: {counts}")
    if not found:
        typer.echo("no sessions; begin one with `footnote eval battle create`")


def show(name: Name, home: Home = None, as_json: Json = False) -> None:
    """Show what a session was begun with: its prompts and contestants."""
    from eval.sessions import find_session

    with records_of(home) as db:
        found = find_session(db, name)
    if as_json:
        typer.echo(json.dumps(asdict(found), ensure_ascii=False))
        return
    typer.echo(f"seed {found.seed}, {found.uniform:.0%} of pairs by chance alone\n")
    for each in found.contestants:
        told = f"{each.model}, {each.retrieval}" + (f", prompt {each.prompt}" if each.prompt else "")
        typer.echo(f"{printable(each.name)}: {printable(told)}, temperature {each.sampling.temperature:g}")
    typer.echo("")
    for number, prompt in enumerate(found.prompts, start=1):
        typer.echo(f"{number}. {printable(prompt)}")


def generate(name: Name, home: Home = None, as_json: Json = False) -> None:
    """Write every answer of a session that is not there yet; what was written stays when it is stopped."""
    from eval.generations import Generations
    from eval.sessions import find_session

    with _opened(home) as (db, assistant):
        session = find_session(db, name)
        made = Generations(db, session, assistant).make_all(show_share)
    total = len(session.prompts) * len(session.contestants)
    _print({"session": name, "made": made, "answers": total}, f"{made:,} answers written, {total:,} in all", as_json)


def play(
    name: Name,
    rater: Annotated[str, typer.Option(help="Your name: you go on where you stopped.")],
    home: Home = None,
) -> None:
    """Vote in the terminal: read two answers, press a number; the names come after the vote."""
    from eval.contest import Contest
    from eval.sessions import find_session

    with _opened(home) as (db, assistant):
        contest = Contest(db, find_session(db, name), assistant)
        while (matchup := contest.next(rater)) is not None:
            begun = _play_one(contest, matchup)
            winner = _key()
            if winner is None:
                break
            told = contest.vote(matchup, winner, round(time.monotonic() - begun, 1))
            typer.echo(f"left was {printable(told.left)}, right was {printable(told.right)}\n")
        progress = contest.progress(rater)
    typer.echo(f"{progress.voted:,} of {progress.battles:,} battles have your vote")


def report(
    name: Name,
    seed: Annotated[int, typer.Option(help="Draws the resamples and the orders.")] = 1,
    rounds: Annotated[int, typer.Option(help="Rounds of each bootstrap.")] = 1000,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Ratings of the contestants of a session by the votes of people, and apart by those of models."""
    from eval.ratings import Settings
    from eval.ratings_cli import print_ratings
    from eval.session_report import battle_report

    settings = Settings(seed=seed, rounds=rounds)
    with records_of(home) as db:
        found = battle_report(db, name, settings, show_share)
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    for kind in ("people", "models"):
        tally = ", ".join(f"{count:,} {winner}" for winner, count in found["votes"][kind].items() if count)
        if tally:
            typer.echo(f"votes of {kind}: {tally}\n")
        if found[kind]:
            print_ratings(found[kind])
    for note in found["notes"]:
        typer.echo(f"note: {printable(note)}")


def remove(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Do it: its votes cannot be had back.")] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Delete a session with its answers and votes."""
    from eval.sessions import remove_session, session_row

    with records_of(home) as db:
        session_row(db, name)
        if not yes:
            raise InputError(f"this deletes {name!r} with all its votes; export it first, then repeat with --yes")
        remove_session(db, name)
    _print({"removed": name}, f"removed {name}", as_json)


def _play_one(contest: "Contest", matchup: "Matchup") -> float:
    """Both answers, once they are written; the moment at which they were shown."""
    from assistant.types import Answered

    typer.echo(f"{matchup.number}. {printable(contest.session.prompts[matchup.prompt])}\n")
    answers = {said.side: said.event.answer for said in contest.play(matchup) if isinstance(said.event, Answered)}
    for side in ("left", "right"):
        typer.echo(f"--- {side}\n{printable(answers[side].answer)}\n")
    return time.monotonic()


def _key() -> str | None:
    while True:
        try:
            key = input(_ASK).strip().lower()
        except EOFError:
            return None
        if key in ("q", "quit"):
            return None
        if key in _KEYS:
            return _KEYS[key]


@contextmanager
def _opened(home: Path | None) -> "Iterator[tuple[Database, Assistant]]":
    from assistant.pipeline import Assistant
    from assistant.records import open_records

    config = open_home(home)
    with closing(open_records(config.home)) as db, Assistant.from_config(config) as assistant:
        yield db, assistant


def _print(found: dict[str, Any], line: str, as_json: bool) -> None:
    typer.echo(json.dumps(found, ensure_ascii=False) if as_json else printable(line))

"""`footnote eval elo`: ratings of models from a file of votes, as a table or one JSON object."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from assistant.cli import Json
from assistant.show import printable
from eval.shared_cli import show_share

_WIDEST_NAME = 40
_MOST_VOTES = 1_000_000


def elo(
    file: Annotated[Path, typer.Argument(help="CSV: left,right,winner; also prompt,rater,left_length,right_length.")],
    initial: Annotated[float, typer.Option(help="Elo: the rating that all start from.")] = 1500.0,
    k: Annotated[float, typer.Option(help="Elo: how far one battle moves a rating, usually 4 to 32.")] = 32.0,
    seed: Annotated[int, typer.Option(help="Draws the resamples and the orders.")] = 1,
    rounds: Annotated[int, typer.Option(help="Rounds of each bootstrap.")] = 1000,
    shuffles: Annotated[int, typer.Option(help="Orders of the battles that Elo is tried in.")] = 100,
    ties: Annotated[str, typer.Option(help="half: a tie is half a win for each; davidson: Davidson's model.")] = "half",
    as_json: Json = False,
) -> None:
    """Rate models by votes between two: Bradley-Terry with intervals, ranks and tiers, and Elo."""
    from eval.battles import read_battles
    from eval.ratings import Settings, rate
    from eval.ratings_report import report

    settings = Settings(initial=initial, k=k, shuffles=shuffles, ties=ties, rounds=rounds, seed=seed)
    found = report(rate(read_battles(file), settings, show_share))
    if as_json:
        typer.echo(json.dumps(found))
    else:
        print_ratings(found)


def print_ratings(found: dict[str, Any]) -> None:
    """Ratings as `eval.ratings_report` gives them, group by group."""
    from eval.ratings_report import worth

    for number, names in enumerate(found["groups"], start=1):
        if len(found["groups"]) > 1:
            typer.echo(f"group {number}, not connected with the others")
        _print_table(found, names)
        typer.echo("")
    for pair in found["neighbours"]:
        if not pair["told"]:
            typer.echo(_untold(pair))
    for name, effect in found["effects"].items():
        if effect:
            what = {"position": "standing left", "length": "being twice as long"}[name]
            typer.echo(f"{what} {worth(effect, digits=1)}")
    for note in found["notes"]:
        typer.echo(f"note: {printable(note)}")


def _print_table(found: dict[str, Any], names: list[str]) -> None:
    width = min(_WIDEST_NAME, max(5, *(len(printable(name)) for name in names)))
    typer.echo(f"rank  {'model':{width}}  rating  95 % interval    battles  score  {'tier':11}     Elo  by order")
    for name in names:
        row, elo_rating, spread = found["bradley_terry"][name], found["elo"][name], found["elo_order"]["spread"][name]
        low, high = row["widest_ci"]
        flag = f"  {row['flag']}" if row["flag"] else ""
        interval = f"{_end(low):>6} to {_end(high):<6}"
        typer.echo(
            f"{row['rank']:>4}  {_cut(printable(name), width)}  {row['rating']:>6.0f}  {interval} "
            f"{row['battles']:>7,}  {row['score']:>4.0%}   {row['tier']:11}  {elo_rating:>6.0f}  "
            f"{spread['low']:.0f} to {spread['high']:.0f}{flag}"
        )


def _cut(name: str, width: int) -> str:
    return f"{name if len(name) <= width else name[: width - 1] + '…':{width}}"


def _end(value: float | None) -> str:
    return "open" if value is None else f"{value:.0f}"


def _untold(pair: dict[str, Any]) -> str:
    both = f"{printable(pair['better'])} from {printable(pair['worse'])}"
    if pair["more_votes"] is None:
        return f"the votes so far give no number of votes that would tell {both}"
    votes = f"about {pair['more_votes']:,}" if pair["more_votes"] <= _MOST_VOTES else f"over {_MOST_VOTES:,}"
    return f"{votes} more votes between the two to tell {both}"

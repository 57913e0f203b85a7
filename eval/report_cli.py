"""The command `footnote eval report`."""

import json
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assistant.cli import Home, Json
from assistant.config import open_home
from assistant.show import printable
from eval.shared_cli import LARGEST_SEED, show_part
from eval.tables import as_columns, between, number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eval.report_models import Tell


def add_report(group: typer.Typer) -> None:
    """Add the command to the group `eval`."""
    group.command()(report)


def report(
    model: Annotated[list[str] | None, typer.Option(help="The baseline; repeat it for those compared with it.")] = None,
    text: Annotated[Path | None, typer.Option(help="To predict: a text, or JSON lines with 'text'.")] = None,
    instructions: Annotated[Path | None, typer.Option(help="Rows of instruction, solution.")] = None,
    questions: Annotated[Path | None, typer.Option(help="Rows of question, answers, answerable, context.")] = None,
    collection: Annotated[
        str | None, typer.Option(help="Answer from these documents; left out: from the rows' contexts.")
    ] = None,
    session: Annotated[list[str] | None, typer.Option(help="A session of battles of the home; repeat it.")] = None,
    form: Annotated[list[str] | None, typer.Option(help="A form of the home; repeat it.")] = None,
    limit: Annotated[int, typer.Option(min=0, help="At most so many items of each file, by chance; 0: all.")] = 0,
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="Chooses the items and draws the resamples.")] = 1,
    to: Annotated[Path | None, typer.Option(help="The new folder; left out: NAME in the home's reports.")] = None,
    name: Annotated[str, typer.Option(help="What the report is called.")] = "report",
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Compare checkpoints on everything at hand, in one page and one JSON file, and say what changed beyond chance."""
    from assistant.engine.pool import Engines
    from assistant.records import open_records
    from eval.report import make_report
    from eval.report_files import check_folder, report_folder, write_report
    from eval.report_input import Wanted, check
    from eval.report_measure import measure_report
    from eval.runs import keep_run

    config = open_home(home)
    folder = report_folder(config.home, to, name)
    check_folder(folder)
    wanted = Wanted(
        models=tuple(model or ()),
        text=text,
        instructions=instructions,
        questions=questions,
        collection=collection,
        sessions=tuple(session or ()),
        forms=tuple(form or ()),
        limit=limit,
        seed=seed,
    )
    engines = Engines(config.home / "models", most=max(4, len(wanted.models)))
    with closing(open_records(config.home)) as db:
        inputs = check(wanted, config, engines, db)
        run = keep_run(db, measure_report(name, inputs, config, engines, db, _told()))
    found = make_report(run, _told())
    write_report(folder, found)
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
    else:
        typer.echo("\n".join(_lines(found, folder)))


def _told() -> "Tell":
    return lambda what, share: show_part(printable(what))(share)


def _lines(found: dict[str, Any], folder: Path) -> "Iterator[str]":
    from eval.report_files import HTML_FILE

    changes = found["changes"]
    rows = [
        (
            f"{row['part']}: {row['metric'].replace('_', ' ')}, {row['other']} − {row['baseline']}",
            "no finite estimate" if row["note"] else number(row["difference"]),
            between(row["ci"]),
            row["verdict"],
        )
        for row in changes["rows"]
    ]
    yield from as_columns([("difference from the baseline", "", "95 %", ""), *rows])
    yield f"\n{changes['comparisons']} comparisons; words are corrected for their number (Holm 1979)"
    yield f"{folder / HTML_FILE}"

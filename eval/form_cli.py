"""`footnote eval form …`: make a form of texts, see who has scored how much, report it, and carry its scores as CSV."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from assistant.cli import Home, Json
from assistant.errors import InputError
from assistant.show import printable
from eval.shared_cli import records_of
from eval.tables import as_columns

Name = Annotated[str, typer.Argument(help="The name of the form.")]


def add_forms(group: typer.Typer) -> None:
    """Add the group `form` to the group `eval`."""
    forms = typer.Typer(help="Forms: texts that people and models score by a rubric.", no_args_is_help=True)
    forms.command("create")(create)
    forms.command("list")(list_forms)
    forms.command("report")(report)
    forms.command("export")(export)
    forms.command("import")(import_file)
    forms.command("remove")(remove)
    group.add_typer(forms, name="form")


def create(
    name: Name,
    texts: Annotated[Path | None, typer.Argument(help="JSON lines of item, system, text, source.")] = None,
    rubric: Annotated[str, typer.Option(help="summary, chat, grounded, or a TOML file.")] = "summary",
    from_battles: Annotated[str | None, typer.Option(help="Take the answers of this battle session.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Shuffles the texts, for each rater anew.")] = 1,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Make a form of the texts of a file, or of the answers of a battle session."""
    from eval.form_items import read_texts, texts_of_battles
    from eval.forms import create_form
    from eval.rubric import find_rubric

    wanted = find_rubric(rubric)
    if (texts is None) == (from_battles is None):
        raise InputError("give the texts of the form: a file of JSON lines, or --from-battles SESSION")
    read = None if texts is None else read_texts(texts, wanted)  # before the records are touched
    with records_of(home) as db:
        form = create_form(db, name, wanted, read or texts_of_battles(db, from_battles or "", wanted), seed=seed)
    aspects = [aspect.name for aspect in wanted.aspects]
    made = {"form": form.name, "rubric": wanted.name, "aspects": aspects, "texts": form.texts, "seed": form.seed}
    _show(
        made,
        [f"{printable(form.name)}: {_texts(form.texts)} to score on {', '.join(map(printable, aspects))}"],
        as_json,
    )


def list_forms(home: Home = None, as_json: Json = False) -> None:
    """List the forms with their texts, systems and scores."""
    from eval.sessions import list_sessions

    with records_of(home) as db:
        found = [each for each in list_sessions(db) if each.kind == "form"]
    rows = [
        {
            "form": each.name,
            "made_at": each.made_at,
            "texts": each.prompts,
            "systems": each.contestants,
            "scores": each.votes,
        }
        for each in found
    ]
    lines = (
        as_columns([("form", "texts", "systems", "scores", "made"), *map(_list_row, rows)]) if rows else ["no forms"]
    )
    _show({"forms": rows}, lines, as_json)


def report(
    name: Name,
    seed: Annotated[int, typer.Option(min=0, help="Draws the resamples of the intervals.")] = 1,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Compare the systems of a form, and say how far its scores can be trusted."""
    from eval.form_report import form_report

    with records_of(home) as db:
        found = form_report(db, name, seed)
    _show(found, _report_lines(found), as_json)


def export(
    name: Name,
    to: Annotated[Path, typer.Option("--to", help="The CSV file to write.")],
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Write the scores as CSV, as `footnote eval likert` reads them."""
    from eval.form_scores import export_scores
    from eval.forms import find_form

    with records_of(home) as db:
        number = export_scores(db, find_form(db, name), to)
    _show({"form": name, "to": str(to), "scores": number}, [f"{number:,} scores in {printable(str(to))}"], as_json)


def import_file(
    name: Name,
    file: Annotated[Path, typer.Argument(help="CSV: item,rater,system,aspect,score, and kind if you like.")],
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Add the scores of a CSV file to a form, all of them or none."""
    from eval.form_scores import import_scores
    from eval.forms import find_form

    with records_of(home) as db:
        number = import_scores(db, find_form(db, name), file)
    _show({"form": name, "scores": number}, [f"{number:,} scores added to {printable(name)}"], as_json)


def remove(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Say that its scores may go, too.")] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Remove a form with all its scores."""
    from eval.form_scores import scores_of
    from eval.forms import find_form
    from eval.sessions import remove_session

    with records_of(home) as db:
        scores = scores_of(db, find_form(db, name))
        number = 0 if scores is None else len(scores.score)
        if not yes:
            raise InputError(f"{name!r} has {number:,} scores, which would be lost; say --yes to remove it with them")
        remove_session(db, name)
    _show({"form": name, "removed": True, "scores": number}, [f"removed {printable(name)}, {number:,} scores"], as_json)


def _report_lines(found: dict[str, Any]) -> Iterator[str]:
    from eval.scoring_cli import likert_lines

    yield f"{printable(found['form'])}: {_texts(found['texts'])} by {', '.join(map(printable, found['systems']))}\n"
    if not found["raters"]:
        yield "nobody has scored any of them yet"
        return
    progress = [(each["name"], each["kind"], f"{each['scored']:,} of {each['of']:,}") for each in found["raters"]]
    yield from as_columns([("rater", "kind", "texts"), *progress])
    yield ""
    yield from likert_lines(found)


def _list_row(row: dict[str, Any]) -> tuple[str, ...]:
    numbers = (f"{row[key]:,}" for key in ("texts", "systems", "scores"))
    return (row["form"], *numbers, row["made_at"][:10])


def _texts(number: int) -> str:
    return f"{number:,} text{'' if number == 1 else 's'}"


def _show(found: dict[str, Any], lines: Iterable[str], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(found))
        return
    for line in lines:
        typer.echo(line)

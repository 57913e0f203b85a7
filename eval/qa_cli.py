"""The command `footnote eval qa`."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from assistant.cli import Home, Json, Model
from assistant.config import open_home
from assistant.errors import InputError
from assistant.show import printable
from eval.shared_cli import LARGEST_SEED, records_of, show_part
from eval.tables import as_columns, between, number


def add_qa(group: typer.Typer) -> None:
    """Add the command to the group `eval`."""
    group.command()(qa)


def qa(
    file: Annotated[Path, typer.Argument(help="Rows of question, answers, answerable, and context if you like.")],
    collection: Annotated[
        str | None, typer.Option(help="Answer from these documents of the home; left out: from the rows' contexts.")
    ] = None,
    model: Model = None,
    limit: Annotated[int, typer.Option(min=0, help="How many questions, by chance; 0: all.")] = 0,
    seed: Annotated[
        int, typer.Option(min=0, max=LARGEST_SEED, help="Chooses the questions and draws the resamples.")
    ] = 1,
    write: Annotated[Path | None, typer.Option(help="A new file for a JSON line on each question.")] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Measure the assistant's answers to questions, with documents and without."""
    from assistant.atomic import write_file
    from assistant.engine.pool import Engines
    from assistant.pipeline import Assistant
    from eval.qa import as_row, ask_all, check_lengths
    from eval.qa_documents import OWN_PASSAGES, documents
    from eval.qa_rows import read_questions
    from eval.qa_runs import qa_figures, qa_run
    from eval.runs import keep_run

    check_new_file(write, "--write")
    questions = read_questions(file)
    config = open_home(home, model=model)
    chosen = questions.chosen(limit, seed)
    engines = Engines(config.home / "models")
    engine = engines.get(config.model)
    check_lengths(engine, chosen)  # before the documents, which take longer
    with records_of(home) as db:
        with documents(config, collection, questions, show_part("documents")) as (library, name):
            assistant = Assistant(library, config.model, engines, passages=config.passages)
            asked = ask_all(assistant, name, chosen, show_part("questions"))
        settings = {
            **{"file": str(file), "limit": limit, "model": config.model, "collection": collection},
            **{"passages": config.passages, "embedding": config.embedding, "reranker": config.reranker},
            "notes": [*(() if collection else (OWN_PASSAGES,)), *questions.notes],
        }
        found = qa_figures(keep_run(db, qa_run(asked, engine.checkpoint, seed, settings)))
    if as_json:
        typer.echo(json.dumps(found))
    else:
        typer.echo("\n".join(_lines(found)))
    if write:  # last, so that what took long to measure is not lost where this fails
        write_file(write, "".join(json.dumps(as_row(item), ensure_ascii=False) + "\n" for item in asked))


def check_new_file(path: Path | None, setting: str) -> None:
    """Raises InputError where the file could not be written at the end."""
    if path is None:
        return
    if path.exists():
        raise InputError(f"{setting}: {path} exists; name a new file")
    if not path.absolute().parent.is_dir():
        raise InputError(f"{setting}: there is no folder {path.absolute().parent}; make it or name another file")


def _lines(found: dict[str, Any]) -> Iterator[str]:
    yield (
        f"questions: {found['questions']:,} ({found['answerable']:,} answerable, {found['unanswerable']:,} not); "
        f"model {printable(found['model'])}\n"
    )
    grounded, ungrounded, difference = found["grounded"], found["ungrounded"], found["difference"]
    rows = [
        (
            name.replace("_", " "),
            number(grounded[name]),
            between(ci),
            number(ungrounded.get(name)),
            *_difference(difference.get(name)),
        )
        for name, ci in grounded["ci"].items()
    ]
    yield from as_columns([("", "with documents", "95 %", "without", "difference", "95 %"), *rows])
    yield ""
    times = [
        (name, *(f"{found[way]['seconds'][name]:.2f}" for way in ("grounded", "ungrounded")))
        for name in grounded["seconds"]
    ]
    yield from as_columns([("seconds a question", "with documents", "without"), *times])
    yield ""
    yield from map(printable, found["notes"])


def _difference(change: dict[str, Any] | None) -> tuple[str, str]:
    return (number(change["value"]), between(change["ci"])) if change else ("-", "-")

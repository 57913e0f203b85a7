"""The commands of the library and of questions. `app.main` adds the rest and runs them.

Each is a thin fold: settings in, one call, one JSON object or a few lines out. Errors that may be shown are raised as
they are; the entry point prints their one line.
"""

import json
import sys
from collections import Counter
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from assistant.config import open_home, open_library
from assistant.show import (
    end_draft,
    print_answer,
    print_checks,
    print_collections,
    print_documents,
    print_hits,
    print_moved,
    print_removed,
    print_reports,
    report_progress,
    show_draft,
)
from assistant.types import Answered, Token, hit_summary
from retrieval.errors import LibraryError
from retrieval.types import DEFAULT_COLLECTION, Filters, Hit

Home = Annotated[Path | None, typer.Option(help="The folder of documents, models and logs.")]
Model = Annotated[
    str | None,
    typer.Option(help="bundled, a checkpoint folder, a Hugging Face id, or an OpenAI-compatible server: http(s)://…"),
]
Collection = Annotated[str, typer.Option(help="The set of documents to use.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]

BAD_INPUT = 2
FAULT = 1
_DAY = ["%Y-%m-%d"]


def add_commands(cli: typer.Typer) -> None:
    """Register the commands of this module."""
    for command in (ingest, list_documents, collections, move, remove, reindex, search, ask, doctor):
        name = "list" if command is list_documents else command.__name__
        cli.command(name)(command)


def ingest(
    paths: Annotated[list[Path], typer.Argument(help="Files, or folders of them.")],
    collection: Collection = DEFAULT_COLLECTION,
    password: Annotated[str | None, typer.Option(help="Opens the files that are encrypted.")] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Add documents to the library; a row for each file says what became of it."""
    show = report_progress(sys.stderr)
    with open_library(open_home(home)) as library:
        reports = library.ingest(paths, collection=collection, password=password, progress=show)
    if as_json:
        _print_json({"reports": [asdict(report) for report in reports]})
    else:
        print_reports(reports)
    if not reports or any(report.state == "failed" for report in reports):
        raise typer.Exit(BAD_INPUT)


def list_documents(
    collection: Annotated[str | None, typer.Option(help="Only this collection.")] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """List the documents of the library, and the uploads that are not documents, or not yet."""
    with open_library(open_home(home)) as library:
        # In this order: what becomes a document between the two is shown twice rather than not at all.
        jobs = library.jobs(collection)
        documents = library.documents(collection)
    if as_json:
        _print_json({"documents": [*map(asdict, documents)], "jobs": [*map(asdict, jobs)]})
    else:
        print_documents(documents, jobs)


def collections(home: Home = None, as_json: Json = False) -> None:
    """List the collections with the number of their documents."""
    with open_library(open_home(home)) as library:
        counts = Counter(document.collection for document in library.documents())
    if as_json:
        _print_json({"collections": [{"name": name, "documents": number} for name, number in sorted(counts.items())]})
    else:
        print_collections(counts)


def move(
    document: Annotated[str, typer.Argument(help="Its name or its id, as `list` shows them.")],
    to: Annotated[str, typer.Option("--to", help="The collection that it goes to.")],
    collection: Annotated[str | None, typer.Option(help="Only from this collection.")] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Move a document to another collection; its id and the citations of it stay."""
    with open_library(open_home(home)) as library:
        moved = library.move(document, to, collection=collection)
    if as_json:
        _print_json({"moved": asdict(moved)})
    else:
        print_moved(moved)


def remove(
    document: Annotated[str, typer.Argument(help="Its name or its id, as `list` shows them.")],
    collection: Annotated[str | None, typer.Option(help="Only in this collection.")] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Remove a document from the library, or an upload that did not become one."""
    with open_library(open_home(home)) as library:
        removed = library.remove(document, collection=collection)
    if as_json:
        _print_json({"removed": asdict(removed)})
    else:
        print_removed(removed)


def reindex(home: Home = None) -> None:
    """Compute the vectors that the model has not made yet, and rebuild both indexes."""
    with open_library(open_home(home)) as library:
        library.reindex(report_progress(sys.stderr))
        typer.echo(f"indexed {len(library.documents())} documents")


def search(
    query: str,
    k: Annotated[int, typer.Option("-k", help="How many passages.")] = 5,
    collection: Collection = DEFAULT_COLLECTION,
    document: Annotated[list[str] | None, typer.Option(help="Only in this document, by name or id; repeat it.")] = None,
    media_type: Annotated[
        list[str] | None, typer.Option("--type", help="Only of this kind: application/pdf, text/*; repeat it.")
    ] = None,
    added_from: Annotated[
        datetime | None, typer.Option("--from", formats=_DAY, help="Added on this day or later.")
    ] = None,
    added_to: Annotated[
        datetime | None, typer.Option("--to", formats=_DAY, help="Added on this day or before.")
    ] = None,
    diversity: Annotated[
        float, typer.Option(min=0, max=1, help="How much likeness to better hits costs a passage.")
    ] = 0.0,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Find the passages nearest to a query."""
    first, last = (day.date() if day else None for day in (added_from, added_to))
    filters = Filters(tuple(document or ()), tuple(media_type or ()), first, last)
    with open_library(open_home(home)) as library:
        hits = library.search(query, k, collection=collection, filters=filters, diversity=diversity)
        if collection not in (DEFAULT_COLLECTION, *library.collections()):
            raise LibraryError(f"there is no collection called {collection}; `footnote collections` lists them.")
    if as_json:
        _print_json({"query": query, "hits": [_hit(hit) for hit in hits]})
    else:
        print_hits(hits)


def ask(
    question: str,
    collection: Collection = DEFAULT_COLLECTION,
    model: Model = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Answer a question from the documents, each sentence with its footnote."""
    from assistant.pipeline import Assistant

    with Assistant.from_config(open_home(home, model=model)) as assistant:
        for event in assistant.stream(question, collection=collection):
            if isinstance(event, Token) and not as_json:
                show_draft(event.text, sys.stderr)
            if isinstance(event, Answered):
                end_draft(sys.stderr)
                if as_json:
                    _print_json(event.answer.as_dict())
                else:
                    print_answer(event.answer)


def doctor(
    model: Model = None,
    home: Home = None,
    host: Annotated[str | None, typer.Option()] = None,
    port: Annotated[int | None, typer.Option()] = None,
    as_json: Json = False,
) -> None:
    """Show each setting with its source, and try whether everything works."""
    from assistant.doctor import examine

    config = open_home(home, model=model, host=host, port=port)
    checks = examine(config)
    if as_json:
        _print_json({"settings": config.described(), "checks": [asdict(check) for check in checks]})
    else:
        print_checks(config.described(), checks)
    if not all(check.ok for check in checks):
        raise typer.Exit(FAULT)


def _hit(hit: Hit) -> dict[str, Any]:
    place = {"document_id": hit.document_id, "start": hit.start, "end": hit.end}
    return {**hit_summary(hit), **place, "duplicates": list(hit.duplicates), "passage": hit.passage}


def _print_json(value: dict[str, Any]) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False))

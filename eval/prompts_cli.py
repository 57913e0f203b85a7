"""`footnote eval prompts …`: prompts built of parts, saved under a name, and tried."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assistant.cli import Collection, Home, Json, Model
from assistant.config import open_home
from assistant.show import end_draft, print_answer, printable, show_draft
from assistant.types import Answer, Answered, Token
from eval.shared_cli import records_of
from retrieval.types import DEFAULT_COLLECTION

if TYPE_CHECKING:
    from eval.saved_prompts import SavedPrompt

Name = Annotated[str, typer.Argument(help="The name that it was saved under.")]


def add_prompts(group: typer.Typer) -> None:
    """Register the sub-group `prompts`."""
    prompts = typer.Typer(help="Build, save and try what the model is told.", no_args_is_help=True)
    for name, command in (("list", list_), ("show", show), ("save", save), ("try", try_), ("remove", remove)):
        prompts.command(name)(command)
    group.add_typer(prompts, name="prompts")


def list_(home: Home = None, as_json: Json = False) -> None:
    """List the saved prompts with their tasks."""
    from eval.saved_prompts import list_prompts

    with records_of(home) as db:
        found = list_prompts(db)
    if as_json:
        _print_json({"prompts": [_values(prompt) for prompt in found]})
    elif not found:
        typer.echo("no saved prompts; `footnote eval prompts save NAME FILE.toml` keeps one")
    else:
        width = max(len(printable(prompt.name)) for prompt in found)
        for prompt in found:
            typer.echo(f"{printable(prompt.name):{width}}  {printable(' '.join(prompt.parts.task.split()))}")


def show(name: Name, home: Home = None, as_json: Json = False) -> None:
    """Print a saved prompt as the model gets it."""
    from eval.saved_prompts import find_prompt

    with records_of(home) as db:
        found = find_prompt(db, name)
    if as_json:
        _print_json(_values(found))
    else:
        for line in found.parts.text().split("\n"):
            typer.echo(printable(line))


def save(
    name: Annotated[str, typer.Argument(help="What to call it.")],
    file: Annotated[Path, typer.Argument(help="TOML: task, and situation, role, constraints, … as you wish.")],
    replace: Annotated[bool, typer.Option("--replace", help="Also where the name is taken.")] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Save the prompt of a TOML file under a name."""
    from assistant.prompt_builder import read_parts
    from eval.saved_prompts import save_prompt

    parts = read_parts(file)
    with records_of(home) as db:
        saved = save_prompt(db, name, parts, replace=replace)
    if as_json:
        _print_json(_values(saved))
    else:
        typer.echo(f"saved {printable(saved.name)}, {len(parts.text()):,} characters")


def try_(
    name: Name,
    question: str,
    model: Model = None,
    collection: Collection = DEFAULT_COLLECTION,
    documents: Annotated[
        bool, typer.Option("--documents/--no-documents", help="Answer from the collection, or chat.")
    ] = True,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Ask a question of a model that is told a saved prompt."""
    from assistant.pipeline import Assistant
    from eval.saved_prompts import find_prompt, told_by

    with records_of(home) as db:
        parts = find_prompt(db, name).parts
    with Assistant.from_config(open_home(home, model=model)) as assistant:
        answer = _asked(told_by(assistant, parts), question, collection if documents else None, show=not as_json)
    if as_json:
        _print_json({"prompt": name, **answer.as_dict()})
    else:
        print_answer(answer)


def remove(name: Name, home: Home = None, as_json: Json = False) -> None:
    """Forget a saved prompt; one that a session uses stays."""
    from eval.saved_prompts import remove_prompt

    with records_of(home) as db:
        removed = remove_prompt(db, name)
    if as_json:
        _print_json({"removed": removed.name})
    else:
        typer.echo(f"removed {printable(removed.name)}")


def _asked(assistant: Any, question: str, collection: str | None, *, show: bool) -> Answer:
    """The answer from `collection`, or without documents where it is None; its draft is shown on the way."""
    events = assistant.chat(question) if collection is None else assistant.stream(question, collection=collection)
    for event in events:
        if isinstance(event, Token) and show:
            show_draft(event.text, sys.stderr)
        if isinstance(event, Answered):
            answer = event.answer
    if show:
        end_draft(sys.stderr)
    return answer


def _values(prompt: "SavedPrompt") -> dict[str, Any]:
    return {
        "name": prompt.name,
        "made_at": prompt.made_at,
        "parts": prompt.parts.as_dict(),
        "text": prompt.parts.text(),
    }


def _print_json(value: dict[str, Any]) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False))

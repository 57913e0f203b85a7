"""The commands `footnote eval …`: each reads its files, calls one function of this package and prints what it gives."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assistant.cli import Home, Json, Model
from assistant.config import read_config
from assistant.errors import InputError
from eval.battle_cli import add_battles
from eval.form_cli import add_forms
from eval.judge_cli import add_judging
from eval.prompts_cli import add_prompts
from eval.qa_cli import add_qa
from eval.ratings_cli import elo
from eval.records_cli import add_records
from eval.report_cli import add_report
from eval.runs_cli import add_runs
from eval.scoring_cli import add_scoring
from eval.shared_cli import show_share

if TYPE_CHECKING:
    from assistant.checkpoint import Checkpoint
    from assistant.rows import Row


def eval_commands() -> typer.Typer:
    """The group `eval`."""
    group = typer.Typer(help="Measure answers, models and retrieval.", no_args_is_help=True)
    for command in (selection, perplexity, replies, retrieval, elo):
        group.command()(command)
    add_scoring(group)
    add_qa(group)
    add_prompts(group)
    add_battles(group)
    add_forms(group)
    add_judging(group)
    add_records(group)
    add_report(group)
    add_runs(group)
    return group


def selection(
    files: Annotated[list[Path], typer.Argument(help="Rows of context, question, answers, answerable.")],
    questions: Annotated[int, typer.Option(min=0, help="How many, by chance; 0: all.")] = 500,
    seed: Annotated[int, typer.Option(help="Chooses the questions and the other passages.")] = 1,
    as_json: Json = False,
) -> None:
    """Measure how often the sentence that answers is found, and how often the program abstains."""
    from eval.selection import cases, measure
    from retrieval.embed import Embedder

    rows = _rows(files, "FILES")
    _show(asdict(measure(cases(rows, questions, seed), Embedder().encode, show_share)), as_json)


def perplexity(
    file: Annotated[Path, typer.Argument(help="A plain text, or JSON lines with a document in each 'text'.")],
    model: Model = None,
    stride: Annotated[int | None, typer.Option(help="Tokens between windows; 512, or a shorter context.")] = None,
    context: Annotated[int | None, typer.Option(help="Tokens of a window; the model's positions.")] = None,
    limit_tokens: Annotated[int | None, typer.Option(help="Score no more than this many.")] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Measure how well a model predicts a text: perplexity by a sliding window, and bits per byte."""
    from eval.documents import read_documents
    from eval.perplexity import measure

    texts = read_documents(file)  # before the model, which takes seconds to load
    checkpoint = _checkpoint(home, model)
    found = measure(texts, checkpoint, stride=stride, context=context, limit=limit_tokens, progress=show_share)
    _show(asdict(found), as_json)


def replies(
    instructions: Annotated[list[Path] | None, typer.Option(help="Rows of instruction, solution.")] = None,
    grounded: Annotated[list[Path] | None, typer.Option(help="Rows of context, question, answers, answerable.")] = None,
    model: Model = None,
    questions: Annotated[int, typer.Option(help="How many of each kind, by chance; 0: all.")] = 200,
    seed: Annotated[int, typer.Option(help="Chooses the questions, the sources and sampled replies.")] = 1,
    max_tokens: Annotated[int, typer.Option(help="The most tokens of a reply.")] = 160,
    temperature: Annotated[float, typer.Option(help="0 takes the likeliest token; above, replies are drawn.")] = 0.0,
    top_p: Annotated[float, typer.Option(help="Draw from the likeliest tokens of this probability.")] = 1.0,
    no_repeat: Annotated[
        int | None, typer.Option(help="Say no run of so many tokens twice; 0: any; left out: as the model is set.")
    ] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Measure a model's replies: do they end, loop, answer; with sources and without. Both options can be repeated."""
    from assistant.engine.pool import Engines
    from assistant.engine.sampling import Sampling
    from eval.replies import measure
    from retrieval.embed import Embedder

    alone, sourced = _rows(instructions or [], "--instructions"), _rows(grounded or [], "--grounded")
    sampling = Sampling(temperature=temperature, top_p=top_p, max_tokens=max_tokens, no_repeat=no_repeat)
    config = read_config(home, model=model)
    found = measure(
        Engines(config.home / "models").get(config.model),
        Embedder().encode,
        instructions=alone,
        grounded=sourced,
        questions=questions,
        seed=seed,
        sampling=sampling,
        progress=show_share,
    )
    _show(asdict(found), as_json)


def retrieval(
    run: Annotated[Path | None, typer.Option(help="TREC: qid Q0 docid rank score tag. gzip and xz too.")] = None,
    qrels: Annotated[Path | None, typer.Option(help="TREC: qid iter docid relevance. gzip and xz too.")] = None,
    complete: Annotated[bool, typer.Option("--complete", help="Judged queries without results count as 0.")] = False,
    questions: Annotated[Path | None, typer.Option(help="Rows of context, question, answerable.")] = None,
    limit: Annotated[
        int | None, typer.Option(min=0, help="How many questions, by chance; 0, or left out: all.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Chooses the questions and draws resamples; 1.")] = None,
    write_run: Annotated[Path | None, typer.Option(help="A new folder for runs and qrels as TREC files.")] = None,
    as_json: Json = False,
) -> None:
    """Measure rankings: those of TREC files, or what the library finds for questions on paragraphs."""
    trec = _given({"--run": run, "--qrels": qrels, "--complete": complete or None})
    asked = _given({"--questions": questions, "--limit": limit, "--seed": seed, "--write-run": write_run})
    if trec and asked:
        raise InputError(f"{trec[0]} and {asked[0]} do not go together; give --run and --qrels, or --questions")
    if questions:
        _ask_library(questions, limit or 0, 1 if seed is None else seed, write_run, as_json)
    elif run and qrels:
        from eval.ranking import evaluate
        from eval.trec import read_qrels, read_run

        _show(evaluate(read_run(run), read_qrels(qrels), complete=complete).as_dict(), as_json)
    else:
        raise InputError("give --run and --qrels, both TREC files, or --questions, JSON lines of questions")


def _ask_library(questions: Path, limit: int, seed: int, folder: Path | None, as_json: bool) -> None:
    from assistant.atomic import new_folder
    from eval.comparison import compare
    from eval.legs import rank, write_files
    from eval.paragraphs import read_task

    task = read_task(questions, limit, seed)
    if folder and folder.exists():
        raise InputError(f"--write-run: {folder} exists; name a new folder")
    rankings = rank(task, progress=show_share)
    _show(compare(task, rankings, seed).as_dict(), as_json)
    if folder:  # last, so that what took long to measure is not lost where this fails
        with new_folder(folder) as part:
            write_files(part, task, rankings)


def _given(options: dict[str, Any]) -> list[str]:
    return [name for name, value in options.items() if value is not None]


def _rows(files: list[Path], setting: str) -> "list[Row]":
    from assistant.rows import data_files, read_rows

    paths = data_files([str(file) for file in files], setting) if files else []
    rows = [row for path in paths for row in read_rows(path)]
    if files and not rows:
        raise InputError(f"{setting}: no row in {', '.join(map(str, files))}; name a file with rows")
    return rows


def _checkpoint(home: Path | None, model: str | None) -> "Checkpoint":
    from assistant.checkpoint import find_checkpoint, load_checkpoint

    config = read_config(home, model=model)
    return load_checkpoint(find_checkpoint(config.model, config.home / "models"), name=config.model)


def _show(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(found))
        return
    for name, value in _flat(found):
        typer.echo(f"{name:38} {_shown(value)}")


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return " to ".join(map(_shown, value))
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _flat(found: dict[str, Any], within: str = "") -> Iterator[tuple[str, Any]]:
    """Names and values, those of an inner object as `outer.inner`."""
    for name, value in found.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{within}{name}.")
        else:
            yield f"{within}{name}", value

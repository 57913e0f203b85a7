"""What a report is made of, read and checked as a whole before anything long begins."""

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

from assistant.checkpoint import find_checkpoint
from assistant.config import Config
from assistant.engine.engine import Engine
from assistant.engine.pool import Engines
from assistant.errors import InputError
from assistant.pipeline import DEFAULT_SAMPLING
from assistant.prompt import Window
from assistant.rows import STANDARD_INPUT, read_rows
from eval.documents import read_documents
from eval.forms import find_form
from eval.paragraphs import SearchTask, read_task
from eval.qa import check_lengths
from eval.qa_rows import Question, QuestionFile, read_questions
from eval.questions import Instruction
from eval.sessions import find_session
from eval.words import rouge_words
from retrieval.database import Database

Item = TypeVar("Item")
_SERVER = re.compile(r"https?://")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for; raises nothing by itself (see `check`)."""

    models: tuple[str, ...] = ()
    text: Path | None = None
    instructions: Path | None = None
    questions: Path | None = None
    collection: str | None = None
    sessions: tuple[str, ...] = ()
    forms: tuple[str, ...] = ()
    limit: int = 0
    seed: int = 1

    @property
    def measures_models(self) -> bool:
        """Whether models have to speak."""
        return any(file is not None for file in (self.text, self.instructions, self.questions))


@dataclass(frozen=True, slots=True)
class Inputs:
    """All that was asked for, read; `files` has the SHA-256 of each file by its option."""

    wanted: Wanted
    documents: tuple[str, ...] = ()
    instructions: tuple[Instruction, ...] = ()
    instructions_left_out: int = 0
    question_file: QuestionFile | None = None
    questions: tuple[Question, ...] = ()
    search: SearchTask | None = None
    files: dict[str, dict[str, str]] = field(default_factory=dict)


def check(wanted: Wanted, config: Config, engines: Engines, db: Database) -> Inputs:
    """Read all files and load all models once. Raises InputError or ModelError for the first that cannot be used."""
    _check_wanted(wanted)
    _check_models(wanted, config)
    for name in wanted.sessions:
        find_session(db, name)
    for name in wanted.forms:
        find_form(db, name)
    documents = _chosen(read_documents(wanted.text), wanted) if wanted.text else ()
    rows = _instructions(wanted.instructions) if wanted.instructions else ()
    question_file = read_questions(wanted.questions) if wanted.questions else None
    if question_file and wanted.collection is None:
        question_file.contexts()
    questions = question_file.chosen(wanted.limit, wanted.seed) if question_file else ()
    loaded = [engines.get(name) for name in wanted.models]
    for engine in loaded:
        check_lengths(engine, questions)
    fitting = [row for row in rows if all(_holds(engine, row) for engine in loaded)]
    if rows and not fitting:
        raise InputError(
            f"--instructions: none fits the windows of all models beside {_reply_tokens()} tokens of reply"
        )
    return Inputs(
        wanted=wanted,
        documents=tuple(documents),
        instructions=_chosen(fitting, wanted),
        instructions_left_out=len(rows) - len(fitting),
        question_file=question_file,
        questions=questions,
        search=_search_task(question_file, wanted),
        files=dict(_hashed(wanted)),
    )


def _check_wanted(wanted: Wanted) -> None:
    if not wanted.measures_models and not wanted.sessions and not wanted.forms:
        raise InputError("nothing to compare: give --text, --instructions, --questions, --session or --form")
    if wanted.measures_models and len(wanted.models) < 2:
        raise InputError("a report compares models: give --model twice or more, the baseline first")
    if wanted.models and not wanted.measures_models:
        raise InputError("--model: nothing to measure models on; give --text, --instructions or --questions")
    if wanted.collection is not None and wanted.questions is None:
        raise InputError("--collection: nothing is asked of it; give --questions")
    if STANDARD_INPUT in map(str, (wanted.text, wanted.instructions, wanted.questions)):
        raise InputError("files of a report are read more than once: name a file, not the standard input")
    for option, names in (("--session", wanted.sessions), ("--form", wanted.forms)):
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise InputError(f"{option}: {twice!r} is given twice; once is enough")


def _check_models(wanted: Wanted, config: Config) -> None:
    known: dict[str, str] = {}
    for name in wanted.models:
        source = find_checkpoint(name, config.home / "models")
        place = str(Path(source).resolve()) if Path(source).is_dir() else source
        if place in known:
            same = repr(name) if known[place] == name else f"{known[place]!r} and {name!r}"
            raise InputError(f"--model: {same} is the same checkpoint twice; give different ones")
        known[place] = name
        if wanted.text and _SERVER.match(name):
            raise InputError(f"--text: {name} is a server, which tells no probabilities; leave one of them out")


def _instructions(path: Path) -> tuple[Instruction, ...]:
    found = []
    for row in read_rows(path):
        item = Instruction(row.text("instruction"), row.text("solution"))
        if not rouge_words(item.solution):
            raise InputError(f"{row.place}: 'solution' has no word, so nothing can be found of it; leave the row out")
        found.append(item)
    if not found:
        raise InputError(f"{path}: no instruction; write a row of instruction, solution on each line")
    return tuple(found)


def _holds(engine: Engine, item: Instruction) -> bool:
    return Window(engine.length, engine.positions, _reply_tokens()).holds(item.messages())


def _reply_tokens() -> int:
    return DEFAULT_SAMPLING.max_tokens


def _chosen(items: Sequence[Item], wanted: Wanted) -> tuple[Item, ...]:
    """Up to `limit` by chance, in their order."""
    if not wanted.limit or wanted.limit >= len(items):
        return tuple(items)
    places = sorted(random.Random(wanted.seed).sample(range(len(items)), wanted.limit))
    return tuple(items[place] for place in places)


def _search_task(questions: QuestionFile | None, wanted: Wanted) -> SearchTask | None:
    """The search for the passages of the file; None where they are not the documents, or too few to be mistaken."""
    if questions is None or wanted.collection is not None:
        return None
    if len(questions.contexts()) < 2 or not any(question.answerable for question in questions.questions):
        return None
    return read_task(questions.path, wanted.limit, wanted.seed)


def _hashed(wanted: Wanted) -> Iterator[tuple[str, dict[str, str]]]:
    for option in ("text", "instructions", "questions"):
        path: Path | None = getattr(wanted, option)
        if path is not None:
            yield option, {"file": str(path), "sha256": sha256(path.read_bytes()).hexdigest()}

"""What a report measures, as the rows of a run: models speak here, and no figure is computed.

Every model gets the same items, the same windows and the same seed. Of a text to predict its digest is kept and what
each model makes of it, of instructions and questions every reply, of a search what it found, and of the sessions that
are compared all rows as they stand at the start.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any

from assistant.checkpoint import find_checkpoint, load_checkpoint
from assistant.config import Config
from assistant.engine.pool import Engines
from assistant.errors import InputError
from assistant.pipeline import DEFAULT_SAMPLING, Assistant
from eval.document_score import DocumentScore
from eval.legs import rank_in
from eval.perplexity import DEFAULT_STRIDE, fingerprint_of, score_each
from eval.qa import ask_all
from eval.qa_documents import OWN_PASSAGES, documents
from eval.qa_runs import QUESTIONS, answer_rows, question_items
from eval.report_input import Inputs
from eval.report_models import INSTRUCTIONS, RETRIEVAL, TEXT, Tell
from eval.runs import Outcome, Run
from eval.snapshot import snapshot
from eval.speech import speaker
from retrieval.database import Database
from retrieval.library import Library


@dataclass(frozen=True, slots=True)
class Measured:
    """A part of a report: what was asked, what came of it, and the settings that its figures depend on."""

    items: Sequence[Mapping[str, Any]]
    outcomes: Sequence[Outcome]
    settings: Mapping[str, Any]


def measure_report(name: str, inputs: Inputs, config: Config, engines: Engines, db: Database, tell: Tell) -> Run:
    """Measure all that `inputs` holds, as a run that is not kept yet. Raises InputError, ModelError."""
    wanted = inputs.wanted
    sessions = {session: snapshot(db, session) for session in (*wanted.sessions, *wanted.forms)}
    parts = dict(_parts(inputs, config, engines, tell))
    settings = {
        "models": [_model(engines, model) for model in wanted.models],
        "inputs": inputs.files,
        "limit": wanted.limit,
        "sessions": wanted.sessions,
        "forms": wanted.forms,
        "parts": {part: found.settings for part, found in parts.items()},
    }
    items = {
        **{part: found.items for part, found in parts.items()},
        **{f"session {session}": rows for session, rows in sessions.items()},
    }
    return Run(
        "report", wanted.seed, settings, items, [row for found in parts.values() for row in found.outcomes], name=name
    )


def _parts(inputs: Inputs, config: Config, engines: Engines, tell: Tell) -> Iterator[tuple[str, Measured]]:
    if inputs.documents:
        yield TEXT, _text(inputs, config, engines, tell)
    if inputs.instructions:
        yield INSTRUCTIONS, _instructions(inputs, engines, tell)
    if inputs.question_file:
        collection = inputs.wanted.collection
        with documents(config, collection, inputs.question_file, _said(tell, "documents")) as (library, name):
            yield QUESTIONS, _questions(inputs, library, name, config, engines, tell)
            if inputs.search:
                yield RETRIEVAL, _retrieval(inputs, library, tell)


def _model(engines: Engines, name: str) -> dict[str, Any]:
    engine = engines.get(name)
    return {"name": name, "checkpoint": engine.checkpoint, "positions": engine.positions}


def _text(inputs: Inputs, config: Config, engines: Engines, tell: Tell) -> Measured:
    """Document by document, all models with one and the same window."""
    names = inputs.wanted.models
    context = min(engines.get(name).positions for name in names)
    stride = min(DEFAULT_STRIDE, context)
    outcomes: list[Outcome] = []
    tokenizers, seconds = {}, {}
    for name in names:
        begun = time.perf_counter()
        checkpoint = load_checkpoint(find_checkpoint(name, config.home / "models"), name=name)
        show = _said(tell, f"text, {name}")
        scores = score_each(inputs.documents, checkpoint, stride=stride, context=context, progress=show)
        if not sum(score.tokens for score in scores):
            raise InputError("--text: no token to score; give a longer text")
        outcomes += _scored(scores, name, engines.get(name).checkpoint)
        seconds[name] = _since(begun)
        tokenizers[name] = fingerprint_of(checkpoint.tokenizer)
    items = [{"sha256": _digest(text), "characters": len(text)} for text in inputs.documents]
    settings = {"context": context, "stride": stride, "tokenizers": tokenizers, "seconds": seconds}
    return Measured(items, outcomes, settings)


def _scored(scores: Sequence[DocumentScore], name: str, checkpoint: str) -> list[Outcome]:
    return [Outcome(TEXT, at, name, asdict(score), checkpoint=checkpoint) for at, score in enumerate(scores)]


def _instructions(inputs: Inputs, engines: Engines, tell: Tell) -> Measured:
    items, outcomes = inputs.instructions, []
    for name in inputs.wanted.models:
        engine = engines.get(name)
        speak, show = speaker(engine, DEFAULT_SAMPLING), _said(tell, f"instructions, {name}")
        for number, item in enumerate(items):
            begun, messages = time.perf_counter(), item.messages()
            reply = speak(messages).text
            took = round((time.perf_counter() - begun) * 1000, 3)
            made = (engine.checkpoint, DEFAULT_SAMPLING, messages, reply, took)
            outcomes.append(Outcome(INSTRUCTIONS, number, name, {}, "", *made))
            show((number + 1) / len(items))
    return Measured([asdict(item) for item in items], outcomes, {"left_out": inputs.instructions_left_out})


def _questions(inputs: Inputs, library: Library, name: str, config: Config, engines: Engines, tell: Tell) -> Measured:
    """The whole assistant with each model, with documents and without."""
    outcomes: list[Outcome] = []
    for model in inputs.wanted.models:
        assistant = Assistant(library, model, engines, passages=config.passages)
        asked = ask_all(assistant, name, inputs.questions, _said(tell, f"questions, {model}"))
        outcomes += answer_rows(asked, model, assistant.engine.checkpoint)
    own = [] if inputs.wanted.collection else [OWN_PASSAGES]
    settings = {
        **{"collection": inputs.wanted.collection, "passages": config.passages, "embedding": config.embedding},
        **{"reranker": config.reranker, "notes": [*own, *(inputs.question_file.notes if inputs.question_file else ())]},
    }
    return Measured(question_items(inputs.questions), outcomes, settings)


def _retrieval(inputs: Inputs, library: Library, tell: Tell) -> Measured:
    """What a search finds, which is the same for all models."""
    assert inputs.search is not None  # noqa: S101 - the caller looked
    begun, queries = time.perf_counter(), inputs.search.queries
    rankings = rank_in(library, inputs.search, _said(tell, RETRIEVAL))
    outcomes = [
        Outcome(RETRIEVAL, number, leg, {"found": found[query.id]})
        for leg, found in rankings.items()
        for number, query in enumerate(queries)
    ]
    settings = {"documents": len(inputs.search.paragraphs), "seconds": _since(begun)}
    return Measured([asdict(query) for query in queries], outcomes, settings)


def _digest(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _said(tell: Tell, what: str) -> Callable[[float], None]:
    return lambda share: tell(what, share)


def _since(begun: float) -> float:
    return round(time.perf_counter() - begun, 3)

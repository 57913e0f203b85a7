"""The parts of a report for which models speak: a text that they predict, instructions, questions on documents.

Each part has, for each model, its figures with intervals, and gives the comparisons of every model with the first. All
models get the same items, the same windows and the same seed. Measured times are kept apart from everything else.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from assistant.checkpoint import find_checkpoint, load_checkpoint
from assistant.config import Config
from assistant.engine.pool import Engines
from assistant.errors import InputError
from assistant.pipeline import DEFAULT_SAMPLING, Assistant
from eval.bootstrap import FEW_GROUPS
from eval.changes import Compared, compared
from eval.paired import Figure, Paired, Sums
from eval.perplexity import DEFAULT_STRIDE, DocumentScore, fingerprint_of, score_each
from eval.qa import Asked, ask_all, sums
from eval.qa_documents import OWN_PASSAGES
from eval.qa_report import QaReport
from eval.questions import Instruction
from eval.report_input import Inputs
from eval.rouge import BETA, rouge
from eval.speech import speaker
from retrieval.library import Library

LN2 = math.log(2)
LOWER_IS_BETTER = frozenset({"bits_per_byte", "abstained_answerable"})
_ASKED = (
    "exact_match",
    "token_f1",
    "holds_answer",
    "abstained_answerable",
    "abstained_unanswerable",
    "sentences_supported",
    "citations_hold_answer",
    "overall_exact_match",
    "overall_token_f1",
)
"""The figures of questions that are compared; the others say the same again."""
Tell = Callable[[str, float], None]
"""Called with what is being measured, and the share of it that is done."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a report: plain values, comparisons, and the times by model."""

    values: dict[str, Any]
    changes: tuple[Compared, ...]
    seconds: dict[str, Any] = field(default_factory=dict)


def text_part(inputs: Inputs, config: Config, engines: Engines, tell: Tell) -> Part:
    """Bits per byte document by document, and perplexity, all models with one and the same window."""
    names = inputs.wanted.models
    context = min(engines.get(name).positions for name in names)
    stride = min(DEFAULT_STRIDE, context)
    scores: list[list[DocumentScore]] = []
    models: dict[str, dict[str, Any]] = {}
    seconds = {}
    for name in names:
        begun = time.perf_counter()
        checkpoint = load_checkpoint(find_checkpoint(name, config.home / "models"), name=name)
        show = _named(tell, f"text, {name}")
        scores.append(score_each(inputs.documents, checkpoint, stride=stride, context=context, progress=show))
        seconds[name] = _since(begun)
        models[name] = {**_text_totals(scores[-1]), "tokenizer": fingerprint_of(checkpoint.tokenizer)}
    paired = Paired([_bits(each) for each in scores], range(len(inputs.documents)), inputs.wanted.seed)
    _add_figures(models, names, paired)
    values = {"documents": len(inputs.documents), "context": context, "stride": stride, "models": models}
    values["notes"] = [*_few(len(inputs.documents), "documents"), *_tokenizers(models)]
    return Part(values, tuple(_changes("text", names, paired, ("bits_per_byte",))), seconds)


def instructions_part(inputs: Inputs, engines: Engines, tell: Tell) -> Part:
    """ROUGE of each model's replies against how a person solved the same instructions."""
    names, items = inputs.wanted.models, inputs.instructions
    seconds, systems = {}, []
    for name in names:
        begun = time.perf_counter()
        systems.append(_rouge(_replies(engines, name, items, _named(tell, f"instructions, {name}")), items))
        seconds[name] = _since(begun)
    paired = Paired(systems, [item.solution for item in items], inputs.wanted.seed)
    models: dict[str, dict[str, Any]] = {name: {} for name in names}
    _add_figures(models, names, paired)
    groups = len({item.solution for item in items})
    values = {
        "rows": len(items),
        "references": groups,
        "left_out": inputs.instructions_left_out,
        "beta": BETA,
        "models": models,
        "notes": list(_few(groups, "references")),
    }
    return Part(values, tuple(_changes("instructions", names, paired, paired.names)), seconds)


def questions_part(
    inputs: Inputs, library: Library, collection: str, passages: int, engines: Engines, tell: Tell
) -> Part:
    """The whole assistant with each model, with documents and without."""
    names, questions = inputs.wanted.models, inputs.questions
    asked: list[tuple[Asked, ...]] = []
    for name in names:
        assistant = Assistant(library, name, engines, passages=passages)
        asked.append(ask_all(assistant, collection, questions, _named(tell, f"questions, {name}")))
    given = [[each.grounded for each in answers] for answers in asked]
    paired = Paired([sums(questions, each) for each in given], [q.group for q in questions], inputs.wanted.seed)
    models, seconds = {}, {}
    for name, answers in zip(names, asked, strict=True):
        found = QaReport(answers, name, inputs.wanted.collection, inputs.wanted.seed).as_dict()
        seconds[name] = {way: found[way].pop("seconds") for way in ("grounded", "ungrounded")}
        models[name] = {key: found[key] for key in ("grounded", "ungrounded", "difference", "overall")}
        whole = {key: found[key] for key in ("questions", "answerable", "unanswerable", "passages", "notes")}
    _add_figures(models, names, paired)
    own = [] if inputs.wanted.collection else [OWN_PASSAGES]
    notes = [*own, *(inputs.question_file.notes if inputs.question_file else ()), *whole.pop("notes")]
    values = {**whole, "collection": inputs.wanted.collection, "models": models, "notes": notes}
    return Part(values, tuple(_changes("questions", names, paired, _ASKED)), seconds)


def _text_totals(scores: Sequence[DocumentScore]) -> dict[str, Any]:
    nats, tokens, size = (math.fsum(getattr(each, key) for each in scores) for key in ("nats", "tokens", "bytes"))
    if not tokens:
        raise InputError("--text: no token to score; give a longer text")
    return {"perplexity": math.exp(nats / tokens), "tokens": int(tokens), "bytes": int(size)}


def _bits(scores: Sequence[DocumentScore]) -> Sums:
    return {"bits_per_byte": ([each.nats / LN2 for each in scores], [float(each.bytes) for each in scores])}


def _replies(engines: Engines, name: str, items: Sequence[Instruction], show: Callable[[float], None]) -> list[str]:
    speak = speaker(engines.get(name), DEFAULT_SAMPLING)
    said = []
    for number, item in enumerate(items, start=1):
        said.append(speak(item.messages()).text)
        show(number / len(items))
    return said


def _rouge(said: Sequence[str], items: Sequence[Instruction]) -> Sums:
    scores = [rouge(text, item.solution) for text, item in zip(said, items, strict=True)]
    ones = [1.0] * len(scores)
    found: dict[str, tuple[Sequence[float], Sequence[float]]] = {
        f"{name}_f1": ([each[name].f1 for each in scores], ones) for name in ("rouge1", "rouge2", "rougeL")
    }
    found["rougeL_f_beta"] = ([each["rougeL"].f_beta() for each in scores], ones)
    return found


def _changes(part: str, names: Sequence[str], paired: Paired, metrics: Sequence[str]) -> Iterator[Compared]:
    for place, name in enumerate(names[1:], start=1):
        found = paired.changes(place, 0)
        for metric in metrics:
            lower = metric in LOWER_IS_BETTER
            yield compared(part, metric, names[0], name, found[metric], lower_is_better=lower)


def _add_figures(models: dict[str, dict[str, Any]], names: Sequence[str], paired: Paired) -> None:
    for place, name in enumerate(names):
        models[name]["figures"] = {key: _values(figure) for key, figure in paired.figures(place).items()}


def _values(figure: Figure) -> dict[str, Any]:
    return {"value": figure.value, "ci": figure.ci}


def _few(groups: int, what: str) -> Iterator[str]:
    if groups == 1:
        yield f"there is one of the {what} only, so nothing says how others would come out"
    elif groups <= FEW_GROUPS:
        yield f"the intervals are too narrow: there are {FEW_GROUPS} {what} or fewer"


def _tokenizers(models: dict[str, dict[str, Any]]) -> Iterator[str]:
    if len({model["tokenizer"] for model in models.values()}) > 1:
        yield "the models have different tokenizers: compare bits per byte, not perplexities"


def _named(tell: Tell, what: str) -> Callable[[float], None]:
    return lambda share: tell(what, share)


def _since(begun: float) -> float:
    return round(time.perf_counter() - begun, 3)

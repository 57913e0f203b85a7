"""The parts of a report that are about models: a text that they predict, instructions, questions, and the search.

Each part has, for each model, its figures with intervals, and gives the comparisons of every model with the first. All
of it is a function of the rows of a run (`eval.report_measure`), measured times included, which stand apart.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from eval.bootstrap import FEW_GROUPS
from eval.changes import Compared, compared
from eval.comparison import compare_found
from eval.document_score import DocumentScore
from eval.legs import LEGS
from eval.paired import Figure, Paired, Sums
from eval.paragraphs import Query
from eval.qa import sums
from eval.qa_report import QaReport
from eval.qa_runs import QUESTIONS, asked_of
from eval.rouge import BETA, rouge
from eval.runs import Run

TEXT, INSTRUCTIONS, RETRIEVAL = "text", "instructions", "retrieval"
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
"""Called with what is being measured or computed, and the share of it that is done."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a report: plain values, comparisons, and the times by model."""

    values: dict[str, Any]
    changes: tuple[Compared, ...]
    seconds: dict[str, Any] = field(default_factory=dict)


def text_part(run: Run) -> Part:
    """Bits per byte document by document, and perplexity, all models with one and the same window."""
    told, names = run.settings["parts"][TEXT], model_names(run)
    scores = [[DocumentScore(**row.outcome) for row in run.of(TEXT, name)] for name in names]
    models: dict[str, dict[str, Any]] = {
        name: {**_text_totals(each), "tokenizer": told["tokenizers"][name]}
        for name, each in zip(names, scores, strict=True)
    }
    documents = len(run.items[TEXT])
    paired = Paired([_bits(each) for each in scores], range(documents), run.seed)
    _add_figures(models, names, paired)
    values = {"documents": documents, "context": told["context"], "stride": told["stride"], "models": models}
    values["notes"] = [*_few(documents, "documents"), *_tokenizers(models)]
    return Part(values, tuple(_changes(TEXT, names, paired, ("bits_per_byte",))), told["seconds"])


def instructions_part(run: Run) -> Part:
    """ROUGE of each model's replies against how a person solved the same instructions."""
    names, solutions = model_names(run), [item["solution"] for item in run.items[INSTRUCTIONS]]
    replies = {name: run.of(INSTRUCTIONS, name) for name in names}
    systems = [_rouge([row.reply or "" for row in rows], solutions) for rows in replies.values()]
    paired = Paired(systems, solutions, run.seed)
    models: dict[str, dict[str, Any]] = {name: {} for name in names}
    _add_figures(models, names, paired)
    groups = len(set(solutions))
    values = {
        "rows": len(solutions),
        "references": groups,
        "left_out": run.settings["parts"][INSTRUCTIONS]["left_out"],
        "beta": BETA,
        "models": models,
        "notes": list(_few(groups, "references")),
    }
    seconds = {name: round(sum(row.latency_ms or 0.0 for row in rows) / 1000, 3) for name, rows in replies.items()}
    return Part(values, tuple(_changes(INSTRUCTIONS, names, paired, paired.names)), seconds)


def questions_part(run: Run) -> Part:
    """The whole assistant with each model, with documents and without."""
    told, names = run.settings["parts"][QUESTIONS], model_names(run)
    asked = [asked_of(run, name) for name in names]
    questions = [each.question for each in asked[0]]
    given = [[each.grounded for each in answers] for answers in asked]
    paired = Paired([sums(questions, each) for each in given], [q.group for q in questions], run.seed)
    models, seconds = {}, {}
    for name, answers in zip(names, asked, strict=True):
        found = QaReport(answers, name, told["collection"], run.seed).as_dict()
        seconds[name] = {way: found[way].pop("seconds") for way in ("grounded", "ungrounded")}
        models[name] = {key: found[key] for key in ("grounded", "ungrounded", "difference", "overall")}
        whole = {key: found[key] for key in ("questions", "answerable", "unanswerable", "passages", "notes")}
    _add_figures(models, names, paired)
    notes = [*told["notes"], *whole.pop("notes")]
    values = {**whole, "collection": told["collection"], "models": models, "notes": notes}
    return Part(values, tuple(_changes(QUESTIONS, names, paired, _ASKED)), seconds)


def retrieval_part(run: Run) -> Part:
    """What a search finds, which is the same for all models."""
    told = run.settings["parts"][RETRIEVAL]
    queries = [Query(**item) for item in run.items[RETRIEVAL]]
    rankings = {
        leg: {query.id: row.outcome["found"] for query, row in zip(queries, run.of(RETRIEVAL, leg), strict=True)}
        for leg in LEGS
    }
    values = compare_found(queries, told["documents"], rankings, run.seed).as_dict()
    return Part(values, (), {"all": told["seconds"]})


def model_names(run: Run) -> list[str]:
    """The baseline first."""
    return [model["name"] for model in run.settings["models"]]


def _text_totals(scores: Sequence[DocumentScore]) -> dict[str, Any]:
    nats, tokens, size = (math.fsum(getattr(each, key) for each in scores) for key in ("nats", "tokens", "bytes"))
    return {"perplexity": math.exp(nats / tokens), "tokens": int(tokens), "bytes": int(size)}


def _bits(scores: Sequence[DocumentScore]) -> Sums:
    return {"bits_per_byte": ([each.nats / LN2 for each in scores], [float(each.bytes) for each in scores])}


def _rouge(said: Sequence[str], solutions: Sequence[str]) -> Sums:
    scores = [rouge(text, solution) for text, solution in zip(said, solutions, strict=True)]
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

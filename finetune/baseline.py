"""What a finetuned model has to beat: logistic regression on bags of words, for any rows of a text and its label.

Two of them, as in the published comparison on the emotion set: the most frequent words, and the most frequent words
and pairs of neighbours, each present or not. The regularisation is chosen by the validation rows, never by the test;
then they are learned from as well, so that nothing is kept from the baselines that a model may be chosen by.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from sklearn.dummy import DummyClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score
from sklearn.pipeline import Pipeline, make_pipeline

from finetune.progress import progress, say
from finetune.split import Split

WORD = r"\b\w\w+\b"
"""A word is two letters or more: on the emotion set pairs do better without the single ones, by validation."""
_REGULARISATIONS = (0.3, 1.0, 3.0, 10.0)
_MOST_ITERATIONS = 1000


@dataclass(frozen=True, slots=True)
class Labelled:
    """A text with its label."""

    text: str
    label: str


L = TypeVar("L", bound=Labelled)


@dataclass(frozen=True, slots=True)
class Scores:
    """How well the labels of `rows` rows were told.

    Accuracy is the share told right. Macro F1 is the mean, over the labels that occur in those rows, of
    2 · precision · recall / (precision + recall); a label that is never told right counts 0.
    """

    rows: int
    accuracy: float
    macro_f1: float


@dataclass(frozen=True, slots=True)
class Baseline:
    """One logistic regression: what it read, how it was regularised, and its scores."""

    name: str
    features: int
    """The most that were asked for; a small set of texts has fewer."""
    longest: int
    """Words of the longest feature: 1, or 2 for pairs too."""
    regularisation: float
    """scikit-learn's `C`, the inverse of the strength, with the best accuracy on the validation rows."""
    scores: Scores


def baselines(parts: Split[L]) -> list[Baseline]:
    """10,000 words, and 20,000 words and pairs, measured on `measured_part(parts)`."""
    return [
        bag_of_words("10,000 words", parts, features=10_000, longest=1),
        bag_of_words("20,000 words and pairs", parts, features=20_000, longest=2),
    ]


def bag_of_words(name: str, parts: Split[L], *, features: int, longest: int) -> Baseline:
    """Logistic regression on the `features` most frequent runs of up to `longest` words, each present or not."""
    with progress(f"logistic regression on {name}", "fits", len(_REGULARISATIONS)) as counted:
        fits = [(_fitted(parts.train, features, longest, c), c) for c in counted(_REGULARISATIONS)]
    # The first of equals: the strongest regularisation.
    model, c = max(fits, key=lambda fit: _scored(fit[0], parts.validation).accuracy)
    if parts.test:
        model = _fitted([*parts.train, *parts.validation], features, longest, c)
    held = measured_part(parts)
    return Baseline(name, features, longest, c, _scored(model, held))


def measured_part(parts: Split[L]) -> list[L]:
    """The test rows; where none are kept apart, the validation rows, which flatter whatever was chosen by them."""
    return parts.test or parts.validation


def scores(told: Sequence[str], labels: Sequence[str]) -> Scores:
    """Scores of the labels `told`, which may be any text, against the true `labels`; as many of each."""
    macro_f1 = f1_score(labels, told, labels=sorted(set(labels)), average="macro", zero_division=0.0)
    return Scores(len(labels), round(float(accuracy_score(labels, told)), 6), round(float(macro_f1), 6))


def beside_baselines(parts: Split[L], model: Scores, say: Callable[[str], None] = say) -> dict[str, Any]:
    """What `run.json` gets: scores on `measured_part(parts)` of the model and the baselines; `say` is told a table."""
    found = baselines(parts)
    part = "test" if parts.test else "validation"
    say(table(found, model, part))
    return {"test": {"part": part, **asdict(model)}, "baselines": [asdict(baseline) for baseline in found]}


def table(found: Sequence[Baseline], model: Scores, part: str) -> str:
    """The model and its baselines, one line each."""
    lines = [*((baseline.name, baseline.scores) for baseline in found), ("this model", model)]
    heading = f"{model.rows:,} {part} rows"
    width = max(len(heading), *(len(name) for name, _ in lines))
    rows = [f"{name:{width}}  {one.accuracy:8.4f}  {one.macro_f1:8.4f}" for name, one in lines]
    return "\n".join([f"{heading:{width}}  accuracy  macro F1", *rows])


def _fitted(rows: Sequence[Labelled], features: int, longest: int, c: float) -> Pipeline:
    texts, labels = [row.text for row in rows], [row.label for row in rows]
    if not any(re.search(WORD, text) for text in texts) or len(set(labels)) < 2:
        return make_pipeline(DummyClassifier(strategy="most_frequent")).fit(texts, labels)
    words = CountVectorizer(binary=True, ngram_range=(1, longest), max_features=features, token_pattern=WORD)
    return make_pipeline(words, LogisticRegression(C=c, max_iter=_MOST_ITERATIONS)).fit(texts, labels)


def _scored(model: Pipeline, rows: Sequence[Labelled]) -> Scores:
    told = model.predict([row.text for row in rows])
    return scores([str(label) for label in told], [row.label for row in rows])

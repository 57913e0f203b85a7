"""ROUGE of a text against its reference, by rouge-score with words of any script.

    ROUGE-N   runs of N words that both texts have, each as often as the rarer side has it (Lin 2004, section 2)
    ROUGE-L   the longest common subsequence of words (Lin 2004, section 3.1)
    precision matches / runs (words) of the prediction;  recall  matches / runs (words) of the reference
    F1        2PR / (P + R);  F_beta  (1 + beta²) PR / (R + beta² P), near the recall where beta is large

All are 0 where there is nothing to divide by: a text of one word has no ROUGE-2. Punctuation is not counted, so "Large
language models are very important for text processing." has 9 words; see `eval.words`. On ASCII the figures are those
of rouge-score's own tokenizer without stemming.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from assistant.errors import InputError
from eval.words import rouge_words

BETA = 8.0
LONGEST_RUN = 9
_MOST_CELLS = 9_000_000
"""Of the table that ROUGE-L takes: above it, gigabytes and minutes for one pair of texts."""


@dataclass(frozen=True, slots=True)
class Score:
    """Precision, recall and F1 from 0 to 1; `matches` of `wanted` runs or words of the reference were found."""

    precision: float
    recall: float
    f1: float
    matches: int
    wanted: int

    def f_beta(self, beta: float = BETA) -> float:
        """The F that holds recall for `beta` times as important as precision."""
        return f_beta(self.precision, self.recall, beta)


def f_beta(precision: float, recall: float, beta: float = BETA) -> float:
    """(1 + beta²) PR / (R + beta² P), 0 where both are 0."""
    below = recall + beta**2 * precision
    return (1 + beta**2) * precision * recall / below if below else 0.0


def measure_name(run: int) -> str:
    """`rouge1` for runs of one word; ROUGE-L is `rougeL`."""
    return f"rouge{run}"


def rouge(prediction: str, reference: str, runs: Sequence[int] = (1, 2)) -> dict[str, Score]:
    """The scores under `rouge1`, … for each of `runs`, and `rougeL`.

    Raises InputError where the texts are so long together that ROUGE-L cannot be had, and for a run not of 1 to 9.
    """
    if not all(1 <= run <= LONGEST_RUN for run in runs):
        raise InputError(f"ROUGE-N is for runs of 1 to {LONGEST_RUN} words, not {', '.join(map(str, runs))}")
    said, wanted = rouge_words(prediction), rouge_words(reference)
    if len(said) * len(wanted) > _MOST_CELLS:
        raise InputError(
            f"texts of {len(said):,} and {len(wanted):,} words are too long for ROUGE-L, which takes "
            f"{_MOST_CELLS:,} pairs of words at most; cut both into the same parts"
        )
    found = _scorer(tuple(runs)).score(wanted, said)
    sizes = {measure_name(run): max(len(wanted) - run + 1, 0) for run in runs} | {"rougeL": len(wanted)}
    return {
        name: Score(
            precision=float(found[name].precision),
            recall=float(found[name].recall),
            f1=float(found[name].fmeasure),
            matches=round(found[name].recall * size),
            wanted=size,
        )
        for name, size in sizes.items()
    }


def rouge_l(prediction: str, reference: str) -> float:
    """The F1 of ROUGE-L, from 0 to 1; 0 where a text has no word."""
    return rouge(prediction, reference, runs=())["rougeL"].f1


@cache
def _scorer(runs: tuple[int, ...]) -> Any:
    from rouge_score.rouge_scorer import RougeScorer  # here, because it brings NLTK, which takes seconds

    return RougeScorer([*map(measure_name, runs), "rougeL"], tokenizer=_Words())


class _Words:
    """The tokenizer in the shape that rouge-score asks for: the texts come to it as words already."""

    def tokenize(self, words: list[str]) -> list[str]:
        return words

"""How much of the wording of two texts is the same: token F1 as in SQuAD, and ROUGE-L.

    token F1   2PR / (P + R) over the bag of words both have, in lower case, without punctuation and articles
               (Rajpurkar et al. 2016, SQuAD, section 6.1; two texts without a word: 1, as in SQuAD 2.0)
    ROUGE-L    2PR / (P + R) over the longest common subsequence of words (Lin 2004, section 3, with beta = 1), by
               rouge-score

Words are Unicode's: letters, marks and digits of any script, Chinese and Japanese characters each for itself (the
tokenizer that comes with rouge-score knows a-z and 0-9 only, and gives any other text 0). On ASCII both measures agree
with their originals. Limits: no stemming; Thai and other scripts without spaces are one word a run.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from functools import cache
from typing import Any

_ARTICLES = frozenset({"a", "an", "the"})
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\s\u3040-\u30ff\u3400-\u9fff]+")
_PUNCTUATION = frozenset("PS")
_BETWEEN_WORDS = frozenset("PSZC")


def answer_words(text: str) -> list[str]:
    """The words by which SQuAD compares answers: "The well-to-do farmer!" is `welltodo farmer`."""
    kept = "".join(c for c in _folded(text) if unicodedata.category(c)[0] not in _PUNCTUATION)
    return [word for word in _WORD.findall(kept) if word not in _ARTICLES]


def rouge_words(text: str) -> list[str]:
    """The words by which ROUGE compares texts: "The well-to-do farmer!" is `the well to do farmer`."""
    spaced = (" " if unicodedata.category(c)[0] in _BETWEEN_WORDS else c for c in _folded(text))
    return _WORD.findall("".join(spaced))


def token_f1(prediction: str, reference: str) -> float:
    """From 0 to 1, the same whichever text comes first."""
    said, wanted = answer_words(prediction), answer_words(reference)
    if not said or not wanted:
        return float(said == wanted)
    return 2 * (Counter(said) & Counter(wanted)).total() / (len(said) + len(wanted))


def best_token_f1(prediction: str, references: Iterable[str]) -> float:
    """Against the nearest of `references`, of which there must be one."""
    return max(token_f1(prediction, reference) for reference in references)


def holds_answer(text: str, answer: str) -> bool:
    """Whether the words of `answer` stand in `text` one after another: "7" does not stand in "1787"."""
    words, wanted = answer_words(text), answer_words(answer)
    starts = range(len(words) - len(wanted) + 1) if wanted else ()
    return any(words[start : start + len(wanted)] == wanted for start in starts)


def rouge_l(prediction: str, reference: str) -> float:
    """The F1 of ROUGE-L, from 0 to 1; 0 where a text has no word."""
    return float(_scorer().score(reference, prediction)["rougeL"].fmeasure)


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text.casefold())


@cache
def _scorer() -> Any:
    from rouge_score.rouge_scorer import RougeScorer  # here, because it brings NLTK, which takes seconds

    return RougeScorer(["rougeL"], tokenizer=_Words())


class _Words:
    """The tokenizer in the shape that rouge-score asks for."""

    def tokenize(self, text: str) -> list[str]:
        return rouge_words(text)

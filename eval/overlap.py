"""How much of the wording of two texts is the same: as in SQuAD. For ROUGE see `eval.rouge`.

    exact      the same words in the same order, in lower case, without punctuation and articles
    token F1   2PR / (P + R) over the bag of words both have, in lower case, without punctuation and articles
               (Rajpurkar et al. 2016, SQuAD, section 6.1; two texts without a word: 1, as in SQuAD 2.0)

On ASCII it agrees with its original; `eval.words` says what a word of other scripts is.
"""

from collections import Counter
from collections.abc import Iterable

from eval.words import answer_words


def exact_match(prediction: str, reference: str) -> bool:
    """Whether both are the same words."""
    return answer_words(prediction) == answer_words(reference)


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

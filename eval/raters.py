"""Signs that scores say little: raters who keep to the middle, and raters who seem to answer without reading.

A sign is a reason to look at the ratings, no proof: good systems earn the same score everywhere, and a rater who alone
reads with care disagrees with all others. `RULES` states each sign as it is computed, to be checked by hand.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from eval.bootstrap import Codes, Flags, Floats
from eval.likert_file import Scores

_ENOUGH_SCORES = 20
_ENOUGH_TEXTS = 10
_ASPECTS = 3
_ZEROS, _ENDS = 0.6, 0.05
_SAME_SHARE = 0.9
MOST_REPORTED = 100
RULES = {
    "central_tendency": f"of at least {_ENOUGH_SCORES} scores, {_ZEROS:.0%} or more are 0 and {_ENDS:.0%} or fewer are "
    "-2 or 2",
    "same_score": f"all of at least {_ENOUGH_SCORES} scores are one and the same",
    "straight_lining": f"of at least {_ENOUGH_TEXTS} texts scored on {_ASPECTS} aspects or more, {_SAME_SHARE:.0%} or "
    "more have the same score on all aspects",
    "against_all_others": f"over at least {_ENOUGH_SCORES} scores that two others gave too, Pearson's correlation "
    "with the mean of the others is 0 or below",
}


@dataclass(frozen=True, slots=True)
class Sign:
    """A sign found in the scores of a rater; `value` is what its rule speaks of, `of` over how many scores or texts."""

    rater: str
    sign: str
    value: float
    of: int


def keeps_to_the_middle(distribution: dict[str, int]) -> bool:
    """Whether scores, counted by their value from "-2" to "2", show central tendency."""
    number = sum(distribution.values())
    ends = distribution["-2"] + distribution["2"]
    return number >= _ENOUGH_SCORES and distribution["0"] >= _ZEROS * number and ends <= _ENDS * number


def signs(scores: Scores) -> tuple[list[Sign], int]:
    """The signs found, `MOST_REPORTED` at most, in the order of `RULES`, and how many there are in all."""
    found = [
        (name, rater, float(value[rater]), int(of[rater]))
        for name, (sign, value, of) in zip(RULES, _all(scores), strict=True)
        for rater in np.flatnonzero(sign)
    ]
    raters = scores.names["rater"]
    return [Sign(raters[rater], name, value, of) for name, rater, value, of in found[:MOST_REPORTED]], len(found)


def _all(scores: Scores) -> Iterator[tuple[Flags, Floats, Codes]]:
    """For each rule, by rater: whether it holds, its value, and over how many."""
    counts = _counts(scores)
    number = counts.sum(axis=1)
    share = counts / np.maximum(number, 1)[:, None]
    ends = share[:, 0] + share[:, -1]
    enough = number >= _ENOUGH_SCORES
    yield enough & (share[:, 2] >= _ZEROS) & (ends <= _ENDS), share[:, 2], number
    yield enough & (share.max(axis=1) == 1), share.max(axis=1), number
    yield _straight(scores)
    yield _against(scores)


def _counts(scores: Scores) -> Codes:
    """How often each rater gave each score: shape (raters, 5)."""
    raters = len(scores.names["rater"])
    counts: Codes = np.bincount(scores.rater * 5 + scores.score + 2, minlength=raters * 5).reshape(raters, 5)
    return counts


def _straight(scores: Scores) -> tuple[Flags, Floats, Codes]:
    raters = len(scores.names["rater"])
    forms, form = np.unique(scores.text() * raters + scores.rater, return_inverse=True)
    number = np.bincount(form)
    # All scores of a form are the same where the mean of the squares is the square of the mean; in whole numbers.
    total, squares = np.bincount(form, weights=scores.score), np.bincount(form, weights=scores.score**2)
    long = number >= _ASPECTS
    same = long & (number * squares == total**2)
    texts, straight = (np.bincount(forms % raters, weights=each, minlength=raters) for each in (long, same))
    share = straight / np.maximum(texts, 1)
    return (texts >= _ENOUGH_TEXTS) & (share >= _SAME_SHARE), share, texts.astype(np.int64)


def _against(scores: Scores) -> tuple[Flags, Floats, Codes]:
    raters = len(scores.names["rater"])
    _, unit = np.unique(scores.text() * len(scores.names["aspect"]) + scores.aspect, return_inverse=True)
    others = (np.bincount(unit) - 1)[unit]
    kept = others >= 2
    rater, own = scores.rater[kept], scores.score[kept].astype(np.float64)
    theirs = (np.bincount(unit, weights=scores.score)[unit][kept] - own) / others[kept]
    number: Codes = np.bincount(rater, minlength=raters).astype(np.int64)
    own, theirs = (each - (_by(rater, each, raters) / np.maximum(number, 1))[rater] for each in (own, theirs))
    spread = np.sqrt(_by(rater, own**2, raters) * _by(rater, theirs**2, raters))
    defined = spread > 1e-9  # a rater who gave one score only is found by another rule
    r = np.divide(_by(rater, own * theirs, raters), spread, out=np.ones(raters), where=defined)
    return (number >= _ENOUGH_SCORES) & defined & (r <= 0), r, number


def _by(rater: Codes, values: Floats, raters: int) -> Floats:
    return np.bincount(rater, weights=values, minlength=raters).astype(np.float64)

"""What scores of a rubric say of systems, and how far they can be trusted; people and models apart.

    mean         of all scores of a system in an aspect, with an interval over items
    comparison   of two systems on the items that both have: the mean over items of the difference of their item means
    Spearman     between two aspects, over what was rated in both (an item as one system made it), by means over raters
    alpha        Krippendorff's, ordinal, of an aspect; what is rated is an item as one system made it

Intervals draw whole items anew, with the scores of all their raters (see `eval.bootstrap`).

Limits: they hold for other items and these raters. Each comparison is by itself: of twenty, one is expected to leave
out 0 by chance. Where systems have different raters, a comparison holds their severity too.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np

from eval.agreement import Alpha, Ratings, krippendorff
from eval.bootstrap import (
    ALIKE,
    CONFIDENCE,
    FEW_GROUPS,
    RESAMPLES,
    TOO_NARROW,
    Codes,
    Floats,
    Interval,
    alike,
    group_sums,
    interval_where_defined,
    resampled_sums,
)
from eval.correlation import Correlation, correlations
from eval.likert_file import KINDS, SCALE, Scores
from eval.raters import RULES, Sign, keeps_to_the_middle, signs


@dataclass(frozen=True, slots=True)
class SystemScore:
    """The scores of a system in an aspect; `distribution` counts them from "-2" to "2"."""

    mean: float
    ci: Interval | None
    scores: int
    items: int
    distribution: dict[str, int]
    note: str | None


@dataclass(frozen=True, slots=True)
class AspectScores:
    """The systems in one aspect, how far its raters agree, and whether they keep to the middle."""

    systems: dict[str, SystemScore]
    alpha: Alpha
    central_tendency: bool


@dataclass(frozen=True, slots=True)
class Compared:
    """The mean of `first` minus that of `second` over their common items; None where they have none."""

    aspect: str
    first: str
    second: str
    items: int
    difference: float | None
    ci: Interval | None
    note: str | None


@dataclass(frozen=True, slots=True)
class LikertReport:
    """All figures of one kind of raters; `signs` are those of `eval.raters`, `signs_in_all` how many there are."""

    scores: int
    raters: int
    items: int
    aspects: dict[str, AspectScores]
    comparisons: list[Compared]
    spearman: list[Correlation]
    signs: list[Sign]
    signs_in_all: int
    notes: list[str]


def measure_likert(scores: Scores, seed: int = 1) -> dict[str, Any]:
    """A LikertReport as a dictionary for `people` and for `models`, None where there are none, and the settings."""
    found: dict[str, Any] = {}
    for name, kind in zip(("people", "models"), KINDS, strict=True):
        rows = scores.of_kind(kind)
        found[name] = asdict(report(rows, seed)) if len(rows.score) else None
    return {**found, "rules": RULES, "seed": seed, "confidence": CONFIDENCE, "resamples": RESAMPLES}


def report(scores: Scores, seed: int) -> LikertReport:
    """The figures of `scores`, of which there must be one."""
    names = scores.names["aspect"]
    aspects: dict[str, AspectScores] = {}
    comparisons: list[Compared] = []
    for number in np.unique(scores.aspect):
        rows = scores.only(scores.aspect == number)
        aspects[names[number]], compared = _aspect(rows, names[number], seed)
        comparisons += compared
    found, in_all = signs(scores)
    return LikertReport(
        scores=len(scores.score),
        raters=len(np.unique(scores.rater)),
        items=len(np.unique(scores.item)),
        aspects=aspects,
        comparisons=comparisons,
        spearman=list(correlations(scores)),
        signs=found,
        signs_in_all=in_all,
        notes=list(_notes(scores)),
    )


def _notes(scores: Scores) -> Iterator[str]:
    if len(np.unique(scores.rater)) == 1:
        yield "there is one rater, so nothing says how far raters agree"
    if len(np.unique(scores.system)) == 1:
        yield "there is one system, so there is nothing to compare it with"
    if len(np.unique(scores.aspect)) == 1:
        yield "there is one aspect, so there is no correlation between aspects"


def _aspect(rows: Scores, aspect: str, seed: int) -> tuple[AspectScores, list[Compared]]:
    numbers, system = np.unique(rows.system, return_inverse=True)
    names = [rows.names["system"][number] for number in numbers]
    sums, counts = _cells(rows, system)
    pairs = list(combinations(range(len(names)), 2))
    figures = [
        *(_Figure(sums[:, place], counts[:, place]) for place in range(len(names))),
        *(_difference(sums, counts, one, other) for one, other in pairs),
    ]
    drawn = iter(_with_intervals(figures, seed))
    systems = {name: _system(rows.score[system == place], next(drawn)) for place, name in enumerate(names)}
    compared = [Compared(aspect, names[one], names[other], *next(drawn)) for one, other in pairs]
    middle = keeps_to_the_middle(_distribution(rows.score))
    return AspectScores(systems, _alpha(rows, seed), middle), compared


@dataclass(frozen=True, slots=True)
class _Figure:
    """A ratio of two sums over items: each has an entry an item."""

    above: Floats
    below: Floats


_Found = tuple[int, float | None, Interval | None, str | None]
"""Over how many items, the figure, its interval, and a note."""


def _with_intervals(figures: Sequence[_Figure], seed: int) -> Iterator[_Found]:
    """Every figure with its interval; all from the same resamples of the items."""
    columns = np.column_stack([column for figure in figures for column in (figure.above, figure.below)])
    parts = group_sums(columns, np.arange(len(columns)), seed)
    drawn = resampled_sums(parts, seed)
    for place, figure in enumerate(figures):
        items = int((figure.below > 0).sum())
        above, below = drawn[:, 2 * place], drawn[:, 2 * place + 1]
        whole = float(figure.above.sum() / figure.below.sum()) if items else None
        ratios = np.divide(above, below, out=np.full(len(below), np.nan), where=below > 0)
        ci = interval_where_defined(ratios) if items > 1 else None
        yield items, whole, ci, _note(items, ci, ratios)


def _note(items: int, ci: Interval | None, drawn: Floats) -> str | None:
    if not items:
        return "the two have no item in common"
    if items == 1:
        return "there is one item, so nothing says how others would be rated"
    if ci is None and alike(drawn):
        return ALIKE
    if ci is None:
        return "so few of the items count here that other items might leave none"
    return TOO_NARROW if items <= FEW_GROUPS else None


def _cells(rows: Scores, system: Codes) -> tuple[Floats, Floats]:
    """The sum and the number of the scores of each item and system: shape (items, systems)."""
    _, item = np.unique(rows.item, return_inverse=True)
    shape = (int(item.max()) + 1, int(system.max()) + 1)
    cell = item * shape[1] + system
    size = shape[0] * shape[1]
    sums = np.bincount(cell, weights=rows.score, minlength=size).astype(np.float64)
    return sums.reshape(shape), np.bincount(cell, minlength=size).astype(np.float64).reshape(shape)


def _difference(sums: Floats, counts: Floats, one: int, other: int) -> _Figure:
    """The differences of the item means, where both systems have scores."""
    both = (counts[:, one] > 0) & (counts[:, other] > 0)
    means = [np.divide(sums[:, it], counts[:, it], out=np.zeros(len(sums)), where=both) for it in (one, other)]
    return _Figure(means[0] - means[1], both.astype(np.float64))


def _system(score: Codes, found: _Found) -> SystemScore:
    items, _, ci, note = found
    return SystemScore(float(score.mean()), ci, len(score), items, _distribution(score), note)


def _distribution(score: Codes) -> dict[str, int]:
    return {str(value): int((score == value).sum()) for value in SCALE}


def _alpha(rows: Scores, seed: int) -> Alpha:
    if len(np.unique(rows.rater)) == 1:
        return Alpha(None, None, "there is one rater, so there is nobody to agree with")
    texts, text = np.unique(rows.text(), return_inverse=True)
    _, items = np.unique(texts // len(rows.names["system"]), return_inverse=True)
    return krippendorff(Ratings(text, rows.score + 2, items, np.array(SCALE, dtype=np.float64)), "ordinal", seed)

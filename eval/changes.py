"""What changed beyond chance: every figure of every model against the first model's, judged together.

Each comparison comes with an interval of its own, and with a p value from random swaps (`eval.paired`) or, for ratings,
from their standard error. So many comparisons find a difference by chance alone: of twenty, one at 95 %. The word is
therefore given by p values as Holm (1979, Scand. J. Statist. 6, 65-70) corrects them, over all comparisons of a report:
the chance that a single "better" or "worse" in it is mere chance stays below 5 %, however figures hang together.

    better, worse           the corrected p is below 0.05, and which of the two by where the figure is good
    no difference shown     it is not: the two may differ by as much as the interval says
    cannot be said          there is nothing to compare: no common items, no votes that connect the two

An interval can leave out 0 where the word is "no difference shown": it stands alone, the word allows for the others.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from eval.bootstrap import Interval
from eval.paired import Change, holm

LEVEL = 0.05
METHOD = (
    "Each difference has a 95 % interval of its own (paired bootstrap over groups that belong together; for ratings by "
    "their standard error). The word goes by p values from random swaps between the two (for ratings from the standard "
    "error, or the sign test where all battles went one way), corrected for the number of comparisons by Holm's method "
    "(1979, Scandinavian Journal of Statistics 6, 65-70): the chance of even one wrong word is below 5 %."
)
Verdict = Literal["better", "worse", "no difference shown", "cannot be said"]


@dataclass(frozen=True, slots=True)
class Compared:
    """One figure of `other` less that of `baseline`; `p` is None where nothing can be said.

    `note` says why there is no interval where that needs saying.
    """

    part: str
    metric: str
    baseline: str
    other: str
    difference: float | None
    ci: Interval | None
    p: float | None
    lower_is_better: bool = False
    note: str | None = None


def compared(
    part: str, metric: str, baseline: str, other: str, change: Change, *, lower_is_better: bool = False
) -> Compared:
    """A comparison as `eval.paired` made it."""
    return Compared(part, metric, baseline, other, change.value, change.ci, change.p, lower_is_better)


def judged(comparisons: Sequence[Compared]) -> dict[str, Any]:
    """All comparisons as plain values with their words, how many there are, and how they were judged."""
    told = [each for each in comparisons if each.p is not None]
    corrected = dict(zip(map(id, told), holm([each.p or 0.0 for each in told]), strict=True))
    return {
        "comparisons": len(told),
        "level": LEVEL,
        "method": METHOD,
        "rows": [_row(each, corrected.get(id(each))) for each in comparisons],
    }


def _row(each: Compared, corrected: float | None) -> dict[str, Any]:
    return {
        "part": each.part,
        "metric": each.metric,
        "baseline": each.baseline,
        "other": each.other,
        "difference": each.difference,
        "ci": each.ci,
        "p": each.p,
        "p_corrected": corrected,
        "good_is": "lower" if each.lower_is_better else "higher",
        "verdict": _verdict(each, corrected),
        "note": each.note,
    }


def _verdict(each: Compared, corrected: float | None) -> Verdict:
    if corrected is None or each.difference is None:
        return "cannot be said"
    if corrected >= LEVEL or not each.difference:
        return "no difference shown"
    return "better" if (each.difference > 0) != each.lower_is_better else "worse"

"""The comparisons that the records of a home give: ratings of battles, and scores of forms, people and models apart.

The first contestant of a session, or the first system of a form, is the baseline of the others.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from scipy.stats import norm

from eval.battles import Battles
from eval.bootstrap import Flags, Floats
from eval.changes import Compared, compared
from eval.leaderboard import above
from eval.leaderboard import compared as apart
from eval.likert_file import Scores
from eval.paired import Paired, Sums
from eval.rating_intervals import Z
from eval.ratings import Ratings, Settings, rate

ONE_WAY = "all battles that connect the two went one way: a weak ridge alone keeps the difference finite"


def of_battles(part: str, battles: Battles, contestants: Sequence[str], settings: Settings) -> Iterator[Compared]:
    """Rating points of each contestant over the first; `contestants` are all, in the order of the session."""
    ratings = rate(battles, settings)
    sure = above(ratings.pairs, ratings.intervals, ratings.linked)
    baseline, *others = contestants
    for other in others:
        known = baseline in battles.names and other in battles.names
        names = (baseline, other)
        yield _rating(part, ratings, sure, names) if known else _unknown(part, "rating", names)


def of_scores(part: str, scores: Scores, systems: Sequence[str], seed: int) -> Iterator[Compared]:
    """Item means of each system over the first, aspect by aspect, on the items that both have."""
    baseline, *others = systems
    for number in np.unique(scores.aspect):
        rows, aspect = scores.only(scores.aspect == number), scores.names["aspect"][number]
        for other in others:
            yield _scores(part, rows, aspect, (baseline, other), seed)


def _rating(part: str, ratings: Ratings, sure: Flags, names: tuple[str, str]) -> Compared:
    one, two = (ratings.battles.names.index(name) for name in names)
    if ratings.linked.group[one] != ratings.linked.group[two]:
        return _unknown(part, "rating", names)
    better, worse = (one, two) if ratings.fit.theta[one] > ratings.fit.theta[two] else (two, one)
    found = apart(ratings.pairs, ratings.fit, ratings.linked, better, worse, ratings.draws, sure)
    value = found.difference if better == two else -found.difference
    if found.se is None:  # one side won all that connects the two: there is no finite estimate, so no interval
        p = _sign_test(ratings, one, two)
        return Compared(part, "rating", *names, difference=value, ci=None, p=p, note=ONE_WAY)
    p = 2 * float(norm.sf(abs(value) / found.se)) if found.se else 1.0
    ci = (value - Z * found.se, value + Z * found.se)
    return Compared(part, "rating", *names, difference=value, ci=ci, p=p)


def _sign_test(ratings: Ratings, one: int, two: int) -> float | None:
    """Two-sided, of the independent judgements of the battles that the two fought (`eval.units`).

    None where they never met, or where not all battles went one way.
    """
    won, units = ratings.pairs.won(), int(ratings.pairs.units()[one, two])
    return None if not units or min(won[one, two], won[two, one]) else float(min(1.0, 2 * 0.5**units))


def _unknown(part: str, metric: str, names: tuple[str, str]) -> Compared:
    return Compared(part, metric, *names, difference=None, ci=None, p=None)


def _scores(part: str, rows: Scores, aspect: str, names: tuple[str, str], seed: int) -> Compared:
    means = [_item_means(rows, name) for name in names]
    both = np.isfinite(means[0]) & np.isfinite(means[1])
    if not both.any():
        return _unknown(part, aspect, names)
    sums: list[Sums] = [{"mean": (mean[both].tolist(), [1.0] * int(both.sum()))} for mean in means]
    change = Paired(sums, range(int(both.sum())), seed).changes(1, 0)["mean"]
    return compared(part, aspect, *names, change)


def _item_means(rows: Scores, system: str) -> Floats:
    """The mean score of each item, NaN where the system has none of it."""
    own = rows.only(rows.system == rows.names["system"].index(system)) if system in rows.names["system"] else None
    items = len(rows.names["item"])
    if own is None:
        return np.full(items, np.nan)
    counts = np.bincount(own.item, minlength=items).astype(float)
    sums = np.bincount(own.item, weights=own.score, minlength=items)
    means: Floats = np.divide(sums, counts, out=np.full(items, np.nan), where=counts > 0)
    return means

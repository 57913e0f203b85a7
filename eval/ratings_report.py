"""Ratings as one object for `--json`, the page and files: numbers by the models' names, and what cannot be said.

Nothing that is not a number is written as one: an end of an interval that is open, or a figure that the votes do not
give, is None.
"""

import itertools
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from eval.battles import Floats
from eval.connections import Connections
from eval.leaderboard import SWEEP, above, compared, ranks, tier
from eval.rating_intervals import CONFIDENCE, TAIL, only_ties
from eval.ratings import Ratings

FEW_CLUSTERS = 12
"""Of fewer prompts or raters the percentiles are too narrow."""


def report(ratings: Ratings) -> dict[str, Any]:
    """All that `footnote eval elo` says; `elo` and `bradley_terry` hold the models group by group, the best first."""
    names = ratings.battles.names
    order = [int(model) for model in ratings.order()]
    return {
        "elo": {names[model]: float(ratings.elo[model]) for model in order},
        "bradley_terry": {names[model]: row for model, row in zip(order, _rows(ratings, order), strict=True)},
        "elo_order": _order(ratings, order),
        "groups": _groups(ratings, order),
        "neighbours": _neighbours(ratings, order),
        "win_rates": _win_rates(ratings, order),
        "effects": {name: effect and asdict(effect) for name, effect in ratings.effects.found.items()},
        "adjusted": _adjusted(ratings, order),
        "votes": len(ratings.battles.score),
        "clusters": ratings.clusters,
        "settings": {**asdict(ratings.settings), "confidence": CONFIDENCE, "davidson_log_nu": ratings.fit.log_nu},
        "notes": notes(ratings),
    }


def worth(effect: Mapping[str, Any], digits: int = 0) -> str:
    """What one of `effects` says, in words that follow its name: how many points it is worth."""
    low, high = effect["ci"]
    if low is None or high is None:
        end, words = (high, "or less") if low is None else (low, "or more")
        return f"is worth {end:+.{digits}f} points {words}, for one side won every battle"
    return f"is worth {effect['points']:+.{digits}f} points ({low:+.{digits}f} to {high:+.{digits}f})"


def _groups(ratings: Ratings, order: list[int]) -> list[list[str]]:
    names, group = ratings.battles.names, ratings.linked.group
    return [[names[model] for model in order if group[model] == number] for number in range(ratings.linked.groups)]


def _rows(ratings: Ratings, order: list[int]) -> list[dict[str, Any]]:
    found, won = ratings.intervals, ratings.pairs.won()
    rank, flags = ranks(above(ratings.pairs, found, ratings.linked)), _flags(ratings)
    votes = (won + won.T).sum(axis=1)
    return [
        {
            "rating": float(found.ratings[model]),
            "ci": _ends(found.ci[model]),
            "se": _number(found.se[model]),
            "widest_ci": _ends(found.widest[model]),
            "bootstrap": {way: _ends(ends[model]) for way, ends in found.bootstrap.items()},
            "rank": int(rank[model]),
            "group": int(ratings.linked.group[model]) + 1,
            "flag": flags[model],
            **asdict(tier(_width(ratings, model), round(votes[model]))),
            "battles": round(votes[model]),
            "score": float(won[model].sum() / votes[model]),
        }
        for model in order
    ]


def _width(ratings: Ratings, model: int) -> float:
    """Half of the interval; infinite where the rating is held by the ridge."""
    low, high = ratings.intervals.widest[model]
    return float(high - low) / 2 if ratings.linked.anchor[model] else np.inf


def _flags(ratings: Ratings) -> list[str | None]:
    """What sets a model apart from those whose rating is an ordinary estimate."""
    won, linked = ratings.pairs.won(), ratings.linked
    flags: list[str | None] = []
    for model, ties in enumerate(only_ties(ratings.pairs, ratings.linked)):
        if not won[:, model].any():
            flags.append("undefeated")
        elif not won[model].any():
            flags.append("winless")
        elif not linked.anchor[model]:
            flags.append("split")
        else:
            flags.append("only ties" if ties else None)
    return flags


def _order(ratings: Ratings, order: list[int]) -> dict[str, Any]:
    low, high = np.quantile(ratings.orders, (TAIL, 1 - TAIL), axis=0)
    spread = {
        ratings.battles.names[model]: {
            "mean": float(ratings.orders[:, model].mean()),
            "sd": float(ratings.orders[:, model].std()),
            "low": float(low[model]),
            "high": float(high[model]),
        }
        for model in order
    }
    return {"depends_on_order": True, "shuffles": len(ratings.orders), "spread": spread}


def _neighbours(ratings: Ratings, order: list[int]) -> list[dict[str, Any]]:
    names, linked = ratings.battles.names, ratings.linked
    sure = above(ratings.pairs, ratings.intervals, linked)
    found = []
    for better, worse in itertools.pairwise(order):
        if linked.group[better] == linked.group[worse]:
            apart = compared(ratings.pairs, ratings.fit, linked, better, worse, ratings.draws, sure)
            found.append({"better": names[better], "worse": names[worse], **asdict(apart)})
    return found


def _win_rates(ratings: Ratings, order: list[int]) -> dict[str, Any]:
    """Rows against columns: the share of the score that the row's model took, None where the two never met."""
    won = ratings.pairs.won()[np.ix_(order, order)]
    met = won + won.T
    share = [[_number(x / n) if n else None for x, n in zip(*rows, strict=True)] for rows in zip(won, met, strict=True)]
    return {
        "names": [ratings.battles.names[model] for model in order],
        "share": share,
        "battles": [[round(n) for n in row] for row in met],
    }


def _adjusted(ratings: Ratings, order: list[int]) -> dict[str, float] | None:
    adjusted = ratings.effects.adjusted
    return None if adjusted is None else {ratings.battles.names[model]: float(adjusted[model]) for model in order}


def notes(ratings: Ratings) -> list[str]:
    """What a reader of the figures must know, in sentences."""
    said = ["Elo depends on the order of the battles; the Bradley-Terry ratings do not, and are the record."]
    if ratings.linked.groups > 1:
        said.append(
            f"No battle connects the {ratings.linked.groups} groups of models: each has its own mean of 1500, "
            "and its ratings and ranks say nothing of the others'."
        )
    said += _split_notes(ratings.linked, _flags(ratings))
    for way, number in ratings.clusters.items():
        if number == 1:
            said.append(f"There is one {way} only: nothing can be said of other {way}s.")
        elif number < FEW_CLUSTERS:
            said.append(f"There are {number} {way}s only: intervals by {way} are too narrow.")
    said += _sweep_notes(ratings)
    said += [
        f"The effect of {name} cannot be told from the ratings in these battles."
        for name, effect in ratings.effects.found.items()
        if effect is None
    ]
    if ratings.effects.always and len(ratings.battles.score) > 1:
        said.append(
            f"The {ratings.effects.always} side won every battle: the votes may tell of the sides, not of the models."
        )
    if ratings.battles.columns_not_read:
        said.append(f"Columns not read: {', '.join(ratings.battles.columns_not_read)}.")
    return said


def _split_notes(linked: Connections, flags: list[str | None]) -> list[str]:
    said = []
    if not linked.anchor.all():
        said.append(
            "The votes put no limit to how far some models lie above or below others (undefeated, winless or split): "
            "their ratings are held by a weak ridge alone; read the ends of their intervals."
        )
    if "only ties" in flags:
        said.append("Of some models nothing but ties is known; their intervals are upper bounds.")
    return said


def _sweep_notes(ratings: Ratings) -> list[str]:
    """Of two whose battles all went one way, though by too few prompts or raters to say so."""
    won, units = ratings.pairs.won(), ratings.pairs.units()
    if not ((won >= SWEEP) & (won.T == 0) & (units < SWEEP)).any():
        return []
    return [
        "Where one of two models won every battle between them, these count as often as there were prompts or raters, "
        f"whichever are fewer; under {SWEEP} do not tell the two apart."
    ]


def _ends(ends: Floats) -> list[float | None] | None:
    """Both ends; None where nothing can be said."""
    return None if np.isnan(ends).any() else [_number(end) for end in ends]


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None

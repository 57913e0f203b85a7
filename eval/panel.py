"""A panel of three models labels texts: the majority's label, and a person's turn where there is none.

    {"text": "…"}
    {"text": "…", "label": "joy", "to_person": false, "votes": {"one": "joy", "two": "joy", "three": null}}

A vote that could not be read is null: it counts as one that is missing, so that two unreadable votes leave no majority.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from assistant.engine.engine import Engine
from assistant.errors import InputError
from assistant.rows import Row, read_rows
from eval.judge import label_choices
from eval.judge_figures import Rated, alpha_of, share_interval

JUDGES = 3
_MAJORITY = 2


def check_panel(labels: Sequence[str], judges: Sequence[str]) -> None:
    """Raises InputError unless there are labels that can be told apart, and three different judges."""
    label_choices(labels)
    if len(judges) != JUDGES:
        raise InputError(f"--judge: a panel has {JUDGES} judges, not {len(judges)}; give --judge MODEL three times")
    for judge in judges:
        if judges.count(judge) > 1:
            raise InputError(f"--judge: {judge!r} is named twice, and would have two votes; name three different ones")


def check_judges(judges: Mapping[str, Engine]) -> None:
    """Raises InputError where two judges are one checkpoint by its hash, or one model of a server by its address."""
    known: dict[str, str] = {}
    for name, engine in judges.items():
        if (other := known.setdefault(engine.checkpoint, name)) != name:
            raise InputError(
                f"--judge: {other!r} and {name!r} are the same checkpoint, and would have two votes; "
                "name three different ones"
            )


def read_texts(path: Path) -> list[Row]:
    """The rows of JSON lines with a `text` and no label. Raises InputError, which names file and line."""
    rows = list(read_rows(path))
    if not rows:
        raise InputError(f'{path}: no row; write JSON lines of {{"text": …}}')
    for row in rows:
        row.text("text")
        if row.values.get("label") is not None:
            raise InputError(f"{row.place}: has a 'label' already; leave labelled rows out, or set it to null")
    return rows


def majority(votes: Iterable[str | None]) -> str | None:
    """The label of two votes or more; None without one."""
    counts = Counter(vote for vote in votes if vote is not None).most_common(1)
    return counts[0][0] if counts and counts[0][1] >= _MAJORITY else None


def panel_report(rows: Sequence[Mapping[str, Any]], labels: Sequence[str], seed: int = 1) -> dict[str, Any]:
    """Counts, and how far the judges agree: all three by alpha, and each two by the share of equal votes and alpha."""
    judges = list(rows[0]["votes"])
    counts = Counter(row["label"] for row in rows)
    alpha = alpha_of(_rated(rows, judges, labels), "nominal", seed)
    return {
        "rows": len(rows),
        "labelled": sum(row["label"] is not None for row in rows),
        "to_person": sum(row["to_person"] for row in rows),
        "labels": {label: counts[label] for label in labels},
        "unreadable": {judge: sum(row["votes"][judge] is None for row in rows) for judge in judges},
        "alpha": alpha.alpha,
        "ci": alpha.ci,
        "note": alpha.note,
        "pairs": [_pair(rows, pair, labels, seed) for pair in combinations(judges, 2)],
        "seed": seed,
    }


def _pair(rows: Sequence[Mapping[str, Any]], pair: tuple[str, str], labels: Sequence[str], seed: int) -> dict[str, Any]:
    both = [votes for votes in (_votes(row, pair) for row in rows) if None not in votes]
    equal = np.array([float(one == other) for one, other in both])
    alpha = alpha_of(_rated(rows, pair, labels), "nominal", seed)
    return {
        "judges": pair,
        "compared": len(both),
        "equal": float(equal.mean()) if both else None,
        "equal_ci": share_interval(equal, np.arange(len(equal)), seed) if both else None,
        "alpha": alpha.alpha,
        "ci": alpha.ci,
        "note": alpha.note,
    }


def _rated(rows: Sequence[Mapping[str, Any]], judges: Sequence[str], labels: Sequence[str]) -> list[Rated]:
    return [
        Rated(number, number, labels.index(vote))
        for number, row in enumerate(rows)
        for vote in _votes(row, judges)
        if vote is not None
    ]


def _votes(row: Mapping[str, Any], judges: Sequence[str]) -> list[str | None]:
    return [row["votes"][judge] for judge in judges]

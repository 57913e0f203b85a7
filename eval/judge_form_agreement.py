"""How far judges score the texts of a form as people do; see `eval.judge_agreement`."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any

import numpy as np

from eval.correlation import spearman
from eval.forms import Form, find_form
from eval.judge_figures import Rated, alpha_of
from eval.judge_records import first_places, made_by_judge, spoken_of
from retrieval.database import Database

_NOTHING_SHARED = "no text was scored by both people and this judge"
_NO_RHO = "Spearman's rho takes three texts, and scores that are not all the same"


def form_agreement(db: Database, name: str, seed: int) -> dict[str, Any]:
    """`judges` by name, each with its aspects."""
    form = find_form(db, name)
    rows = db.all(
        "SELECT items.number, items.name, scores.rater, kind, aspect, score FROM scores"
        " JOIN items ON items.session_id = scores.session_id AND items.number = scores.item"
        " JOIN raters ON raters.name = scores.rater WHERE scores.session_id = ? ORDER BY items.number",
        form.id,
    )
    groups = first_places([row[1] for row in rows])
    group_of = {row[0]: groups[row[1]] for row in rows}
    people: dict[tuple[str, int], list[int]] = defaultdict(list)
    models: dict[str, dict[tuple[str, int], int]] = defaultdict(dict)
    for item, _, rater, kind, aspect, score in rows:
        if kind == "person":
            people[aspect, item].append(score)
        else:
            models[rater][aspect, item] = score
    means = {key: mean(scores) for key, scores in people.items()}
    asked = [judge for (judge,) in db.all("SELECT DISTINCT judge FROM judgements WHERE session_id = ?", form.id)]
    return {
        "judges": {
            judge: _of_judge(db, form, judge, models.get(judge, {}), means, group_of, seed)
            for judge in sorted({*asked, *models})
        }
    }


def _of_judge(
    db: Database,
    form: Form,
    judge: str,
    own: Mapping[tuple[str, int], int],
    people: Mapping[tuple[str, int], float],
    group_of: Mapping[int, int],
    seed: int,
) -> dict[str, Any]:
    spoken = spoken_of(db, form.id, judge)
    texts = {each.of for each in spoken} | {item for _, item in own}
    aspects = [aspect.name for aspect in form.rubric.aspects]
    return {
        "texts": len(texts),
        "texts_scored": len({item for _, item in own}),
        "unreadable": sum(each.verdict is None for each in spoken),
        "aspects": {
            name: {
                "unreadable": sum(each.verdict is None and each.part == name for each in spoken),
                **_aspect([key for key in own if key[0] == name and key in people], own, people, group_of, seed),
            }
            for name in aspects
        },
        "notes": made_by_judge(db, form.id, judge),
    }


def _aspect(
    shared: Sequence[tuple[str, int]],
    own: Mapping[tuple[str, int], int],
    people: Mapping[tuple[str, int], float],
    group_of: Mapping[int, int],
    seed: int,
) -> dict[str, Any]:
    if not shared:
        return {"compared": 0, "alpha": None, "ci": None, "spearman": None, "note": _NOTHING_SHARED}
    rated = [Rated(key[1], group_of[key[1]], float(side[key])) for key in shared for side in (own, people)]
    alpha = alpha_of(rated, "ordinal", seed)
    rho = spearman(np.array([float(own[key]) for key in shared]), np.array([float(people[key]) for key in shared]))
    notes = [note for note in (alpha.note, None if rho is not None else _NO_RHO) if note]
    return {
        "compared": len(shared),
        "alpha": alpha.alpha,
        "ci": alpha.ci,
        "spearman": rho,
        "note": "; ".join(notes) or None,
    }

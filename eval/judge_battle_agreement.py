"""How far the judges of a session of battles agree with its people; see `eval.judge_agreement`."""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from eval.judge_figures import Rated, alpha_of, share_interval
from eval.judge_records import Spoken, first_places, made_by_judge, spoken_of
from eval.votes import SCORES, Vote, votes_of
from retrieval.database import Database

Unit = tuple[str, str, str]
"""A prompt and two contestants, in the order of their names."""
_NOTHING_SHARED = "no pair of answers was voted on by both people and this judge"
_TIE = 0.5


def battle_agreement(db: Database, session_id: int, seed: int) -> dict[str, Any]:
    """`judges` by name, `people` among themselves, and for how many pairs an answer is not written yet."""
    votes = votes_of(db, session_id)
    people = _by_unit([vote for vote in votes if vote.kind == "person"])
    majority = {unit: _majority(values) for unit, values in people.items()}
    judges = sorted({vote.rater for vote in votes if vote.kind == "model"})
    return {
        "pairs_without_answers": _without_answers(db, session_id),
        "people": _among_people(people, seed),
        "judges": {
            judge: _of_judge(db, session_id, judge, [vote for vote in votes if vote.rater == judge], majority, seed)
            for judge in judges
        },
    }


def _of_judge(
    db: Database, session_id: int, judge: str, votes: Sequence[Vote], majority: Mapping[Unit, float], seed: int
) -> dict[str, Any]:
    own = {unit: values[0] for unit, values in _by_unit(votes).items()}
    shared = sorted(own.keys() & majority.keys())
    spoken = spoken_of(db, session_id, judge)
    unreadable = sum(vote.winner == "unreadable" for vote in votes)
    notes = made_by_judge(db, session_id, judge)
    if votes and unreadable == len(votes):
        notes.append(f"nothing that {judge} said could be read; it does not follow instructions well enough")
    figures: dict[str, Any] = {"compared": len(shared), "equal": None, "equal_ci": None, "alpha": None, "ci": None}
    if shared:
        figures |= _compared(shared, own, majority, seed)
    else:
        figures["note"] = _NOTHING_SHARED
    return {
        "battles": len(votes),
        "unreadable": unreadable,
        "order": order_effect(spoken),
        **figures,
        "notes": notes,
    }


def _without_answers(db: Database, session_id: int) -> int:
    """Pairs of contestants, over all prompts, of which one at least has not answered."""
    ((contestants,),) = db.all("SELECT count(*) FROM contestants WHERE session_id = ?", session_id)
    rows = db.all(
        "SELECT (SELECT count(*) FROM generations WHERE session_id = prompts.session_id AND prompt = number)"
        " FROM prompts WHERE session_id = ?",
        session_id,
    )
    return sum(math.comb(contestants, 2) - math.comb(answers, 2) for (answers,) in rows)


def _compared(
    shared: Sequence[Unit], own: Mapping[Unit, float], majority: Mapping[Unit, float], seed: int
) -> dict[str, Any]:
    groups = np.unique([unit[0] for unit in shared], return_inverse=True)[1]
    equal = np.array([float(own[unit] == majority[unit]) for unit in shared])
    rated = [
        Rated(number, int(groups[number]), side[unit]) for number, unit in enumerate(shared) for side in (own, majority)
    ]
    alpha = alpha_of(rated, "nominal", seed)
    return {
        "equal": float(equal.mean()),
        "equal_ci": share_interval(equal, groups, seed),
        "alpha": alpha.alpha,
        "ci": alpha.ci,
        "note": alpha.note,
    }


def _among_people(people: Mapping[Unit, Sequence[float]], seed: int) -> dict[str, Any]:
    units = sorted(people)
    groups = first_places([unit[0] for unit in units])
    rated = [Rated(number, groups[unit[0]], value) for number, unit in enumerate(units) for value in people[unit]]
    alpha = alpha_of(rated, "nominal", seed)
    several = sum(len(values) > 1 for values in people.values())
    return {"pairs": len(units), "by_several": several, "alpha": alpha.alpha, "ci": alpha.ci, "note": alpha.note}


def order_effect(spoken: Sequence[Spoken]) -> dict[str, Any]:
    """How often both orders were read, how often they disagree, and which place was then preferred.

    `first_both_times` and `second_both_times` name a place rather than an answer: a bias of position.
    """
    pairs: dict[int, dict[str, str]] = defaultdict(dict)
    for each in spoken:
        if each.verdict is not None:
            pairs[each.of][each.part] = each.verdict
    both = [(found["as shown"], found["swapped"]) for found in pairs.values() if len(found) == 2]
    same = {("A", "B"), ("B", "A"), ("tie", "tie")}
    differ = sum(pair not in same for pair in both)
    return {
        "read": len(both),
        "disagree": differ,
        "share": differ / len(both) if both else None,
        "first_both_times": both.count(("A", "A")),
        "second_both_times": both.count(("B", "B")),
    }


def _by_unit(votes: Sequence[Vote]) -> dict[Unit, list[float]]:
    """The scores of the contestant whose name is first, by prompt and pair; what prefers nothing is left out."""
    found: dict[Unit, list[float]] = defaultdict(list)
    for vote in votes:
        if vote.winner in SCORES:
            score, turned = SCORES[vote.winner], vote.left > vote.right
            pair = (vote.right, vote.left) if turned else (vote.left, vote.right)
            found[vote.prompt, *pair].append(1 - score if turned else score)
    return dict(found)


def _majority(values: Sequence[float]) -> float:
    counts = Counter(values).most_common()
    return counts[0][0] if len(counts) == 1 or counts[0][1] > counts[1][1] else _TIE

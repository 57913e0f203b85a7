"""How contestants did from version to version: the votes of all sessions together, each version a model of its own.

A version is a contestant's name with its settings and the checkpoint that wrote its answers: the same name with other
weights, or told or drawn otherwise, is another version. Versions are rated on one scale where battles connect them, by
common opponents for instance; what no battle connects is not compared (`eval.connections`). A vote that several
sessions hold counts once (`eval.same_votes`), and the same text is one prompt in whatever session it was asked.
"""

from collections import Counter
from dataclasses import dataclass
from itertools import chain, count
from typing import Any

from eval.ratings import Settings, rate
from eval.ratings_report import report
from eval.same_votes import repeated_battles
from eval.votes import Vote, as_battles
from retrieval.database import Database

_SHOWN = 8
"""Characters of a checkpoint's hash that tell versions apart for the eye."""
_QUERY = """
SELECT battles.id, rater, raters.kind, battles.number, prompts.text,
    winner, seconds, probability, voted_at, l.name, l.settings, lg.checkpoint, lg.made_at,
    r.name, r.settings, rg.checkpoint, rg.made_at
FROM votes
    JOIN battles ON battles.id = votes.battle_id
    JOIN sessions ON sessions.id = battles.session_id
    JOIN raters ON raters.name = battles.rater
    JOIN prompts ON prompts.session_id = battles.session_id AND prompts.number = battles.prompt
    JOIN contestants l ON l.session_id = battles.session_id AND l.number = left_contestant
    JOIN contestants r ON r.session_id = battles.session_id AND r.number = right_contestant
    JOIN generations lg ON lg.session_id = battles.session_id
        AND lg.contestant = left_contestant AND lg.prompt = battles.prompt
    JOIN generations rg ON rg.session_id = battles.session_id
        AND rg.contestant = right_contestant AND rg.prompt = battles.prompt
WHERE raters.kind = 'person' ORDER BY voted_at, sessions.name, battles.rater, battles.number
"""


@dataclass(frozen=True, slots=True)
class Version:
    """One version: `label` names it among all, `first_at` is when it first answered."""

    label: str
    name: str
    checkpoint: str
    first_at: str


_Key = tuple[str, str, str]
"""Name, settings and checkpoint."""


def versions_report(db: Database, settings: Settings | None = None) -> dict[str, Any]:
    """The versions in the order in which they came, and their ratings by the votes of people; None without any.

    `votes_left_out` are those that an earlier session holds too.
    """
    repeated = repeated_battles(db)
    found = db.all(_QUERY)
    rows = [row for row in found if row[0] not in repeated]
    labels = _labels(rows)
    votes = [_vote(row, labels) for row in rows]
    battles = as_battles(votes)
    rated = None if battles is None else report(rate(battles, settings or Settings()))
    table = rated["bradley_terry"] if rated else {}
    return {
        "versions": [
            {
                "label": version.label,
                "name": version.name,
                "checkpoint": version.checkpoint,
                "first_at": version.first_at,
                "votes": sum(version.label in (vote.left, vote.right) for vote in votes),
                **{key: table.get(version.label, {}).get(key) for key in ("rating", "widest_ci", "group")},
            }
            for version in sorted(labels.values(), key=lambda version: (version.name, version.first_at, version.label))
        ],
        "votes_left_out": len(found) - len(rows),
        "people": rated,
    }


def _labels(rows: list[Any]) -> dict[_Key, Version]:
    """Names as they are where there is one version of them, else with the hash, and a number where that is taken."""
    first: dict[_Key, str] = {}
    for row in rows:
        for key, made_at in ((row[9:12], row[12]), (row[13:16], row[16])):
            first[key] = min(made_at, first.get(key, made_at))
    versions = Counter(name for name, _, _ in first)
    taken = set(versions)  # a contestant may be called as a version of another would be
    found: dict[_Key, Version] = {}
    for key in sorted(first, key=lambda key: (first[key], key)):
        name, _, checkpoint = key
        label = name if versions[name] == 1 else _free(f"{name} · {checkpoint[:_SHOWN]}", taken)
        taken.add(label)
        found[key] = Version(label, name, checkpoint, first[key])
    return found


def _free(label: str, taken: set[str]) -> str:
    numbered = (f"{label} · {number}" for number in count(2))
    return next(each for each in chain([label], numbered) if each not in taken)


def _vote(row: Any, labels: dict[_Key, Version]) -> Vote:
    battle, rater, kind, number, prompt, winner, seconds, probability, voted_at = row[:9]
    left, right = labels[row[9:12]].label, labels[row[13:16]].label
    return Vote(battle, rater, kind, number, prompt, left, right, winner, seconds, probability, voted_at, None, None)

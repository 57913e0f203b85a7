"""Runs of `footnote eval qa`, `report` and `label` as rows: what was asked, and what came back to each of it.

A run is written when it has ended, in one transaction, so a run that was cut off leaves nothing behind. Its figures are
always computed from the rows that are read back (`eval.qa_runs`, `eval.panel_runs`, `eval.report`), the first time as
in a replay.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from assistant.chatml import Message
from assistant.engine.sampling import Sampling
from assistant.errors import InputError
from assistant.records import now
from retrieval.database import Database

Kind = Literal["qa", "report", "label"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of item `number` of a part; what a model had nothing to do with has no `checkpoint`, `reply` …"""

    part: str
    number: int
    system: str
    outcome: Mapping[str, Any]
    way: str = ""
    checkpoint: str | None = None
    sampling: Sampling | None = None
    messages: Sequence[Message] | None = None
    reply: str | None = None
    latency_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """A run: `settings` are plain values, `items` what was asked, by part; `id` is 0 until it is kept."""

    kind: Kind
    seed: int
    settings: Mapping[str, Any]
    items: Mapping[str, Sequence[Mapping[str, Any]]]
    outcomes: Sequence[Outcome] = ()
    name: str = ""
    id: int = 0
    made_at: str = field(default_factory=now)

    def of(self, part: str, system: str, way: str = "") -> list[Outcome]:
        """The outcomes of one system, in the order of the items."""
        return [each for each in self.outcomes if (each.part, each.system, each.way) == (part, system, way)]


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A run, as it is listed."""

    id: int
    kind: Kind
    name: str
    made_at: str


def keep_run(db: Database, run: Run) -> Run:
    """Write all rows of a run, or none; the run as it is read back."""
    with db.transaction():
        db.all(
            "INSERT INTO runs (kind, name, seed, settings, made_at) VALUES (?, ?, ?, ?, ?)",
            *(run.kind, run.name, run.seed, _json(run.settings), run.made_at),
        )
        ((number,),) = db.all("SELECT last_insert_rowid()")
        db.many(
            "INSERT INTO run_items VALUES (?, ?, ?, ?)",
            ((number, part, at, _json(item)) for part, items in run.items.items() for at, item in enumerate(items)),
        )
        db.many(
            "INSERT INTO run_outcomes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            ((number, *_columns(each)) for each in run.outcomes),
        )
    return read_run(db, number)


def read_run(db: Database, number: int) -> Run:
    """The run `number`. Raises InputError where there is none."""
    rows = db.all("SELECT kind, seed, settings, name, made_at FROM runs WHERE id = ?", number)
    if not rows:
        raise _unknown(number)
    kind, seed, settings, name, made_at = rows[0]
    items = defaultdict(list)
    for part, item in db.all("SELECT part, item FROM run_items WHERE run_id = ? ORDER BY part, number", number):
        items[part].append(json.loads(item))
    outcomes = db.all(
        "SELECT part, number, system, way, checkpoint, sampling, messages, reply, outcome, latency_ms "
        "FROM run_outcomes WHERE run_id = ? ORDER BY part, system, way, number",
        number,
    )
    return Run(
        kind, seed, json.loads(settings), dict(items), [_outcome(*row) for row in outcomes], name, number, made_at
    )


def list_runs(db: Database, kind: Kind | None = None) -> list[RunSummary]:
    """All runs, or those of a kind, the oldest first."""
    rows = db.all("SELECT id, kind, name, made_at FROM runs WHERE ifnull(?, kind) = kind ORDER BY id", kind)
    return [RunSummary(*row) for row in rows]


def remove_run(db: Database, number: int) -> None:
    """Delete the run `number` with all of its rows. Raises InputError where there is none."""
    with db.transaction():
        if not db.all("SELECT 1 FROM runs WHERE id = ?", number):
            raise _unknown(number)
        db.all("DELETE FROM runs WHERE id = ?", number)


def find_report(db: Database, wanted: str) -> Run:
    """The report of that name or number. Raises InputError where there is none, or several are called so."""
    reports = list_runs(db, "report")
    found = [each for each in reports if each.name == wanted] or [each for each in reports if str(each.id) == wanted]
    if len(found) == 1:
        return read_run(db, found[0].id)
    if found:
        numbers = ", ".join(str(each.id) for each in found)
        raise InputError(f"--report: {len(found)} reports are called {wanted!r}; give a number: {numbers}")
    known = ", ".join(f"{each.id} {each.name!r}" for each in reports) or "none yet"
    raise InputError(f"--report: there is no report {wanted!r}; there are: {known}")


def _unknown(number: int) -> InputError:
    return InputError(f"there is no run {number}; `footnote eval runs list` shows those that are there")


def _columns(each: Outcome) -> tuple[object, ...]:
    sampling = None if each.sampling is None else _json(asdict(each.sampling))
    messages = None if each.messages is None else _json([asdict(message) for message in each.messages])
    return (
        *(each.part, each.number, each.system, each.way, each.checkpoint, sampling, messages, each.reply),
        *(_json(each.outcome), each.latency_ms),
    )


def _outcome(
    part: str,
    number: int,
    system: str,
    way: str,
    checkpoint: str | None,
    sampling: str | None,
    messages: str | None,
    reply: str | None,
    outcome: str,
    latency_ms: float | None,
) -> Outcome:
    return Outcome(
        *(part, number, system, json.loads(outcome), way, checkpoint),
        sampling=None if sampling is None else _sampling(json.loads(sampling)),
        messages=None if messages is None else [Message(**message) for message in json.loads(messages)],
        reply=reply,
        latency_ms=latency_ms,
    )


def _sampling(values: dict[str, Any]) -> Sampling:
    return replace(Sampling(**values), stop=tuple(values["stop"]))


def _json(value: Any) -> str:
    """ASCII, so that half a surrogate pair, which JSON may hold, can be kept too."""
    return json.dumps(value)

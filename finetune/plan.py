"""What the steps of a run are steps of: the recipe and the data that it began with, compared when it is resumed.

The plan lies once beside the steps, not in each: a run that begins clears the steps of the one before. What cannot
change a weight may change: where files and output lie, the licences, and how the windows of a step are shared out over
forward passes. So may the minutes of a pretraining, which is often given what time there turns out to be.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from assistant.errors import InputError
from finetune.config import Recipe
from finetune.output import PLAN, read_json, write_plan

_PLACES = ("output", "data.paths", "data.plain_text", "data.home", "data.shards")
_SHARED_OUT = ("training.batch", "training.accumulate")
_FREE = ("training.checkpointing", "training.compile", "training.minutes", "training.save_minutes")
_RESUMED = "resumed"
_NONE = "nothing"


def plan_of(recipe: Recipe, base: str, data: Mapping[str, str], processes: int) -> dict[str, Any]:
    """The plan of a run on `data`, by name the SHA-256 of what is read; `base` is a name that does not move."""
    values = {key: value for key, value in _flat(recipe.as_dict()) if key not in _PLACES}
    values = {key: value for key, value in values.items() if not key.startswith("licences")}
    return {"recipe": {**values, "base": base, "processes": processes}, "data": dict(data)}


def check_resumed(output: Path, plan: Mapping[str, Any]) -> dict[str, Any]:
    """What has changed since the run in `output` began that may: by key, the value then and now.

    InputError for anything else, by the name of the key and both values, or by the name of the file.
    """
    began = read_json(output / PLAN)
    if not began:
        raise InputError(
            f"{output / PLAN}: missing or damaged, so what was trained is not known; start without --resume"
        )
    then, now = began.get("recipe", {}), plan["recipe"]
    _check_data(began.get("data", {}), plan["data"])
    changed = {key: [then.get(key), now.get(key)] for key in {**then, **now} if then.get(key) != now.get(key)}
    free = {*_FREE, *(_SHARED_OUT if _windows(then) == _windows(now) else ())}
    for key, (old, new) in changed.items():
        if key not in free:
            raise InputError(
                f"{key}: the run began with {_shown(old)}, not {_shown(new)}; give it back, or start without --resume"
            )
    return changed


def check_rows(output: Path, rows: str) -> None:
    """Refuse to go on with other rows, whatever they were read from; `rows` is their `fingerprint`."""
    if read_json(output / PLAN).get("rows") != rows:
        raise InputError(
            "data.paths: the rows are not those that the run began with, though its files are (the standard input, a "
            "collection, or how this version renders them); start without --resume"
        )


def note_resumed(output: Path, since: dict[str, Any]) -> None:
    """Add to the plan in `output` from which step on what is done otherwise."""
    write_plan(output, {**read_json(output / PLAN), _RESUMED: [*resumed(output), since]})


def resumed(output: Path) -> list[dict[str, Any]]:
    """What was changed on resuming the run in `output`, in its order."""
    found: list[dict[str, Any]] = read_json(output / PLAN).get(_RESUMED, [])
    return found


def fingerprint(rows: Any) -> str:
    """The SHA-256 of the numbers of all examples of a data set, in their order."""
    digest = hashlib.sha256()
    for index in range(len(rows)):
        for name, value in sorted(rows[index].items()):
            numbers = np.asarray(value, dtype=np.int64)
            digest.update(f"{name} {numbers.shape}".encode())
            digest.update(numbers.tobytes())
    return digest.hexdigest()


def _check_data(then: Mapping[str, str], now: Mapping[str, str]) -> None:
    for name in {**then, **now}:
        if then.get(name) != now.get(name):
            how = "has changed since the run began" if name in then else "was not read when the run began"
            how = how if name in now else "was read when the run began, and is not now"
            raise InputError(f"data: {name} {how}; give the same data, or start without --resume")
    if list(then) != list(now):
        raise InputError(
            f"data: the run began with {', '.join(then)} in this order; keep it, or start without --resume"
        )


def _windows(recipe: Mapping[str, Any]) -> int:
    """Windows of a step."""
    sizes: Sequence[int] = [recipe.get(key, 0) for key in _SHARED_OUT]
    return sizes[0] * sizes[1]


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _shown(value: Any) -> str:
    return _NONE if value in (None, {}, "") else str(value)

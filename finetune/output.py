"""The folder of a run: whose it is, what a run may replace there, and what it takes away again.

A run marks the folder when it begins, by `steps/plan.json`, and lists in `run.json` what it has written. Nothing else
there is ever replaced or deleted.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from assistant.checkpoint import RUN_FILE, find_checkpoint
from assistant.config import read_config
from assistant.errors import InputError
from assistant.rows import STANDARD_INPUT
from finetune.config import Recipe

STEPS = "steps"
"""The folder in the output where the trainer saves what a run can go on from."""
PLAN = f"{STEPS}/plan.json"
METRICS = "metrics.jsonl"
LOSSES = "losses.png"
ADAPTER = "adapter"
TEST_ROWS = "test.jsonl"
FILES = "files"
"""The key of `run.json` and of the plan: names of what a run has written, from the folder on."""
_STEP = "checkpoint-*"
_STATE = "trainer_state.json"
_PLACES = (METRICS, LOSSES, ADAPTER, TEST_ROWS, "model.safetensors", "config.json", "tokenizer.json")
"""Names that a run writes; beside them only what goes with a model and its tokenizer."""
_TORCH_WRITER = "inline_container"
"""The file of PyTorch's source that an error of its writer names."""
_PROBE_BYTES = 2**24


def check_output(recipe: Recipe) -> None:
    """Refuse, before anything is computed or made, a folder that cannot be written, or holds what is not a run's."""
    output = Path(recipe.output)
    nearest = next(folder for folder in (output, *output.absolute().parents) if os.path.lexists(folder))
    if not os.path.isdir(nearest) or not os.access(nearest, os.W_OK | os.X_OK):
        raise InputError(f"output: {nearest} is no folder that can be written; name another")
    _check_apart(output, recipe)
    if output.is_dir() and any(not path.is_dir() for path in output.rglob("*")):
        _check_ours(output)


def _check_apart(output: Path, recipe: Recipe) -> None:
    """Refuse a folder that holds what the recipe reads, or is it: a run writes files of the same names."""
    read = {
        "data.paths": [path for path in recipe.data.paths if path != STANDARD_INPUT],
        "data.plain_text": recipe.data.plain_text,
        "base": [find_checkpoint(recipe.base, read_config().home / "models")] if recipe.base else [],
    }
    place = output.resolve()
    for setting, paths in read.items():
        for path in paths:
            if place in (found := Path(path).resolve(), *found.parents) and os.path.lexists(path):
                raise InputError(f"output: {output} holds {path}, which {setting} names; name a folder apart from it")


def _check_ours(output: Path) -> None:
    if not (output / PLAN).is_file() and not _listed(output / RUN_FILE):
        raise InputError(f"output: {output} is not empty, and no run of this program made it; name a new folder")
    mine = written(output)
    for name in _PLACES:
        if (output / name).exists() and not any(one == name or one.startswith(f"{name}/") for one in mine):
            raise InputError(f"output: {output / name} is not of the run in that folder; move it, or name a new folder")
    if any((output / STEPS).glob(_STEP)) and not (output / PLAN).is_file():
        raise InputError(f"output: {output / STEPS} has steps, but no {PLAN} to say of what; name a new folder")


def written(output: Path) -> set[str]:
    """What runs have written into `output`, apart from their steps; it may be gone again."""
    begun = {METRICS} if (output / PLAN).is_file() else set()
    return begun | _listed(output / PLAN) | _listed(output / RUN_FILE)


def _listed(path: Path) -> set[str]:
    """The files that a record lists; none where it cannot be read, or names places outside its folder."""
    names = read_json(path).get(FILES)
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return set()
    return {name for name in names if not Path(name).is_absolute() and ".." not in Path(name).parts}


def read_json(path: Path) -> dict[str, Any]:
    """The object in the file `path`; an empty one where there is none that can be read."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def begin(output: Path, plan: dict[str, Any]) -> None:
    """Mark the folder with what the run is of; losses and steps of an earlier run go, its checkpoint stays."""
    mine = sorted(written(output))
    with writing_to(output):
        _clear(output)
        (output / STEPS).mkdir(parents=True, exist_ok=True)
        write_plan(output, {**plan, FILES: mine})


def write_plan(output: Path, plan: dict[str, Any]) -> None:
    """Replace the plan."""
    part = output / f"{PLAN}.part"
    part.write_text(json.dumps(plan, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    part.replace(output / PLAN)


@contextmanager
def nothing_left_without_a_step(output: Path) -> Iterator[None]:
    """What stops a run before its first saved step leaves no losses, no plan and no folder that was not there."""
    missing = [folder for folder in (output, *output.parents) if not folder.exists()]
    try:
        yield
    except BaseException:
        if newest_step(output) is None:
            if (output / PLAN).is_file():
                _clear(output)
            _remove_empty([output / STEPS, *missing])
        raise


def _clear(output: Path) -> None:
    """Without losses, steps and plan of a run; anything else in `steps` stays."""
    if not (output / PLAN).is_file():
        if METRICS in _listed(output / RUN_FILE):
            (output / METRICS).unlink(missing_ok=True)
        return
    (output / METRICS).unlink(missing_ok=True)
    for folder in (output / STEPS).glob(_STEP):
        shutil.rmtree(folder, ignore_errors=True)
    (output / PLAN).unlink()
    _remove_empty([output / STEPS])


def _remove_empty(folders: Sequence[Path]) -> None:
    """Remove those that hold nothing, the innermost first."""
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()


def newest_step(output: Path) -> Path | None:
    """The newest step from which a run can go on; one whose saving was cut short is passed over."""
    folders = (path for path in (output / STEPS).glob(_STEP) if path.name.rpartition("-")[2].isdecimal())
    for folder in sorted(folders, key=lambda path: int(path.name.rpartition("-")[2]), reverse=True):
        if is_complete(folder):
            return folder
    return None


def is_complete(folder: Path) -> bool:
    """The trainer writes its state last: where that can be read, the rest is there."""
    return bool(read_json(folder / _STATE))


def go_on(output: Path) -> str:
    """What to do once the reason for which a run stopped is gone."""
    return "run again with --resume" if newest_step(output) else "run again"


def move_in(part: Path, output: Path) -> None:
    """Move the files of the folder `part` into `output`, `run.json` last, in place of those of the run before.

    The record of an earlier run goes first: a folder without one still loads, as any model does, but a save that is cut
    short must not leave new weights beside a record that describes others. Nor are adapters or test rows of the earlier
    run left beside weights that have none.
    """
    names = {str(path.relative_to(part)) for path in part.rglob("*") if path.is_file()}
    earlier = written(output)
    if (output / PLAN).is_file():  # whatever ends this now, the next run knows whose the files are
        write_plan(output, {**read_json(output / PLAN), FILES: sorted(earlier | names)})
    (output / RUN_FILE).unlink(missing_ok=True)
    for name in earlier - names - {METRICS}:
        (output / name).unlink(missing_ok=True)
        with suppress(OSError):
            (output / name).parent.rmdir()
    for name in sorted(names, key=lambda name: name == RUN_FILE):
        (output / name).parent.mkdir(parents=True, exist_ok=True)
        (part / name).replace(output / name)


@contextmanager
def writing_to(output: Path) -> Iterator[None]:
    """Tell a write that failed within, by whatever library, as a refusal that names the setting."""
    try:
        yield
    except (OSError, SafetensorError, RuntimeError) as fault:
        # PyTorch has no error of its own for a file that it could not write; a lost process is no matter of files.
        if isinstance(fault, ConnectionError) or (isinstance(fault, RuntimeError) and _TORCH_WRITER not in str(fault)):
            raise
        raise InputError(
            f"output: {output} cannot be written ({_reason(fault, output)}); make room or name another folder, then "
            f"{go_on(output)}"
        ) from fault


def _reason(fault: Exception, output: Path) -> str:
    """Why a file could not be written, in the words of the system: PyTorch's writer says only where it noticed."""
    told = getattr(fault, "strerror", None)
    if told is None and _TORCH_WRITER in str(fault):
        told = _refusal_to_write(output)
    return told or str(fault).split("\n", 1)[0]


def _refusal_to_write(folder: Path) -> str | None:
    """What the system says to a file of some megabytes in `folder` now; None where it takes it."""
    try:
        with tempfile.TemporaryFile(dir=folder) as probe:
            os.posix_fallocate(probe.fileno(), 0, _PROBE_BYTES)
    except OSError as fault:
        return fault.strerror
    return None

"""Rubrics: what raters score from −2 to 2, with a text for every score, so that a score means the same to all raters.

A rubric is a TOML file:

    title = "Summaries"
    instruction = "Read the source first, …"     what is said to the rater once
    source = true                                whether the source stands beside the text
    [aspects.coherence]                          one table an aspect, in the order of the form; `coherence` is its
    title = "Coherence"                          name in files of scores
    question = "Do the sentences …?"
    [aspects.coherence.points]                   a text for each of -2, -1, 0, 1, 2
    -2 = "A heap of words …"
"""

import tomllib
from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from assistant.errors import InputError
from eval.likert_file import SCALE

SHIPPED_FOLDER = Path(__file__).parent / "rubrics"
_ENDING = ".toml"


@dataclass(frozen=True, slots=True)
class Aspect:
    """One question of a form; `points` has the text of every score."""

    name: str
    title: str
    question: str
    points: dict[int, str]


@dataclass(frozen=True, slots=True)
class Rubric:
    """A form; `source`: whether the rater needs the source beside the text."""

    name: str
    title: str
    instruction: str
    source: bool
    aspects: tuple[Aspect, ...]

    def as_values(self) -> dict[str, Any]:
        """All of it as plain values that JSON takes; `rubric_of` is the inverse."""
        return {**asdict(self), "aspects": [_as_values(aspect) for aspect in self.aspects]}


def rubric_of(values: dict[str, Any]) -> Rubric:
    """The rubric that `Rubric.as_values` wrote. Raises InputError where it did not: records may be of another home."""
    try:
        aspects = [{**each, "points": dict(each["points"])} for each in values["aspects"]]
        rubric = TypeAdapter(Rubric).validate_python({**values, "aspects": aspects})
    except (KeyError, TypeError, ValueError) as fault:
        raise InputError(f"the rubric of the form cannot be read ({str(fault).splitlines()[0]})") from fault
    if not rubric.aspects or any(sorted(aspect.points) != list(SCALE) for aspect in rubric.aspects):
        raise InputError(f"the rubric {rubric.name!r} of the form needs aspects, each with a text from -2 to 2")
    return rubric


def shipped_rubrics() -> tuple[str, ...]:
    """The names of the rubrics that come with the program."""
    return tuple(sorted(path.stem for path in SHIPPED_FOLDER.glob(f"*{_ENDING}")))


def find_rubric(name: str) -> Rubric:
    """A shipped rubric by its name, or one of a file by its path."""
    if name in shipped_rubrics():
        return load_rubric(SHIPPED_FOLDER / f"{name}{_ENDING}")
    if not Path(name).is_file():
        raise InputError(f"no rubric {name!r}; name a TOML file, or one of {', '.join(shipped_rubrics())}")
    return load_rubric(Path(name))


def load_rubric(path: Path) -> Rubric:
    """Read a rubric. Raises InputError, which names the file and the key."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as fault:
        raise InputError(f"{path}: cannot be read ({fault.strerror}); name a rubric, a TOML file") from fault
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise InputError(f"{path}: not a TOML file: {fault}") from fault
    _only(path, "", table, {"title", "instruction", "source", "aspects"})
    aspects = _table(path, "", "aspects", table)
    return Rubric(
        name=path.stem,
        title=_text(path, "", "title", table),
        instruction=_text(path, "", "instruction", table),
        source=_flag(path, "source", table),
        aspects=tuple(_aspect(path, name, aspects) for name in aspects),
    )


def _as_values(aspect: Aspect) -> dict[str, Any]:
    # Pairs: JSON would make texts of the scores, and sort "-1" before "-2".
    return {**asdict(aspect), "points": [[score, text] for score, text in aspect.points.items()]}


def _aspect(path: Path, name: str, aspects: dict[str, Any]) -> Aspect:
    key = f"aspects.{name}"
    if name != name.strip() or not name:
        raise InputError(f"{path}: {key!r} begins or ends with a space, or has no name; write [aspects.name]")
    table = _table(path, "aspects.", name, aspects)
    _only(path, key, table, {"title", "question", "points"})
    points = _table(path, f"{key}.", "points", table)
    _only(path, f"{key}.points", points, set(map(str, SCALE)))
    texts = {score: _text(path, f"{key}.points.", str(score), points) for score in SCALE}
    for score in SCALE[1:]:
        if texts[score] in [texts[lower] for lower in SCALE if lower < score]:
            raise InputError(f"{path}: {key}.points.{score} says the same as a lower score; a rater cannot choose")
    return Aspect(name, _text(path, f"{key}.", "title", table), _text(path, f"{key}.", "question", table), texts)


def _only(path: Path, within: str, table: dict[str, Any], known: Collection[str]) -> None:
    for key in table:
        if key not in known:
            name = f"{within}.{key}" if within else key
            raise InputError(f"{path}: {name} is not known; {within or 'a rubric'} has {', '.join(sorted(known))}")


def _table(path: Path, within: str, key: str, table: dict[str, Any]) -> dict[str, Any]:
    value = table.get(key)
    if not isinstance(value, dict) or not value:
        raise InputError(f"{path}: {within}{key} is missing, empty or no table; write [{within}{key}], its keys below")
    return value


def _text(path: Path, within: str, key: str, table: dict[str, Any]) -> str:
    value = table.get(key)
    if not isinstance(value, str) or not value.strip():
        raise InputError(f'{path}: {within}{key} is missing, empty or no text; write {key} = "…"')
    return value.strip()


def _flag(path: Path, key: str, table: dict[str, Any]) -> bool:
    value = table.get(key)
    if not isinstance(value, bool):
        raise InputError(f"{path}: {key} must be true or false")
    return value

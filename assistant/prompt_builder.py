"""A system prompt from its parts: what stands where a person would otherwise write one long text.

    situation, role, task, output format, constraints, quality criteria, examples, call to action

Each part that is given gets a heading; one that is empty leaves nothing behind. Examples stand in XML tags, with the
reason why they are good or bad beside them, and what they hold is escaped: no example can close its own tag.

Limits: what the model makes of a prompt is for the model; whether it fits a window is checked when it is used.
"""

import json
import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from html import escape
from pathlib import Path
from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError

from assistant.errors import InputError
from retrieval.plaintext import clean

LONGEST_PART = 4_000
"""Characters of a part, an item of a list, or an example."""
LONGEST_TEXT = 20_000
"""Characters of the whole prompt."""
MOST_ITEMS = 40
"""Constraints, criteria, or examples of one kind."""


@dataclass(frozen=True, slots=True)
class Example:
    """A reply as it should be, or should not be, and why. Raises InputError where one of the two is empty."""

    text: str
    reason: str

    def __post_init__(self) -> None:
        for name, value in (("an example's text", self.text), ("an example's reason", self.reason)):
            _check(name, value)
            if not value.strip():
                raise InputError(f"{name} is empty; write it, or leave the whole example out")


@dataclass(frozen=True, slots=True)
class PromptParts:
    """The parts of a prompt. Raises InputError where the task is missing, or a part is too long."""

    task: str
    """What is to be done; the one part that must be there."""
    situation: str = ""
    """Where the reply is read, and by whom."""
    role: str = ""
    """Who the model is to be."""
    output_format: str = ""
    """What the reply looks like."""
    constraints: tuple[str, ...] = ()
    """What it must not do, or must keep to."""
    criteria: tuple[str, ...] = ()
    """What a good reply is measured by."""
    good_examples: tuple[Example, ...] = ()
    bad_examples: tuple[Example, ...] = ()
    call_to_action: str = ""
    """The last words, nearest to the question."""

    def __post_init__(self) -> None:
        if not self.task.strip():
            raise InputError("the task is empty; say in a sentence what the model is to do")
        for part in ("task", "situation", "role", "output_format", "call_to_action"):
            _check(_spoken(part), getattr(self, part))
        for part in ("constraints", "criteria", "good_examples", "bad_examples"):
            _check_list(_spoken(part), getattr(self, part))
        if len(text := self.text()) > LONGEST_TEXT:
            raise InputError(f"the prompt has {len(text):,} characters; at most {LONGEST_TEXT:,} can be used")

    def text(self) -> str:
        """The prompt as the model gets it."""
        sections = (
            _section("Situation", self.situation),
            _section("Role", self.role),
            _section("Task", self.task),
            _section("Output format", self.output_format),
            _section("Constraints", _items(self.constraints)),
            _section("Quality criteria", _items(self.criteria)),
            _section("Examples", _examples(self.good_examples, self.bad_examples)),
            self.call_to_action.strip(),
        )
        return clean("\n\n".join(section for section in sections if section))

    def as_dict(self) -> dict[str, Any]:
        """Plain values without the empty ones, as `parts_of` reads them."""
        return {name: value for name, value in asdict(self).items() if value}


def parts_of(values: object) -> PromptParts:
    """Parts of plain values, as `PromptParts.as_dict` gives them. Raises InputError by the name of the part."""
    if not isinstance(values, dict):
        raise InputError("a prompt must be a table of parts, with a task at least")
    known = [field.name for field in fields(PromptParts)]
    for name in values:
        if name not in known:
            raise InputError(f"a prompt has no part {name!r}; it has {', '.join(known)}")
    if "task" not in values:
        raise InputError("the task is missing; say in a sentence what the model is to do")
    kinds = get_type_hints(PromptParts)
    return PromptParts(**{name: _read(name, kinds[name], value) for name, value in values.items()})


def read_parts(path: Path) -> PromptParts:
    """Parts of a TOML file. Raises InputError that names the file."""
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except OSError as fault:
        raise InputError(f"{path} cannot be read ({fault.strerror}); check the name") from fault
    except UnicodeDecodeError as fault:
        raise InputError(f"{path} is not text in UTF-8; save it as UTF-8") from fault
    except tomllib.TOMLDecodeError as fault:
        raise InputError(f"{path} is not TOML: {fault}") from fault
    try:
        return parts_of(values)
    except InputError as fault:
        raise InputError(f"{path}: {fault}") from fault


def _read(name: str, kind: Any, value: object) -> Any:
    """`value` as the field `name` holds it; lists of TOML and JSON become tuples."""
    try:
        # By way of JSON: tuples from lists, and yet a number is no text.
        return TypeAdapter(kind).validate_json(json.dumps(value), strict=True)
    except (ValidationError, TypeError) as fault:
        where, what = _first(fault)
        raise InputError(f"{_spoken(name)}{where}: {what}") from fault


def _first(fault: ValidationError | TypeError) -> tuple[str, str]:
    """Where the first thing is that is wrong, counted from 1, and what."""
    if isinstance(fault, TypeError):
        return "", "must be text or a list"
    first = fault.errors()[0]
    places = [str(part + 1) if isinstance(part, int) else part for part in first["loc"]]
    return "".join(f", {place}" for place in places), first["msg"]


def _check(name: str, text: str) -> None:
    if len(text) > LONGEST_PART:
        raise InputError(f"{name} has {len(text):,} characters; at most {LONGEST_PART:,} can be used")


def _check_list(name: str, items: Sequence[str | Example]) -> None:
    if len(items) > MOST_ITEMS:
        raise InputError(f"{name} has {len(items)} entries; at most {MOST_ITEMS} can be used")
    for number, item in enumerate(items, start=1):
        if isinstance(item, str):
            _check(f"{name}, {number}", item)


def _spoken(name: str) -> str:
    return name.replace("_", " ")


def _section(title: str, body: str) -> str:
    return f"## {title}\n{body.strip()}" if body.strip() else ""


def _items(items: Sequence[str]) -> str:
    return "\n".join(f"- {' '.join(item.split())}" for item in items if item.strip())


def _examples(good: Sequence[Example], bad: Sequence[Example]) -> str:
    marked = [*(("good", example) for example in good), *(("bad", example) for example in bad)]
    inner = "\n".join(
        f"<example>\n{_tag(kind, example.text)}\n{_tag('reason', example.reason)}\n</example>"
        for kind, example in marked
    )
    return f"<examples>\n{inner}\n</examples>" if inner else ""


def _tag(name: str, text: str) -> str:
    return f"<{name}>{escape(text.strip(), quote=False)}</{name}>"

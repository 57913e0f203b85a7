"""Changing one setting in `footnote.toml`, every other line and comment of the person who wrote it left as it is."""

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from assistant.atomic import write_file
from assistant.errors import InputError

_STRING = r"\"(?:[^\"\\\n]|\\.)*\"|'[^'\n]*'"


def set_text(path: Path, key: str, value: str) -> None:
    """Set the top-level `key` of the TOML file `path` to the text `value`, as one atomic write.

    An edit counts only if the file then parses to what it did before, with that one key set; a file in which no edit
    does so (the value spans lines, say) is refused as an InputError.
    """
    before = _read(path)
    wanted = {**_parsed(path, before), key: value}
    for text in _edits(before, key, _quoted(value)):
        if _means(text, wanted):
            write_file(path, text)
            return
    raise InputError(f"{path}: {key} cannot be set without rewriting other lines; write {key} = {value!r} by hand")


def get_text(path: Path, key: str) -> str | None:
    """The text under the top-level `key` of `path`; None where there is none."""
    value = _parsed(path, _read(path)).get(key)
    return value if isinstance(value, str) else None


def _quoted(value: str) -> str:
    """`value` as a basic string of TOML: JSON's form, with the one character escaped that only JSON takes as it is."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _edits(text: str, key: str, value: str) -> Iterator[str]:
    """Ways to set `key`: in place of a value on its line, then on a new line at the end, then before all tables."""
    line = re.compile(rf"^([ \t]*[\"']?{re.escape(key)}[\"']?[ \t]*=[ \t]*)(?:{_STRING})", re.MULTILINE)
    for found in line.finditer(text):
        yield f"{text[: found.start()]}{found[1]}{value}{text[found.end() :]}"
    ending = "\r\n" if "\r\n" in text else "\n"
    gap = "" if not text or text.endswith("\n") else ending
    yield f"{text}{gap}{key} = {value}{ending}"
    yield f"{key} = {value}{ending}{text}"


def _means(text: str, wanted: dict[str, Any]) -> bool:
    try:
        return tomllib.loads(text) == wanted
    except tomllib.TOMLDecodeError:
        return False


def _read(path: Path) -> str:
    try:
        with path.open(encoding="utf-8", newline="") as file:  # line ends as they are
            return file.read()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as fault:
        raise InputError(f"{path} cannot be read as TOML ({fault}); mend or remove it") from fault


def _parsed(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        raise InputError(f"{path} cannot be read as TOML ({fault}); mend or remove it") from fault

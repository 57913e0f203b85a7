"""What a session of battles is made of, as files give it: prompts a line or a row each, contestants in TOML.

[contestants.base]                              a table each; its name is the contestant's
model = "bundled"
[contestants.keywords]
retrieval = "sparse"
sampling = {temperature = 0.7, top_p = 0.9}
"""

import random
import tomllib
from collections.abc import Sequence
from pathlib import Path

from assistant.errors import InputError
from assistant.rows import read_rows
from eval.contestants import Contestant, contestant_of
from retrieval.library import Library

_KEYS = ("prompt", "question", "instruction")
_ROWS = (".jsonl", ".jsonl.gz", ".jsonl.xz")


def read_prompts(path: Path) -> list[str]:
    """A prompt a line, or of JSON lines the text under `prompt`, `question` or `instruction`. Raises InputError."""
    if path.name.endswith(_ROWS):
        prompts = []
        for row in read_rows(path):
            key = next((key for key in _KEYS if key in row.values), _KEYS[0])
            prompts.append(row.text(key))
        return prompts
    try:
        return [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except OSError as fault:
        raise InputError(f"{path}: cannot be read ({fault.strerror}); name a text file, a prompt a line") from fault
    except UnicodeDecodeError as fault:
        raise InputError(f"{path}: not UTF-8 text ({fault.reason}); name a text file, a prompt a line") from fault


def read_contestants(path: Path) -> list[Contestant]:
    """The contestants of a TOML file. Raises InputError, naming the file and the key."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8-sig")).get("contestants")
    except OSError as fault:
        raise InputError(f"{path}: cannot be read ({fault.strerror}); name a TOML file of contestants") from fault
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise InputError(f"{path}: not a TOML file: {fault}") from fault
    if not isinstance(tables, dict) or not tables:
        raise InputError(f"{path}: no contestants; write a table [contestants.NAME] for each")
    found = []
    for name, values in tables.items():
        if not isinstance(values, dict):
            raise InputError(f"{path}: contestants.{name} must be a table; write [contestants.{name}]")
        try:
            found.append(contestant_of({"name": name, **values}))
        except InputError as fault:
            raise InputError(f"{path}: {fault}") from fault
    return found


def prompts_of_collection(library: Library, collection: str, count: int, seed: int) -> list[str]:
    """Questions on the headings of the documents of a collection, and on the documents themselves, by chance.

    They ask what the documents say, which any document can be asked: as good as your own questions they are not.
    """
    documents = library.documents(collection)
    if not documents:
        raise InputError(f"there are no documents in the collection {collection!r}; ingest some, or give prompts")
    found = []
    for document in documents:
        paths = [section.heading for section in library.sections(document.id) if section.heading]
        found.append(f"What is {document.name} about?")
        found += [f"What does {document.name} say about {path.rpartition(' > ')[2]}?" for path in paths]
    chosen = list(dict.fromkeys(found))
    return random.Random(seed).sample(chosen, min(count, len(chosen)))


def pairs(options: Sequence[str]) -> list[Contestant]:
    """Contestants of `NAME=MODEL`, as the command line takes them for models alone."""
    found = []
    for option in options:
        name, separator, model = option.partition("=")
        if not separator:
            raise InputError(f"--contestant {option!r}: write NAME=MODEL, or a TOML file with --contestants")
        found.append(Contestant(name=name.strip(), model=model.strip()))
    return found

"""Uploaded files as Gradio hands them over, each with the name that its owner gave it."""

import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from retrieval.names import distinct

_NAME_BYTES = 200


def named(files: Sequence[dict[str, Any]]) -> list[tuple[Path, str]]:
    """Where each uploaded file lies, and its name as a document.

    Where several have one name, all but the first get a number, so that none takes the place of another. The files
    themselves are left to Gradio's own clean-up: it keeps equal files once, so another upload may be reading the same.
    """
    paths = [Path(file["path"]) for file in files]
    names = [safe_name(file.get("orig_name") or path.name) for file, path in zip(files, paths, strict=True)]
    return list(zip(paths, distinct(names), strict=True))


def safe_name(name: str) -> str:
    """The last part of `name` as a file name that stays inside its folder, in the form of a document's name."""
    last = unicodedata.normalize("NFC", name).replace("\\", "/").rsplit("/", 1)[-1]
    kept = "".join(character for character in last if character.isprintable()).strip()
    stem, dot, suffix = kept.rpartition(".")
    tail = dot + suffix if stem and len(suffix.encode()) < _NAME_BYTES // 2 else ""
    room = _NAME_BYTES - len(tail.encode())
    kept = kept.removesuffix(tail).encode()[:room].decode(errors="ignore") + tail
    return kept if kept.strip(".") else "document"

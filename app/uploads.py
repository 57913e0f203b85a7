"""Uploaded files as Gradio hands them over, each with the name that its owner gave it, and where it
keeps them.

That folder is in the home, hidden, for its owner alone. Gradio deletes a file some minutes after it came; all that is
there goes when the server ends. A lock tells the folders of servers that were killed, which the next one removes.
"""

import fcntl
import os
import shutil
import tempfile
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from assistant.errors import InputError
from retrieval.names import distinct

_NAME_BYTES = 200
_FOLDER = ".uploads"


@contextmanager
def upload_folder(home: Path) -> Iterator[Path]:
    """A new folder for the uploads of one server, as long as the block runs. Raises InputError."""
    above = home / _FOLDER
    try:
        above.mkdir(mode=0o700, exist_ok=True)
        above.chmod(0o700)
        with _locked(above):  # While a folder is made and has no lock of its own yet, nobody looks for leftovers.
            _remove_leftovers(above)
            folder = Path(tempfile.mkdtemp(dir=above))
            lock = os.open(folder, os.O_RDONLY)
            fcntl.flock(lock, fcntl.LOCK_EX)
    except OSError as fault:
        raise InputError(f"{above} cannot be written ({fault.strerror}); check its disk and permissions") from fault
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _remove_leftovers(above: Path) -> None:
    for folder in above.iterdir():
        with suppress(OSError), _locked(folder, fcntl.LOCK_NB):
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _locked(folder: Path, how: int = 0) -> Iterator[None]:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | how)
        yield
    finally:
        os.close(handle)


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

"""Folders and files that are there whole or not at all: written under a hidden name, synced, renamed.

A process that is killed leaves its hidden `.NAME.….part` behind. While it lives it holds a lock on that folder, which
the system releases with the process, so `clean_leftovers` tells the dead from those still being written.
"""

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path

from safetensors import SafetensorError

from assistant.errors import InputError

_ENDING = ".part"


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """A hidden sibling of `target` to write into, renamed to `target` at the end.

    Whatever is raised meanwhile, nothing is left behind. Raises InputError where `target` exists or cannot be written.
    """
    _refuse_existing(target)
    missing = [folder for folder in target.parents if not folder.exists()]
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}{_ENDING}")
    try:
        part.mkdir(parents=True)
        with _locked(part):
            yield part
            settle(part)
            _refuse_existing(target)  # a rename would replace an empty folder without a word
            part.rename(target)
        _sync(target.parent)
    except BaseException as fault:
        shutil.rmtree(part, ignore_errors=True)
        _remove_empty(missing)
        if isinstance(fault, OSError | SafetensorError):
            raise InputError(f"{target} cannot be written ({_reason(fault)}); free space or name another") from fault
        raise


def settle(folder: Path) -> None:
    """Let those read the files in `folder` who may read the folder, and have all of it on the disk."""
    for path in (*folder.rglob("*"), folder):
        _share(path, like=folder)
        _sync(path)


def clean_leftovers(folder: Path, of: str = "") -> None:
    """Remove what killed writers left in `folder`, with `of` those of that target; what is being written stays."""
    for part in folder.glob(f".{escape(of)}{'.' if of else ''}*{_ENDING}"):
        with suppress(OSError), _locked(part):
            shutil.rmtree(part, ignore_errors=True)


def hide(target: Path) -> Path:
    """Rename the folder `target` to a hidden sibling, which the caller removes or `clean_leftovers` does."""
    hidden = target.with_name(f".{target.name}.{secrets.token_hex(4)}{_ENDING}")
    return target.rename(hidden)


def write_file(path: Path, text: str) -> None:
    """Replace the content of the file `path`, or make it; a link keeps pointing to it, and its mode stays."""
    path = path.resolve()
    part = path.with_name(f".{path.name}{_ENDING}")
    try:
        part.write_text(text, encoding="utf-8", newline="")
        if path.exists():
            shutil.copymode(path, part)
        _sync(part)
        part.replace(path)
        _sync(path.parent)
    except OSError as fault:
        part.unlink(missing_ok=True)
        raise InputError(f"{path} cannot be written ({_reason(fault)}); make it writable") from fault


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)


def _share(path: Path, like: Path) -> None:
    """Let those read the file `path` who may read the folder `like`: safetensors writes for its owner alone."""
    if path.is_file():
        path.chmod(like.stat().st_mode & 0o666)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _refuse_existing(target: Path) -> None:
    if os.path.lexists(target):
        raise InputError(f"{target} already exists; name another or remove it first")


def _remove_empty(folders: list[Path]) -> None:
    with suppress(OSError):
        for folder in folders:
            folder.rmdir()


def _reason(fault: Exception) -> str:
    return getattr(fault, "strerror", None) or str(fault)

"""The bytes of submitted files, each in a folder of its own under `incoming/`, until its job needs them no more.

Bytes are synced to the disk before the row of their job is written, so a job never lacks them. What a killed process
wrote without getting as far as the row is removed when the library is next opened: a lock, shared by all who are
between the two, tells that nobody is.
"""

import errno
import fcntl
import os
import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from retrieval import reasons
from retrieval.errors import LibraryError

_LOCK = ".lock"
_CHUNK = 1 << 20
_NAME_BYTES = 200


class Incoming:
    """The folder `incoming/` of a library. Threads and processes may share it."""

    def __init__(self, folder: Path):
        self._folder = folder
        with explained(folder):
            folder.mkdir(exist_ok=True)
            (folder / _LOCK).touch()

    @contextmanager
    def receiving(self) -> Iterator[None]:
        """Bytes that are written inside are not taken for leftovers; write the row of their job before leaving."""
        with self._locked(fcntl.LOCK_SH):
            yield

    def write(self, id_: str, name: str, source: BinaryIO, most: int) -> int:
        """Stores the bytes of `source` for a job and returns their number; call it while `receiving`.

        Raises DocumentError where there are more than `most`, LibraryError where they cannot be stored.
        """
        place = self._folder / id_
        try:
            with explained(self._folder):
                place.mkdir()
                with (place / file_name(name)).open("xb") as file:
                    size = _copied(source, file, most, name)
                    file.flush()
                    os.fsync(file.fileno())
                _sync(place)
                _sync(self._folder)
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            raise
        return size

    def path(self, id_: str) -> Path:
        """The file of a job, named like its document as far as a file can be. Raises LibraryError where it is gone."""
        with suppress(OSError):
            for file in (self._folder / id_).iterdir():
                return file
        raise LibraryError("its bytes are no longer in the library's folder; add the file again.")

    def remove(self, id_: str) -> None:
        """Forgets the bytes of a job; those of an unknown one are no error."""
        shutil.rmtree(self._folder / id_, ignore_errors=True)

    def clean(self, needed: Callable[[], Collection[str]]) -> None:
        """Removes what belongs to none of the jobs `needed`, unless somebody is just submitting."""
        with suppress(BlockingIOError), self._locked(fcntl.LOCK_EX | fcntl.LOCK_NB):
            kept = {*needed(), _LOCK}
            for leftover in [place for place in self._folder.iterdir() if place.name not in kept]:
                shutil.rmtree(leftover, ignore_errors=True)

    @contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        with (self._folder / _LOCK).open("ab") as file:
            fcntl.flock(file, how)
            yield


def file_name(name: str) -> str:
    """A name for the file of a document called `name`: its last part, at most 200 bytes, with its extension."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    stem, dot, suffix = last.rpartition(".")
    tail = dot + suffix if stem and len(suffix.encode()) < _NAME_BYTES // 2 else ""
    room = _NAME_BYTES - len(tail.encode())
    kept = last.removesuffix(tail).encode()[:room].decode(errors="ignore") + tail
    return kept if kept.strip(".") else "document"


def _copied(source: BinaryIO, file: BinaryIO, most: int, name: str) -> int:
    size = 0
    while chunk := source.read(_CHUNK):
        size += len(chunk)
        if size > most:
            raise reasons.too_large(name, size, most)
        file.write(chunk)
    return size


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def explained(folder: Path) -> Iterator[None]:
    """What the system refuses in `folder` as a LibraryError, with what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise LibraryError(
                f"the disk that holds {folder} is full; delete or move away other files on it, then try again: "
                "what was stored before is intact."
            ) from error
        raise LibraryError(
            f"{folder} cannot be written ({error.strerror}); check the folder, its disk and its permissions."
        ) from error

"""Who is taking files in by itself: a token for each, and a lock that the system releases when its process ends."""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from retrieval.incoming import explained


class Owners:
    """The locks in one folder. Threads and processes may share it."""

    def __init__(self, folder: Path):
        self._folder = folder

    @contextmanager
    def one(self) -> Iterator[str]:
        """A new token, alive until the block is left, or its process ends in whatever way. Raises LibraryError."""
        token = f"{os.getpid()}-{secrets.token_hex(4)}"
        path = self._folder / token
        with explained(self._folder):
            self._folder.mkdir(exist_ok=True)
            with self._locked():
                file = path.open("xb")
                fcntl.flock(file, fcntl.LOCK_EX)
        with file:
            try:
                yield token
            finally:
                with suppress(OSError):
                    path.unlink()

    def clean(self) -> None:
        """Removes what processes that were killed left behind."""
        with suppress(OSError), self._locked():  # Else a file might go that is there and has no lock yet.
            for path in self._folder.iterdir():
                self.is_alive(path.name)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        handle = os.open(self._folder, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def is_alive(self, token: str) -> bool:
        """Whether the token's block has not been left."""
        path = self._folder / token
        try:
            with path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                path.unlink()
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

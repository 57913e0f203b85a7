"""Rebuilds the large parts of the dense index that are due, beside searches: in a thread, or in that of the caller."""

import logging
import threading
from contextlib import AbstractContextManager

from retrieval.errors import LibraryError
from retrieval.indexes import Indexes

_log = logging.getLogger(__name__)


class _Stopped(Exception):  # noqa: N818 - says what is the case
    """The library is being closed."""


class Compaction:
    """Compacts one library, once at a time; `lock` is the library's, held only for moments.

    What fails is logged and not tried again before the library is next opened: it costs time and memory, and nothing
    that is searched depends on it.
    """

    def __init__(self, indexes: Indexes, lock: AbstractContextManager[object]):
        self._indexes = indexes
        self._lock = lock
        self._turn = threading.Lock()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def now(self) -> None:
        """Does what is due and returns when it is done; at once where another thread is at it."""
        if self._over.is_set() or not self._turn.acquire(blocking=False):
            return
        try:
            self._indexes.compact(self._lock, self._check)
        except _Stopped:
            _log.info("compaction was stopped; the next one begins anew")
        except (OSError, RuntimeError, LibraryError) as error:
            self._over.set()
            _log.warning("the vectors of a large collection could not be put on disk: %s", error)
        finally:
            self._turn.release()

    def soon(self) -> None:
        """Has a thread do what is due, if anything is."""
        with self._lock:
            if self._over.is_set() or not self._indexes.dense.due() or (self._thread and self._thread.is_alive()):
                return
            self._thread = threading.Thread(target=self.now, name="compaction", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Ends the thread, after what cannot be interrupted: a round of clustering, at most some seconds."""
        self._over.set()
        if self._thread:
            self._thread.join()

    def _check(self) -> None:
        if self._over.is_set():
            raise _Stopped

"""Reads files in a process of their own, which can be killed: the parent's side. See reader.py for the other.

One process is kept warm, since starting it takes longer than reading most files. It is killed, and another started for
the next file, when a file takes too long, when its caller cancels, when native code panics, or when it dies of the
file: a crash, or more memory than allowed. What comes back is JSON and text, of bounded size.

Threads may share a Reader; they take turns. A process that was forked from this one starts a reader of its own.
"""

import atexit
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import cache
from typing import Any

from retrieval import reasons
from retrieval.errors import Cancelled, DocumentError, PasswordNeeded
from retrieval.layout import Heading, Layout
from retrieval.limits import Limits
from retrieval.process import Died, Frame, Process, TooSlow

_MODULE = "retrieval.reader"
_WAIT_SECONDS = 0.05
_MARGIN = 16_000_000
_BYTES_PER_CHARACTER = 8


class Reader:
    """A warm process that reads one file at a time."""

    def __init__(self, module: str = _MODULE, paths: tuple[str, ...] = ()) -> None:
        self._module = module
        self._paths = paths
        self._lock = threading.Lock()
        self._process: Process | None = None

    @property
    def pid(self) -> int | None:
        """The id of the process, None while there is none."""
        return self._process.pid if self._process and self._process.is_alive else None

    def read(
        self,
        data: bytes,
        media_type: str,
        name: str,
        limits: Limits,
        password: str | None = None,
        cancel: threading.Event | None = None,
    ) -> Layout:
        """The text of a file. Raises DocumentError, PasswordNeeded, Cancelled; LibraryError where nothing starts."""
        request = _request("read", media_type, name, limits, password)
        with self._turn(cancel):
            try:
                header, content = self._ask(request, data, limits, cancel)
            except TooSlow:
                raise reasons.too_slow(name, limits.max_seconds) from None
            except Died:
                raise reasons.crashed(name, limits.max_memory_bytes) from None
            if header.pop("spent"):
                self._end()
        return _layout(header, content)

    def close(self) -> None:
        """Ends the process. The next file starts another."""
        with self._lock:
            self._end()

    def _ask(self, request: dict[str, Any], data: bytes, limits: Limits, cancel: threading.Event | None) -> Frame:
        """The answer of the process. One that was warm may have died of something else: then a new one is asked."""
        most = _MARGIN + _BYTES_PER_CHARACTER * limits.max_characters
        was_warm = self.pid is not None
        try:
            return _answer(self._running(), request, data, most, limits, cancel)
        except Died:
            if not was_warm:
                raise
        return _answer(self._running(), request, data, most, limits, cancel)

    def _running(self) -> Process:
        if not (self._process and self._process.is_alive):
            self._end()
            self._process = Process(self._module, self._paths)
        return self._process

    def _end(self) -> None:
        if self._process:
            self._process.kill()
        self._process = None

    @contextmanager
    def _turn(self, cancel: threading.Event | None) -> Iterator[None]:
        while not self._lock.acquire(timeout=_WAIT_SECONDS):
            if cancel and cancel.is_set():
                raise Cancelled("reading was cancelled.")
        try:
            yield
        finally:
            self._lock.release()


@cache
def shared() -> Reader:
    """The reader of this process, started by its first file and ended with the interpreter."""
    reader = Reader()
    atexit.register(reader.close)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=shared.cache_clear)
    return reader


def unpack(
    data: bytes,
    media_type: str,
    name: str,
    limits: Limits,
    password: str | None = None,
    cancel: threading.Event | None = None,
) -> Iterator[tuple[str, bytes | str]]:
    """The members of an archive, each as its name and its bytes, or the reason why it was refused.

    They are unpacked one by one in a process of their own while the caller takes them; it ends with the iteration.
    """
    process = Process(_MODULE)
    try:
        request = _request("unpack", media_type, name, limits, password)
        header, content = _answer(process, request, data, limits.max_bytes, limits, cancel)
        while "end" not in header:
            if "refused" in header:
                yield name, header["refused"]
                return
            yield header["name"], header.get("reason") or content
            header, content = process.watch(lambda: process.receive(limits.max_bytes), limits.max_seconds, cancel)
    except TooSlow:
        yield name, str(reasons.too_slow(name, limits.max_seconds))
    except Died:
        yield name, str(reasons.crashed(name, limits.max_memory_bytes))
    finally:
        process.kill()


def _request(task: str, media_type: str, name: str, limits: Limits, password: str | None) -> dict[str, Any]:
    return {"task": task, "media_type": media_type, "name": name, "limits": asdict(limits), "password": password}


def _answer(
    process: Process, request: dict[str, Any], data: bytes, most: int, limits: Limits, cancel: threading.Event | None
) -> Frame:
    def talk() -> Frame:
        process.send(request, data)
        return process.receive(most)

    return process.watch(talk, limits.max_seconds, cancel)


def _layout(header: dict[str, Any], content: bytes) -> Layout:
    if "refused" in header:
        raise (PasswordNeeded if header["password"] else DocumentError)(header["refused"])
    pages = tuple((number, start, end) for number, start, end in header["pages"])
    headings = tuple(Heading(level, start, end) for level, start, end in header["headings"])
    return Layout(content.decode(), pages, headings, tuple(header["notes"]))

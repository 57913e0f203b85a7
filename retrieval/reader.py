"""The process that reads files for the library, so that a file can take down nothing but it. See confined.py.

It answers frames on its standard input, one after another, with frames on its standard output, and ends when its input
does, whatever it is doing. On Linux its memory is limited for each file. Where the system has alarms, one ends it
somewhat after the time that a file may take, should its parent not do so.
"""

import os
import queue
import shutil
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import astuple
from pathlib import Path
from typing import Any, BinaryIO

from retrieval import formats, reasons
from retrieval.archives import Refused, members
from retrieval.errors import DocumentError, Panicked, PasswordNeeded
from retrieval.frames import FrameError, read_frame, write_frame
from retrieval.limits import Limits
from retrieval.process import FOLDER_PREFIX

Frame = tuple[dict[str, Any], bytes]
_GRACE = 30.0
_LARGEST_REQUEST = 1 << 32  # The parent has checked the size of the file.
_BLOATED = 400_000_000


def main() -> None:
    """Answers until the input ends."""
    _warm_up()
    requests, answers = _channels()
    waiting: queue.SimpleQueue[Frame] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(requests, waiting), daemon=True).start()
    write_frame(answers, {"ready": True})
    while True:
        header, data = waiting.get()
        limits = Limits(**header["limits"])
        _limit_memory(limits.max_memory_bytes)
        _alarm(limits.max_seconds + _GRACE)
        for answer, content in _answers(header, data, limits):
            _alarm(0)  # The parent may take its time with what it got.
            spent = answer.pop("panicked", False) or _memory()[1] > _BLOATED
            write_frame(answers, {**answer, "spent": spent}, content)
            _alarm(limits.max_seconds + _GRACE)
        _alarm(0)


def _warm_up() -> None:
    """Loads libraries and starts threads: the memory that they reserve is not the file's."""
    import kreuzberg

    kreuzberg.extract_bytes_sync(b"x", "text/plain", config=kreuzberg.ExtractionConfig(use_cache=False))


def _answers(request: dict[str, Any], data: bytes, limits: Limits) -> Iterator[Frame]:
    name, password = request["name"], request["password"]
    try:
        if request["task"] == "unpack":
            yield from _unpacked(data, request, limits)
        else:
            layout = formats.read(data, request["media_type"], name, limits, password)
            places = {"pages": layout.pages, "headings": list(map(astuple, layout.headings)), "notes": layout.notes}
            yield places, layout.text.encode()
    except DocumentError as error:
        is_panic, is_locked = isinstance(error, Panicked), isinstance(error, PasswordNeeded)
        yield {"refused": str(error), "password": is_locked, "panicked": is_panic}, b""
    except MemoryError:
        yield {"refused": str(reasons.crashed(name, limits.max_memory_bytes)), "password": False}, b""
    except Exception as error:
        yield {"refused": str(reasons.fault(name, error)), "password": False}, b""


def _unpacked(data: bytes, request: dict[str, Any], limits: Limits) -> Iterator[Frame]:
    for member in members(data, request["name"], limits, request["media_type"], request["password"]):
        if isinstance(member, Refused):
            yield {"name": member.name, "reason": member.reason}, b""
        else:
            yield {"name": member.name}, member.data
    yield {"end": True}, b""


def _channels() -> tuple[BinaryIO, BinaryIO]:
    """The two pipes to the parent. What native code reads or prints goes elsewhere, not into the frames."""
    channels = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    return channels


def _listen(requests: BinaryIO, waiting: "queue.SimpleQueue[Frame]") -> None:
    """Passes requests on, and ends the process with them: the parent is gone, or it has no more use for this one."""
    with suppress(FrameError, OSError):
        while (frame := read_frame(requests, _LARGEST_REQUEST)) is not None:
            waiting.put(frame)
    folder = os.environ.get("TMPDIR", "")
    if Path(folder).name.startswith(FOLDER_PREFIX):  # A parent that was killed could not remove it.
        shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)


def _limit_memory(allowance: int) -> None:
    if sys.platform == "linux":
        import resource

        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        wanted = _memory()[0] + allowance
        resource.setrlimit(resource.RLIMIT_AS, (wanted if hard < 0 else min(wanted, hard), hard))


def _memory() -> tuple[int, int]:
    """The bytes of address space and of memory that this process has; zeros where the system does not tell."""
    try:
        size, resident = Path("/proc/self/statm").read_text().split()[:2]
    except OSError:
        return 0, 0
    page = os.sysconf("SC_PAGE_SIZE")
    return int(size) * page, int(resident) * page


def _alarm(seconds: float) -> None:
    """Sets the alarm that ends the process, or stops it with 0."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)

"""A child process that answers frames, and that can be killed at any moment with all that it started."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast

from retrieval.errors import Cancelled, LibraryError
from retrieval.frames import FrameError, read_frame, write_frame

Frame = tuple[dict[str, Any], bytes]
Result = TypeVar("Result")
_PACKAGES = str(Path(__file__).resolve().parent.parent)
_START = (
    "import sys; sys.path[:0] = sys.argv[2:]; from importlib import import_module; import_module(sys.argv[1]).main()"
)
FOLDER_PREFIX = "footnote-reader-"
_STARTUP_SECONDS = 60.0
_POLL_SECONDS = 0.02
_STARTUP_BYTES = 1_000
# Many threads would each reserve address space, which is what the limit of memory counts.
_FEW_THREADS = {"MALLOC_ARENA_MAX": "2", "RAYON_NUM_THREADS": "2", "TOKIO_WORKER_THREADS": "2", "OMP_THREAD_LIMIT": "2"}


class Died(Exception):  # noqa: N818 - says what is the case
    """The process ended instead of answering."""


class TooSlow(Exception):  # noqa: N818
    """The process did not answer in time, and was killed."""


class Process:
    """A Python process that runs `main()` of a module. Raises LibraryError where it does not start."""

    def __init__(self, module: str, paths: tuple[str, ...] = ()) -> None:
        self._owner = os.getpid()
        # What is written on the way, by tesseract for one, is gone with the process, also when it was killed.
        try:
            self._folder = tempfile.mkdtemp(prefix=FOLDER_PREFIX)
            self._child = _started(module, paths, self._folder)
        except OSError as error:
            raise LibraryError(
                f"the process that reads documents cannot be started ({error.strerror}); "
                f"free some memory, and some room in {tempfile.gettempdir()}."
            ) from error
        self._requests = cast(BinaryIO, self._child.stdin)
        self._answers = cast(BinaryIO, self._child.stdout)
        try:
            self.watch(lambda: self.receive(_STARTUP_BYTES), _STARTUP_SECONDS)
        except (Died, TooSlow):
            raise LibraryError("the process that reads documents does not start; install Footnote anew.") from None

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._child.pid

    @property
    def is_alive(self) -> bool:
        """Whether it runs, as a child of this process."""
        return self._owner == os.getpid() and self._child.poll() is None

    def send(self, header: dict[str, Any], data: bytes) -> None:
        """Sends a frame. Raises Died."""
        try:
            write_frame(self._requests, header, data)
        except (OSError, ValueError) as error:
            raise Died from error

    def receive(self, most: int) -> Frame:
        """The next frame, each part of at most `most` bytes. Raises Died."""
        try:
            frame = read_frame(self._answers, most)
        except (FrameError, OSError, ValueError) as error:
            raise Died from error
        if frame is None:
            raise Died
        return frame

    def watch(self, work: Callable[[], Result], seconds: float, cancel: threading.Event | None = None) -> Result:
        """What `work`, which sends and receives, returns or raises.

        The process is killed where that takes more than `seconds` (TooSlow), where `cancel` is set (Cancelled), and
        where the waiting is interrupted.
        """
        outcome: Future[Result] = Future()
        threading.Thread(target=_run, args=(work, outcome), name="reader pipe", daemon=True).start()
        deadline = time.monotonic() + seconds
        try:
            while True:
                with suppress(TimeoutError):
                    outcome.exception(_POLL_SECONDS)
                if cancel and cancel.is_set():
                    raise Cancelled("reading was cancelled.")
                if outcome.done():
                    return outcome.result()
                if time.monotonic() > deadline:
                    raise TooSlow
        except BaseException:
            self.kill()
            raise

    def kill(self) -> None:
        """Ends it and all that it started, at once, and leaves nothing of it behind. A second call does nothing."""
        if self._owner != os.getpid():
            return
        if self._child.poll() is None:
            if os.name == "posix":
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(self._child.pid, signal.SIGKILL)
            self._child.kill()
        self._child.wait()
        for pipe in (self._requests, self._answers):
            with suppress(OSError):  # Words that the dead child never took.
                pipe.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def _started(module: str, paths: tuple[str, ...], folder: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(  # noqa: S603 - this Python, with arguments of our own
        [sys.executable, "-P", "-c", _START, module, *paths, _PACKAGES],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **_FEW_THREADS, "TMPDIR": folder},
        start_new_session=True,  # Ctrl-C is for the parent, which then kills this group.
    )


def _run(work: Callable[[], Result], outcome: "Future[Result]") -> None:
    try:
        outcome.set_result(work())
    except BaseException as error:
        outcome.set_exception(error)

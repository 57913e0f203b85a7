"""A line on the standard error for whatever takes longer than a second, beside that of the training itself."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any, Protocol, TypeVar

from tqdm import tqdm

from finetune.processes import is_first

T = TypeVar("T")
SHOWN_AFTER_SECONDS = 1.0
_TERMINAL_SECONDS, _QUIET_SECONDS = 0.5, 15.0


class Counted(Protocol):
    """Passes items on and counts them."""

    def __call__(self, items: Iterable[T]) -> Iterator[T]:
        """`items`, as they come."""
        ...


def between_lines() -> float:
    """Seconds from one state of a line to the next; more where the output is no terminal, which keeps them all."""
    return _TERMINAL_SECONDS if sys.stderr.isatty() else _QUIET_SECONDS


def say(text: str) -> None:
    """Write `text` to the standard error, above a line that is shown; of several processes only the first does."""
    if is_first():
        tqdm.write(text, file=sys.stderr)


@contextmanager
def progress(doing: str, unit: str = "", total: int | None = None) -> Iterator[Counted]:
    """Show what is being done and for how long; gives what counts the items, in `unit`, of `total` where it is known.

    A thread shows it, so that one long item or a call into a library is no reason to stand still. Of several processes
    only the first does.
    """
    line = _Line(doing, unit, total)
    over = Event()
    thread = Thread(target=line.show, args=(over,), daemon=True)
    if is_first():
        thread.start()
    try:
        yield line.counted
    finally:
        over.set()
        if thread.ident is not None:
            thread.join()


class _Line:
    def __init__(self, doing: str, unit: str, total: int | None):
        self._doing, self._unit, self._total = doing, unit, total
        self._count = 0

    def counted(self, items: Iterable[T]) -> Iterator[T]:
        for item in items:
            yield item
            self._count += 1

    def show(self, over: Event) -> None:
        if over.wait(SHOWN_AFTER_SECONDS):
            return
        bar = self._bar()
        while True:
            bar.n = self._count
            bar.refresh()
            if over.wait(between_lines()):
                break
        bar.n = self._count
        bar.close()

    def _bar(self) -> Any:
        form = {} if self._unit else {"bar_format": "{desc}: {elapsed}"}
        bar = tqdm(
            desc=self._doing,
            unit=f" {self._unit}",
            total=self._total,
            file=sys.stderr,
            dynamic_ncols=True,
            delay=SHOWN_AFTER_SECONDS,
            **form,
        )
        # It has waited already; without this the end would not be shown.
        bar.start_t -= SHOWN_AFTER_SECONDS
        bar.delay = 0
        return bar

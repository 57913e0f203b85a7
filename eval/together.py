"""Several streams read at once, each in a thread of its own, as one."""

import queue
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class _End:
    fault: BaseException | None


class _Reader(threading.Thread, Generic[Item]):
    """Puts what a stream gives into a queue, with the number of the stream, and lastly how it ended."""

    def __init__(self, place: int, stream: Iterator[Item], found: "queue.SimpleQueue[tuple[int, Item | _End]]"):
        super().__init__(daemon=True, name=f"stream {place}")
        self._place, self._stream, self._found = place, stream, found

    def run(self) -> None:
        """Read to the end."""
        fault: BaseException | None = None
        try:
            for item in self._stream:
                self._found.put((self._place, item))
        except BaseException as error:  # carried to the thread that reads, and raised there
            fault = error
        self._found.put((self._place, _End(fault)))


def together(streams: Sequence[Iterator[Item]], stop: threading.Event) -> Iterator[tuple[int, Item]]:
    """The items of all streams with the place of each stream, in the order in which they come.

    Where one raises, the others are stopped, and it is raised here once all have ended; so are they where the reader
    goes away. `stop` is what the streams themselves look at.
    """
    found: queue.SimpleQueue[tuple[int, Item | _End]] = queue.SimpleQueue()
    readers = [_Reader(place, stream, found) for place, stream in enumerate(streams)]
    for reader in readers:
        reader.start()
    faults: list[BaseException] = []
    running = len(readers)
    try:
        while running:
            place, item = found.get()
            if isinstance(item, _End):
                running -= 1
                if item.fault is not None:
                    faults.append(item.fault)
                    stop.set()
            else:
                yield place, item
    finally:
        if running:
            stop.set()
        for reader in readers:
            reader.join()
    if faults:
        raise faults[0]

"""The count of all that is unpacked from one archive, with the archives in it."""

import io
from typing import TYPE_CHECKING, BinaryIO

from retrieval import reasons
from retrieval.limits import Limits

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_CHUNK = 1 << 20
_FREE = 16_000_000


class TooLarge(Exception):  # noqa: N818 - says what is the case
    """An entry that is larger than a file may be."""


class Budget:
    """What may still be unpacked from one archive with all that is nested in it."""

    def __init__(self, name: str, size: int, limits: Limits) -> None:
        self._name = name
        self._limits = limits
        self._most = int(min(limits.max_unpacked_bytes, max(_FREE, limits.max_expansion * size)))
        self._bytes = 0
        self._members = 0

    def check(self, size: int) -> None:
        """Raises DocumentError where `size` more bytes are too many."""
        if self._bytes + size > self._most:
            raise reasons.bomb(self._name, self._most)

    def check_stream(self, size: int) -> None:
        """Raises DocumentError where a stream that gave `size` bytes, kept or not, gave too many."""
        if size > self._most:
            raise reasons.bomb(self._name, self._most)

    def spend(self, size: int) -> None:
        """Counts unpacked bytes. Raises DocumentError where they are too many."""
        self.check(size)
        self._bytes += size

    def count(self) -> None:
        """Counts a member. Raises DocumentError where it is one too many."""
        self.check_members(1)
        self._members += 1

    def check_members(self, number: int) -> None:
        """Raises DocumentError where so many members more are too many."""
        if self._members + number > self._limits.max_members:
            raise reasons.too_many_members(self._name, self._limits.max_members)

    def read(self, stream: BinaryIO) -> bytes:
        """All of `stream`, counted as it comes. Raises TooLarge and DocumentError."""
        parts: list[bytes] = []
        size = 0
        while part := stream.read(_CHUNK):
            size += len(part)
            if size > self._limits.max_bytes:
                raise TooLarge
            self.spend(len(part))
            parts.append(part)
        return b"".join(parts)


class Metered(io.RawIOBase):
    """A stream of which no more than the budget is read in all, whether it is kept or passed over."""

    def __init__(self, stream: io.BufferedIOBase, budget: Budget) -> None:
        self._stream = stream
        self._budget = budget
        self._size = 0

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Fills `buffer`. Raises DocumentError where the stream gave too much."""
        view = memoryview(buffer)
        data = self._stream.read(len(view))
        self._size += len(data)
        self._budget.check_stream(self._size)
        view[: len(data)] = data
        return len(data)

"""What two processes say to each other through a pipe: a JSON object, and bytes after it.

    4 bytes     length of the object, big-endian
    object      UTF-8; its `size` is the number of bytes that follow
    bytes       `size` of them

No pickle: what comes from a process that read a hostile file is only ever parsed as JSON.
"""

import json
import struct
from typing import Any, BinaryIO

_LENGTH = struct.Struct(">I")


class FrameError(Exception):
    """The other side ended in the middle of a frame, or sent one that is too large."""


def write_frame(stream: BinaryIO, header: dict[str, Any], data: bytes = b"") -> None:
    """Sends one frame. Raises OSError where the other side is gone."""
    encoded = json.dumps({**header, "size": len(data)}, ensure_ascii=False).encode()
    stream.write(_LENGTH.pack(len(encoded)))
    stream.write(encoded)
    stream.write(data)
    stream.flush()


def read_frame(stream: BinaryIO, most: int) -> tuple[dict[str, Any], bytes] | None:
    """The next frame, whose two parts are at most `most` bytes each; None at the end. Raises FrameError."""
    start = stream.read(_LENGTH.size)
    if not start:
        return None
    header = json.loads(_exactly(stream, _LENGTH.unpack(start)[0] if len(start) == _LENGTH.size else -1, most))
    return header, _exactly(stream, header["size"], most)


def _exactly(stream: BinaryIO, size: int, most: int) -> bytes:
    if not 0 <= size <= most:
        raise FrameError(f"a part of {size} bytes, of at most {most}")
    data = stream.read(size)
    if len(data) != size:
        raise FrameError(f"{len(data)} of {size} bytes")
    return data

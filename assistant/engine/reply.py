"""A reply while it is being written."""

from dataclasses import dataclass, field

from assistant.types import Usage


@dataclass(slots=True)
class Reply:
    """Filled in by the engine as it streams; whole when the stream has ended."""

    text: str = ""
    usage: Usage = field(default_factory=Usage)

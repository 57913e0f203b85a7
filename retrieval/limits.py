"""What one file may cost. Every limit that is met ends in a DocumentError which names it and says what to do."""

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds for one file; an archive counts as one file where a bound says so."""

    max_bytes: int = 100_000_000
    """Size of the file, and of each member of an archive."""
    max_characters: int = 20_000_000
    """Length of its text."""
    max_pages: int = 20_000
    """Number of its pages, slides or sheets."""
    max_seconds: float = 120.0
    """Time to read it, for an archive the time to unpack each member; after it the reading process is killed."""
    max_memory_bytes: int = 2_000_000_000
    """Memory that the reading process may take for it. Linux only: other systems do not enforce such a limit."""
    max_members: int = 10_000
    """Number of files in an archive, with those in archives inside it."""
    max_unpacked_bytes: int = 1_000_000_000
    """Size of all that an archive, or an Office file, which is a zip archive too, unpacks to."""
    max_expansion: float = 200.0
    """How many times its own size an archive may unpack to; the first 16 MB are free: small ones can be dense."""
    max_depth: int = 3
    """How deep archives may lie in each other: 1 refuses every archive inside an archive."""

    def __post_init__(self) -> None:
        if min(getattr(self, field.name) for field in fields(self)) <= 0:
            raise ValueError("limits must be greater than zero")

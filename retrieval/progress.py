"""Telling a caller how far an ingest has come."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from retrieval.types import Progress

Stage = Literal["extracting", "embedding", "storing", "done"]

Tell = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Teller:
    """Speaks for one file of an ingest, if anybody listens."""

    tell: Tell | None
    document: str
    file: int
    files: int

    def __call__(self, stage: Stage, share: float) -> None:
        """Tells that the file is at `stage`, with a share from 0 to 1 of that stage done."""
        if self.tell:
            self.tell(Progress(self.document, self.file, self.files, stage, share))

    def embedding(self, share: float) -> None:
        """Tells the share of the passages that have their vectors."""
        self("embedding", share)

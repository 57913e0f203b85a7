"""What the library takes and gives back: plain frozen values, safe to pass between threads."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

DEFAULT_COLLECTION = "default"

State = Literal["ready", "skipped", "failed"]
JobState = Literal["queued", "extracting", "embedding", "ready", "skipped", "failed", "cancelled"]
Leg = Literal["hybrid", "dense", "sparse"]
LEGS: tuple[Leg, ...] = ("hybrid", "dense", "sparse")
"""How passages are found: by vectors and keywords together, by vectors alone, by keywords alone."""
WORKING: tuple[JobState, ...] = ("extracting", "embedding")
UNFINISHED: tuple[JobState, ...] = ("queued", *WORKING)
LOCKED_ENDS = "give its password."
"""How every reason ends that a password would do away with, and no other."""


@dataclass(frozen=True, slots=True)
class Document:
    """One document of the library. `pages` is None where the format has no pages.

    `retired_at` is None for the documents that are searched and listed; an earlier version, whose text is kept for the
    citations of it, has the time at which another took its place. `bytes` is None where the size of the file was not
    recorded, `language` where it is not known. `aliases` are other names under which the same bytes were given: where
    another version takes this name, the document goes on under the first of them.
    """

    id: str
    name: str
    collection: str
    media_type: str
    sha256: str
    characters: int
    pages: int | None
    passages: int
    added_at: str
    language: str | None = None
    bytes: int | None = None
    retired_at: str | None = None
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Alias:
    """Another name, `name`, of the document `document` in a collection."""

    name: str
    collection: str
    document: str
    document_id: str


@dataclass(frozen=True, slots=True)
class Archive:
    """A file with its own documents in it, `name`, in a collection, and what became of them when it was removed.

    `documents` are those that are gone; `kept` those that were given under another name too, which they now have.
    """

    name: str
    collection: str
    documents: tuple[Document, ...] = ()
    kept: tuple[Document, ...] = ()


@dataclass(frozen=True, slots=True)
class Job:
    """One file on its way into the library; `id` is later the id of its document.

    `share` is how much of the present state is done, from 0 to 1. `reason` says why it was skipped, failed or waits.
    `document_id` is the document that it became, or for which it was skipped. Times are ISO 8601, UTC. `owner` tells
    which program takes it in by itself, as `footnote ingest` does, or failed to; it is None where the worker does.
    `archive` is the name of the file that holds it, None for a file of its own.
    """

    id: str
    name: str
    collection: str
    bytes: int
    state: JobState
    share: float
    reason: str | None
    document_id: str | None
    submitted_at: str
    changed_at: str
    owner: str | None = None
    archive: str | None = None

    @property
    def is_kept(self) -> bool:
        """Whether its bytes are in the library's folder until it is a document: it can be tried again then."""
        return self.owner is None and self.bytes > 0

    @property
    def ended(self) -> bool:
        """Whether nothing more will become of it by itself."""
        return self.state not in UNFINISHED

    @property
    def needs_password(self) -> bool:
        """Whether it failed for want of a password, which opens it where it is tried again."""
        return self.state == "failed" and (self.reason or "").endswith(LOCKED_ENDS)


@dataclass(frozen=True, slots=True)
class Section:
    """Where in a document's text a page or the text below a heading begins: at `start`, in characters.

    `page` is None where there are no pages; `heading` is the path of headings, empty where there is none.
    """

    start: int
    page: int | None
    heading: str


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage found by a search, best first.

    `passage` is exactly the extracted text of the document from `start` to `end` (characters). `score` is the fused
    score, about 0 to 1, or the reranker's where there is one; a rank is the place (from 1) that one leg gave the
    passage, None where that leg did not bring it. `heading` is the path of headings above it. `duplicates` are the
    passages, also found, that say the same and are not hits of their own.
    """

    passage_id: int
    passage: str
    document: str
    document_id: str
    page: int | None
    start: int
    end: int
    score: float
    dense_rank: int | None
    sparse_rank: int | None
    heading: str = ""
    duplicates: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Filters:
    """Which documents of a collection a search looks into; what is left empty excludes none.

    `documents` are names or ids. `media_types` are such as "application/pdf"; "text/*" stands for all that begin so.
    `added_from` and `added_to` are days in UTC, both included.
    """

    documents: tuple[str, ...] = ()
    media_types: tuple[str, ...] = ()
    added_from: date | None = None
    added_to: date | None = None


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What became of one file.

    `reason` says why it was skipped or failed, or that it replaced another, in a sentence for the person who gave it.
    """

    document: str
    state: State
    reason: str | None = None
    document_id: str | None = None
    pages: int | None = None
    passages: int = 0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an ingest has come: file `file` of `files` (from 1), and within it a share from 0 to 1."""

    document: str
    file: int
    files: int
    stage: Literal["extracting", "embedding", "storing", "done"]
    share: float

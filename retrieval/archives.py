"""What is in an archive: its members one after another, in memory, under limits. Nothing is ever written to disk.

    zip; tar, plain or compressed; gzip, bzip2 and xz of a single file; the attachments of a mail

Archives in archives are opened too. Everything is counted as it is unpacked, since what an archive says of itself may
be a lie: a bomb, nested, overlapping or containing itself, ends as soon as it passes a limit. Hidden members are
passed over, as they are in folders.

Limits: 7z and RAR are not read; a zip is opened with the password of the old kind of encryption only, not AES.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from retrieval import reasons
from retrieval.budget import Budget, TooLarge
from retrieval.errors import DocumentError, PasswordNeeded
from retrieval.kinds import ARCHIVES, MAIL, media_type
from retrieval.limits import Limits
from retrieval.packed import DAMAGED, Entry, entries
from retrieval.plaintext import NAME_LENGTH, clean_name

_DRIVE = re.compile(r"[A-Za-z]:")
_ATTACHED = re.compile(rb"(?i)^content-disposition:\s*attachment", re.MULTILINE)
_CUT = "…"


@dataclass(frozen=True, slots=True)
class Member:
    """A file of an archive, called `archive.zip/inner/path.docx`."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """A member, or the archive itself, that was not read, and why, in one sentence."""

    name: str
    reason: str


def is_archive(data: bytes, kind: str | None) -> bool:
    """Whether a file of media type `kind` has members to be read on their own."""
    return kind in ARCHIVES or (kind == MAIL and _ATTACHED.search(data) is not None)


def members(
    data: bytes, name: str, limits: Limits, kind: str, password: str | None = None
) -> Iterator[Member | Refused]:
    """What is in the archive `data` of media type `kind`, in its order; of a mail, first the mail itself.

    What cannot be read is refused by name, and the others are read all the same; an archive that passes a limit, or is
    damaged on the way, ends with a refusal of its own name.
    """
    walk = _Walk(Budget(name, len(data), limits), limits, password)
    found = False
    try:
        for member in walk.walk(data, name, kind, 1):
            found = True
            yield member
    except DocumentError as error:
        found = True
        yield Refused(name, str(error))
    if not found:
        yield Refused(name, f"{name} holds no files; check that it is the right one.")


@dataclass(slots=True)
class _Walk:
    budget: Budget
    limits: Limits
    password: str | None
    seen: set[str] = field(default_factory=set)

    def walk(self, data: bytes, name: str, kind: str, depth: int) -> Iterator[Member | Refused]:
        """The members of one archive, `depth` archives deep. Raises DocumentError where a limit is passed."""
        if kind == MAIL:
            yield Member(name, data)
        try:
            for entry in entries(data, kind, name, self.budget, self.password):
                self.budget.count()
                if entry.kind != "folder" and not _is_hidden(entry.path):
                    yield from self._member(entry, name, depth)
        except DAMAGED:
            yield Refused(name, f"{name} is damaged: what follows in it cannot be unpacked; make the archive anew.")

    def _member(self, entry: Entry, archive: str, depth: int) -> Iterator[Member | Refused]:
        name = _named(archive, entry.path)
        reason = _unsafe(entry) or _nameless(name) or self._twice(name)
        if reason:
            yield Refused(name, f"{name} {reason}.")
            return
        try:
            data = entry.read()
        except TooLarge:
            yield Refused(name, str(reasons.larger(name, self.limits.max_bytes)))
            return
        except PasswordNeeded as error:
            yield Refused(name, str(error))
            return
        except DAMAGED:
            yield Refused(name, f"{name} is damaged and cannot be unpacked; make the archive anew.")
            return
        yield from self._opened(data, name, entry, depth)

    def _opened(self, data: bytes, name: str, entry: Entry, depth: int) -> Iterator[Member | Refused]:
        kind = media_type(data, PurePosixPath(entry.path))
        if not data:
            yield Refused(name, str(reasons.empty(name)))
        elif kind is None or not is_archive(data, kind):
            yield Member(name, data)
        elif depth >= self.limits.max_depth:
            yield Refused(name, str(reasons.too_deep(name, self.limits.max_depth)))
        else:
            yield from self.walk(data, name, kind, depth + 1)

    def _twice(self, name: str) -> str | None:
        if name in self.seen:
            return "is in the archive twice; rename one of the two"
        self.seen.add(name)
        return None


def _unsafe(entry: Entry) -> str | None:
    """Why a member is not even unpacked; its path may not lead out of the archive, though nothing is written there."""
    path = entry.path.replace("\\", "/")
    if path.startswith("/") or _DRIVE.match(path) or ".." in path.split("/"):
        return "has a path that leads out of the archive, which is unsafe; it was not unpacked"
    if entry.kind == "link":
        return "is a link, not a file; add the file that it means"
    if entry.kind == "device":
        return "is a device, not a file; it was not unpacked"
    return None


def _nameless(name: str) -> str | None:
    """Why a member is not unpacked whose path is empty, `.`, or ends with what nobody sees."""
    return "has a path that ends without a name; it was not unpacked" if name.endswith("/") else None


def _is_hidden(path: str) -> bool:
    parts = [part for part in path.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    return any(part.startswith(".") or part == "__MACOSX" for part in parts)


def _named(archive: str, path: str) -> str:
    """`archive/path` as the name of a document. One that is too long keeps its last parts, which tell it apart."""
    inner = "/".join(part for part in path.replace("\\", "/").split("/") if part not in ("", "."))
    name = "".join(" " if character.isspace() else character for character in f"{archive}/{inner}")
    if len(clean_name(name)) < NAME_LENGTH:
        return clean_name(name)
    head = clean_name(archive)[: NAME_LENGTH // 2]
    return clean_name(f"{head}/{_CUT}{inner[len(head) + 2 - NAME_LENGTH :]}")

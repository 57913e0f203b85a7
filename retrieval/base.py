"""The vectors of a large collection on disk: an inverted file that is mapped into memory and never read whole.

A base is derived from SQLite. It is two files under a name that is never used again, and a manifest, written last and
put in its place in one step; a base whose manifest does not fit its files or the library's vectors is as good as none.
Who still reads the base before it keeps its files until it closes them.

Limits: sizes of files are compared, not their content; `footnote reindex` mends what else may have happened to them.
"""

import hashlib
import json
import os
import shutil
import time
import uuid
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from retrieval.inverted import Check, Inverted
from retrieval.segment import Segment, Vectors

_FORMAT = 1
"""Part of the manifest: a base of another format is built anew."""
_ABANDONED_SECONDS = 86_400

Part = tuple[str, list[int], Vectors]
"""A document's id, the ids of its passages and their vectors, float32 of shape (passages, dimensions)."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a base holds. `epoch` names the vectors of which it was made; `recall` is that of its `probes`."""

    format: int
    collection: str
    epoch: str
    passages: int
    probes: int
    recall: float
    token: str
    sizes: dict[str, int]


class Bases:
    """The bases in one folder, at most one of each collection. Threads and processes may share it."""

    def __init__(self, folder: Path):
        self._folder = folder

    def open(self, collection: str, epoch: str) -> Segment | None:
        """The base of a collection; None where there is none, or none that can be used."""
        manifest = self._fitting(collection, epoch)
        try:
            return self._opened(manifest) if manifest else None
        except (OSError, ValueError, KeyError, RuntimeError):
            return None

    def size(self, collection: str, epoch: str) -> int:
        """How many passages the base of a collection holds; 0 where there is none that can be used."""
        manifest = self._fitting(collection, epoch)
        return manifest.passages if manifest else 0

    def write(self, collection: str, epoch: str, total: int, parts: Callable[[], Iterable[Part]], check: Check) -> None:
        """Builds a base of `parts`, about `total` vectors in all, and puts it in the place of the one before.

        The parts are gone through twice. `check` is called again and again, and ends the work by what it raises. Raises
        OSError where the folder cannot be written, RuntimeError where FAISS cannot.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        token = f"{_key(collection)}-{uuid.uuid4().hex}"
        before = self.manifest(collection)
        try:
            inverted, places = _built(total, parts, check)
            sizes = self._save(token, inverted.index, places)
            found = len(places["ids"]), int(inverted.index.nprobe), inverted.recall
            self._publish(Manifest(_FORMAT, collection, epoch, *found, token, sizes))
        except BaseException:
            self._sweep(collection, token)
            raise
        self._sweep(collection, before.token if before else "")

    def drop(self, collection: str) -> None:
        """Deletes the base of a collection, if there is one."""
        before = self.manifest(collection)
        self._manifest_path(collection).unlink(missing_ok=True)
        self._sweep(collection, before.token if before else "")

    def clear(self) -> None:
        """Deletes all bases."""
        with suppress(FileNotFoundError):
            shutil.rmtree(self._folder)

    def manifest(self, collection: str) -> Manifest | None:
        """What the base of a collection holds, as it was written; None where there is none."""
        try:
            return Manifest(**json.loads(self._manifest_path(collection).read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def _fitting(self, collection: str, epoch: str) -> Manifest | None:
        manifest = self.manifest(collection)
        if manifest and (manifest.format, manifest.collection, manifest.epoch) == (_FORMAT, collection, epoch):
            return manifest
        return None

    def _opened(self, manifest: Manifest) -> Segment | None:
        import faiss

        if any((self._folder / name).stat().st_size != size for name, size in manifest.sizes.items()):
            return None
        with np.load(self._places(manifest.token), allow_pickle=False) as places:
            ids, documents, counts = (places[name] for name in ("ids", "documents", "counts"))
        index = faiss.read_index(str(self._index(manifest.token)), faiss.IO_FLAG_MMAP | faiss.IO_FLAG_READ_ONLY)
        if not index.ntotal == len(ids) == int(counts.sum()) == manifest.passages:
            return None
        firsts = np.cumsum(counts) - counts
        spans = zip(firsts.tolist(), counts.tolist(), strict=True)
        return Segment(index, ids, dict(zip(documents.tolist(), spans, strict=True)))

    def _save(self, token: str, index: Any, places: Mapping[str, Any]) -> dict[str, int]:
        import faiss

        paths = self._index(token), self._places(token)
        faiss.write_index(index, str(paths[0]))
        with paths[1].open("wb") as file:
            np.savez(file, **places)
        for path in paths:
            _flush(path)
        return {path.name: path.stat().st_size for path in paths}

    def _publish(self, manifest: Manifest) -> None:
        new = self._folder / f"{manifest.token}.json"
        new.write_text(json.dumps(asdict(manifest)), "utf-8")
        _flush(new)
        new.replace(self._manifest_path(manifest.collection))

    def _sweep(self, collection: str, token: str) -> None:
        """Deletes the files of `token`, and those that a process which was killed left behind long ago."""
        manifest = self.manifest(collection)
        oldest = time.time() - _ABANDONED_SECONDS
        for path in self._folder.glob(f"{_key(collection)}-*"):
            name = path.name.split(".")[0]
            if name == token or (path.stat().st_mtime < oldest and not (manifest and name == manifest.token)):
                with suppress(OSError):  # On Windows a file that is being read stays; a later sweep takes it.
                    path.unlink()

    def _manifest_path(self, collection: str) -> Path:
        return self._folder / f"{_key(collection)}.json"

    def _index(self, token: str) -> Path:
        return self._folder / f"{token}.faiss"

    def _places(self, token: str) -> Path:
        return self._folder / f"{token}.npz"


def _built(total: int, parts: Callable[[], Iterable[Part]], check: Check) -> tuple[Inverted, dict[str, Any]]:
    inverted = Inverted.trained(total, (vectors for _, _, vectors in _checked(parts(), check)), check)
    ids, documents, counts = array("q"), [], array("q")
    for document_id, passage_ids, vectors in _checked(parts(), check):
        inverted.add(vectors)
        ids.extend(passage_ids)
        documents.append(document_id)
        counts.append(len(passage_ids))
    inverted.finish()
    return inverted, {"ids": np.array(ids), "documents": np.array(documents), "counts": np.array(counts)}


def _checked(parts: Iterable[Part], check: Check) -> Iterator[Part]:
    for part in parts:
        check()
        yield part


def _key(collection: str) -> str:
    """The collection's name as a file may be called."""
    return hashlib.sha256(collection.encode()).hexdigest()[:16]


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())

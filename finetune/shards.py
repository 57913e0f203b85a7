"""Token shards on the disk: a corpus encoded once, which training maps into memory.

    manifest.json                              what it was made of and how many tokens it holds; the last to be written
    tokenizer.json, tokenizer_config.json
    train-000.bin, train-001.bin, …            uint16, little-endian, nothing else; each but the last of `SHARD_TOKENS`
    validation-000.bin, …

Before each document stands the end-of-text token. A stream goes on from one shard to the next as if they were one, so a
document may lie in two of them. They are small enough to be carried elsewhere one by one: with 16,384 tokens English
text takes half of its bytes, and `xz` halves that again.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from assistant.errors import InputError

FORMAT = "footnote-shards-1"
MANIFEST = "manifest.json"
SHARD_TOKENS = 2**23
"""16 MiB."""
TRAIN, VALIDATION = "train", "validation"
_TYPE = np.dtype("<u2")


@dataclass(frozen=True, slots=True)
class Side:
    """The tokens of one side: how many are in each shard, and the SHA-256 of all of them."""

    sizes: Sequence[int]
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the shards are."""

    key: str
    """A hash of all that they depend on: the next two."""
    settings: dict[str, Any]
    """The settings of the recipe that they depend on, by table and name."""
    data: dict[str, str]
    """The SHA-256 of each file of text, by its name."""
    counts: dict[str, int]
    """What became of the rows."""
    train: Side
    validation: Side


@dataclass(frozen=True, slots=True)
class Shards:
    """Opened shards."""

    folder: Path
    manifest: Manifest
    tokenizer: PreTrainedTokenizerBase

    @property
    def train(self) -> "Stream":
        """What is learned."""
        return Stream(self.folder, TRAIN, self.manifest.train.sizes)

    @property
    def validation(self) -> "Stream":
        """What is kept to watch the training by."""
        return Stream(self.folder, VALIDATION, self.manifest.validation.sizes)


class Stream:
    """The tokens of one side as one sequence, mapped from the disk."""

    def __init__(self, folder: Path, side: str, sizes: Sequence[int]):
        parts = [np.memmap(_shard(folder, side, n), _TYPE, "r", shape=(size,)) for n, size in enumerate(sizes)]
        self._parts = parts
        self._ends = np.cumsum(sizes)

    def __len__(self) -> int:
        return int(self._ends[-1])

    def around(self, start: int, count: int) -> np.ndarray:
        """`count` tokens from `start` on, as int64; after the last comes the first again."""
        found = np.empty(count, dtype=np.int64)
        filled, place = 0, start % len(self)
        while filled < count:
            part = int(np.searchsorted(self._ends, place, side="right"))
            offset = place - (int(self._ends[part]) - len(self._parts[part]))
            piece = self._parts[part][offset : offset + count - filled]
            found[filled : filled + len(piece)] = piece
            filled += len(piece)
            place = (place + len(piece)) % len(self)
        return found


class Writer:
    """Writes the tokens of one side as they come."""

    def __init__(self, folder: Path, side: str):
        self._folder, self._side = folder, side
        self._sizes: list[int] = []
        self._digest = hashlib.sha256()

    def __len__(self) -> int:
        return sum(self._sizes)

    def add(self, ids: np.ndarray) -> None:
        """Append `ids`, whole documents."""
        numbers = ids.astype(_TYPE)
        self._digest.update(numbers.tobytes())
        while len(numbers):
            if not self._sizes or self._sizes[-1] == SHARD_TOKENS:
                self._sizes.append(0)
            piece = numbers[: SHARD_TOKENS - self._sizes[-1]]
            with _shard(self._folder, self._side, len(self._sizes) - 1).open("ab") as file:
                piece.tofile(file)
            self._sizes[-1] += len(piece)
            numbers = numbers[len(piece) :]

    def written(self) -> np.ndarray:
        """All that has been written."""
        parts = [np.fromfile(_shard(self._folder, self._side, n), _TYPE) for n in range(len(self._sizes))]
        return np.concatenate(parts) if parts else np.empty(0, _TYPE)

    def clear(self) -> None:
        """Begin again."""
        for number in range(len(self._sizes)):
            _shard(self._folder, self._side, number).unlink()
        self._sizes, self._digest = [], hashlib.sha256()

    def side(self) -> Side:
        """What the manifest says of it."""
        return Side(list(self._sizes), self._digest.hexdigest())


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Say what the shards in `folder` are."""
    text = json.dumps({"format": FORMAT, **asdict(manifest)}, indent=2, ensure_ascii=False)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")


def open_shards(folder: Path) -> Shards:
    """The shards in `folder`. InputError where they are not there, of another format, or not whole."""
    manifest = _manifest(folder)
    for side, part in ((TRAIN, manifest.train), (VALIDATION, manifest.validation)):
        for number, size in enumerate(part.sizes):
            path = _shard(folder, side, number)
            if not path.is_file() or path.stat().st_size != size * _TYPE.itemsize:
                raise InputError(f"data.shards: {path} is missing or not whole; copy it again, or name another folder")
        if not sum(part.sizes):
            raise InputError(f"data.shards: {folder} holds no token on the side {side}; make the shards again")
    try:
        tokenizer = PreTrainedTokenizerFast.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError) as fault:
        reason = str(fault).split("\n", 1)[0]
        raise InputError(f"data.shards: the tokenizer in {folder} cannot be read ({reason}); copy it again") from fault
    return Shards(folder, manifest, tokenizer)


def has_shards(folder: Path) -> bool:
    """Whether there are finished shards in `folder`."""
    return (folder / MANIFEST).is_file()


def _manifest(folder: Path) -> Manifest:
    path = folder / MANIFEST
    try:
        told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if told.pop("format") != FORMAT:
            raise InputError(f"data.shards: {folder} is not of the format {FORMAT}; make the shards again")
        sides = {name: Side(**told.pop(name)) for name in (TRAIN, VALIDATION)}
        return Manifest(**{**told, **sides})
    except OSError as fault:
        raise InputError(
            f"data.shards: {path} cannot be read ({fault.strerror}); name a folder of finished shards, or data.paths "
            "to make them of"
        ) from fault
    except (ValueError, TypeError, KeyError, AttributeError) as fault:
        raise InputError(f"data.shards: {path} is damaged; copy it again, or make the shards again") from fault


def _shard(folder: Path, side: str, number: int) -> Path:
    return folder / f"{side}-{number:03d}.bin"

"""Which model made a vector: the name of a model, and a digest of what its vectors depend on.

That is every file of its folder (see `retrieval.model_folder`), weights, tokenizer, pooling and the order of the
modules alike, but for documentation, licences and hidden files. Two ids with one digest are one model, wherever its
folder lies. Earlier versions of the program took the weights alone into account; what was made under such an id is
still accepted while the weights are the same. They took a model of the cache for the same whatever lay there: what was
made under a name alone is not accepted. And they left out the prompt that a model has for passages: such a model is
another one now.

Limits: a file whose size and time of change are as they were is not read again. A file that is not loaded, such as the
weights in another format, makes another model all the same.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from retrieval.errors import LibraryError

_DIGITS = 12
_DIGEST_BYTES = 32
_BESIDE = frozenset({".md", ".rst", ".pdf", ".html", ".png", ".jpg", ".jpeg", ".gif", ".svg", ".pyc"})
_ABOUT = ("readme", "license", "licence", "copying", "notice", "changelog", "citation")
_PASSAGE_PROMPTS = ("document", "passage", "corpus")
_WEIGHTS = frozenset({".safetensors", ".bin"})


@dataclass(frozen=True, slots=True)
class ModelId:
    """A model as a library remembers it; `former` is its digest by the weights alone, where that still counts."""

    name: str
    digest: str = ""
    former: str = ""

    def __str__(self) -> str:
        return f"{self.name}@{self.digest}" if self.digest else self.name

    @property
    def key(self) -> str:
        """The same for one model in two places."""
        return f"@{self.digest}" if self.digest else self.name

    def is_same(self, stored: str) -> bool:
        """Whether `stored`, an id that was written before, is this model's."""
        digests = (each for each in (self.digest, self.former) if each)
        return stored == str(self) or stored.endswith(tuple(f"@{each}" for each in digests))


def identify(model: str, cache: Path | None = None, folder: Path | None = None) -> ModelId:
    """The id of `model`, whose files lie in `folder`; without it `model` is the folder.

    What was read of its files is remembered in the file `cache`. Raises LibraryError where a file cannot be read.
    """
    folder = folder or Path(model)
    try:
        files = sorted(_deciding(folder), key=lambda path: path.relative_to(folder).as_posix())
        digests = _digests(files, cache)
    except OSError as error:
        raise LibraryError(f"the embedding model {model} cannot be read ({error}); check its files.") from error
    if not files:
        return ModelId(model)
    anew = _reads_passages_anew(folder)
    whole = hashlib.sha256(b"with the prompt for passages" if anew else b"")
    for path in files:
        whole.update(json.dumps([path.relative_to(folder).as_posix(), digests[path].hex()]).encode())
    return ModelId(model, whole.hexdigest()[:_DIGITS], "" if anew else _of_weights(digests))


def passage_prompt(prompts: Mapping[str, str]) -> str:
    """What stands before a passage, of a model's prompts by name.

    As sentence-transformers' `encode_document`, but an empty prompt is passed over: there every model is given an empty
    one called `document`, so that one called `passage`, as in E5, is never used.
    """
    return next((prompt for name in _PASSAGE_PROMPTS if (prompt := prompts.get(name))), "")


def _reads_passages_anew(folder: Path) -> bool:
    """Whether passages get another prompt than the default one, which earlier versions gave to all texts."""
    try:
        config = json.loads((folder / "config_sentence_transformers.json").read_text("utf-8"))
        prompts = config.get("prompts") or {}
        return passage_prompt(prompts) != (prompts.get(config.get("default_prompt_name")) or "")
    except (OSError, ValueError, AttributeError, TypeError):
        return False  # No such file, or one with which the model cannot be loaded.


def _deciding(folder: Path) -> Iterable[Path]:
    for parent, folders, names in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths = (Path(parent, name) for name in names if not name.startswith("."))
        yield from (path for path in paths if path.is_file() and not _is_about(path))


def _is_about(path: Path) -> bool:
    """Whether a file tells of a model rather than being part of it; `vocab.txt` is part of it, `LICENSE.txt` is not."""
    return path.suffix.lower() in _BESIDE or path.name.lower().startswith(_ABOUT)


def _of_weights(digests: Mapping[Path, bytes]) -> str:
    whole = hashlib.sha256()
    for path in sorted(path for path in digests if path.suffix in _WEIGHTS):
        whole.update(digests[path])
    return whole.hexdigest()[:_DIGITS]


def _digests(files: Iterable[Path], cache: Path | None) -> dict[Path, bytes]:
    known = _read(cache)
    found: dict[Path, bytes] = {}
    fresh = False
    for path in files:
        state = path.stat()
        key = f"{path.resolve()}:{state.st_size}:{state.st_mtime_ns}"
        if key not in known:
            with path.open("rb") as file:
                known[key] = hashlib.file_digest(file, "sha256").hexdigest()
            fresh = True
        found[path] = bytes.fromhex(known[key])
    if cache and fresh:
        _write(cache, known)
    return found


def _read(cache: Path | None) -> dict[str, str]:
    if cache is None:
        return {}
    try:
        found = json.loads(cache.read_text("utf-8"))
        return {
            key: digest for key, digest in found.items() if len(bytes.fromhex(digest)) == hashlib.sha256().digest_size
        }
    except (OSError, ValueError, TypeError, AttributeError):
        return {}  # It only saves time.


def _write(cache: Path, known: Mapping[str, str]) -> None:
    temporary = cache.with_name(f"{cache.name}.{os.getpid()}.new")
    with suppress(OSError):
        temporary.write_text(json.dumps(known), "utf-8")
        temporary.replace(cache)

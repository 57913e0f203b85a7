"""The fingerprint of a checkpoint: one hash over the files that decide what it says.

The weights, the tokenizer, and the configurations by which both are read; not its name, its run record or its model
card, so that a copy has the fingerprint of the original.
"""

import hashlib
import re
from pathlib import Path

from assistant.errors import ModelError

_SAFE = re.compile(r"model.*\.safetensors")
_PICKLED = re.compile(r"pytorch_model.*\.bin")
_OTHERS = frozenset(
    "config.json generation_config.json tokenizer.json tokenizer_config.json special_tokens_map.json added_tokens.json "
    "vocab.json vocab.txt merges.txt tokenizer.model spiece.model sentencepiece.bpe.model".split()
)


def fingerprint(source: str | Path) -> str:
    """SHA-256 (hex) over names and contents of the files in the folder `source`, or of a hub id as it was fetched.

    Raises ModelError where they are gone.
    """
    try:
        return _hash(_files(_folder(source)))
    except (OSError, ValueError) as fault:  # the hub's client says ValueError of a folder that is gone
        raise ModelError(f"{source}: its files cannot be read any more; put them back") from fault


def _folder(source: str | Path) -> Path:
    if Path(source).is_dir():
        return Path(source)
    from huggingface_hub import snapshot_download

    return Path(snapshot_download(str(source), local_files_only=True))


def _files(folder: Path) -> list[Path]:
    files = [path for path in folder.iterdir() if path.is_file()]
    weights = [path for path in files if _SAFE.fullmatch(path.name)]
    weights = weights or [path for path in files if _PICKLED.fullmatch(path.name)]
    return sorted([*weights, *(path for path in files if path.name in _OTHERS)])


def _hash(files: list[Path]) -> str:
    whole = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256")
        whole.update(f"{path.name}\0{content.hexdigest()}\n".encode())
    return whole.hexdigest()

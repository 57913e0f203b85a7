"""Vectors of texts, each text embedded once with one model.

A vector is known by its digest, a hash of the model and the text. What other passages hold already is taken from them.
What is made for a document is kept in SQLite batch by batch until the document is ready, so that an ingest that was
killed goes on where it was.
"""

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import timedelta

import numpy as np

from retrieval.database import AT_ONCE, batched, marks
from retrieval.embed import Embedder
from retrieval.model_id import ModelId
from retrieval.passages import Vectors, from_blob, to_blob
from retrieval.store import Store, ago, now

_GROUP = 64
_KEPT = timedelta(days=30)

Share = Callable[[float], None]


def digest(model: str, text: str) -> bytes:
    """16 bytes that stand for `text` as the model with the key `model` sees it (BLAKE2b)."""
    return hashlib.blake2b(f"{model}\0{text}".encode(), digest_size=16).digest()


class Known:
    """The vectors of a library, computed where they are not known."""

    def __init__(self, store: Store, embedder: Embedder):
        self._store = store
        self._embedder = embedder

    @property
    def model(self) -> ModelId:
        """The model that makes the vectors."""
        return self._embedder.id

    def vectors(self, texts: Sequence[str], document_id: str, share: Share) -> tuple[Vectors, list[bytes]]:
        """Vectors, float32 of shape (len(texts), dimensions), and digests of `texts`, at least one.

        `share` is told the share done, and may raise: what is done until then stays known.
        """
        digests = [digest(self.model.key, text) for text in texts]
        found = self.find(set(digests))
        missing = {key: text for key, text in zip(digests, texts, strict=True) if key not in found}
        known = len(found) / len(set(digests))
        share(known)  # The first group may have to wait for the model to be loaded.
        done = 0
        for made in self._groups(missing, lambda part: share(known + part * (1 - known))):
            found.update(made)
            done += len(made)
            if done < len(missing):  # The last group is stored with its document in a moment.
                self._keep(document_id, made)
        return np.stack([found[key] for key in digests]), digests

    def find(self, digests: Collection[bytes]) -> dict[bytes, Vectors]:
        """The vectors that are known, by digest."""
        found: dict[bytes, Vectors] = {}
        for table in ("vectors_in_work", "passages"):
            for some in batched(digests, AT_ONCE):
                query = f"SELECT digest, vector FROM {table} WHERE digest IN ({marks(some)})"  # noqa: S608
                found.update((key, from_blob(blob)) for key, blob in self._store.database.all(query, *some))
        return found

    def forget_work(self, document_id: str) -> None:
        """Forgets what was kept for a document, and what nobody came back for; call it inside a transaction."""
        of_document = "SELECT digest FROM passages WHERE document_id = ?1"
        query = f"DELETE FROM vectors_in_work WHERE document_id = ?1 OR made_at < ?2 OR digest IN ({of_document})"  # noqa: S608
        self._store.database.all(query, document_id, ago(_KEPT))

    def _groups(self, texts: Mapping[bytes, str], share: Share) -> Iterator[dict[bytes, Vectors]]:
        # Texts of like length go together, so that little of a batch is padding.
        order = sorted(texts, key=lambda key: len(texts[key]), reverse=True)
        for start in range(0, len(order), _GROUP):
            chosen = order[start : start + _GROUP]

            def told(part: float, start: int = start, size: int = len(chosen)) -> None:
                share((start + part * size) / len(order))

            vectors = self._embedder.encode([texts[key] for key in chosen], told)
            yield dict(zip(chosen, vectors, strict=True))

    def _keep(self, document_id: str, vectors: Mapping[bytes, Vectors]) -> None:
        made_at = now()
        with self._store.transaction():
            self._store.database.many(
                "INSERT OR REPLACE INTO vectors_in_work (digest, document_id, vector, made_at) VALUES (?, ?, ?, ?)",
                ((key, document_id, to_blob(vector), made_at) for key, vector in vectors.items()),
            )

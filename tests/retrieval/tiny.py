"""An embedder that costs nothing: words hashed into 16 numbers. Texts that share words have vectors that are alike."""

import re
import zlib

import numpy as np

from retrieval.model_id import ModelId


class TinyEmbedder:
    """What `retrieval.embed.Embedder` offers; it counts the texts, and calls `watch` before each call's work."""

    dimensions = 16

    def __init__(self, model_name="tiny"):
        self.id = ModelId(model_name)
        self.encoded = 0
        self.watch = lambda texts: None

    def encode(self, texts, progress=None):
        self.watch(texts)
        self.encoded += len(texts)
        vectors = np.full((len(texts), self.dimensions), 1e-3, dtype=np.float32)
        for row, text in zip(vectors, texts):
            for word in re.findall(r"\w+", text.lower()):
                row[zlib.crc32(word.encode()) % self.dimensions] += 1
        if progress:
            progress(1.0)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def encode_query(self, text):
        return self.encode([text])[0]

"""Texts that nobody wrote, as many as a measurement needs, and an embedder that costs nothing.

Words have Zipf's frequencies; every document has a topic, whose own words make a part of its text. The vector of a text
is the mean of the vectors of its words, the rare ones counting more, and words of one topic lie near each other. So the
vectors have clusters and the words a long tail, as real ones do. How fast a search is can be measured on them, and how
near it comes to an exact one; not how well it answers.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from retrieval.embed import Embedder, ShareDone
from retrieval.model_id import ModelId

_TOPICS = 1_000
_WORDS = 40_000
_TOPIC_WORDS = 60
_TOPIC_SHARE = 0.12
_SENTENCE_WORDS = (7, 20)
_DIMENSIONS = 384
_READ_WORDS = 96
_QUESTION_WORDS = 13
"""So that a question is as far from its nearest passage as real ones: a cosine of 0.55 (see `retrieval.inverted`)."""
_WORD = re.compile(r"[a-z]+")


class MadeUp(Embedder):
    """Documents by number, and the vectors of their texts. The same seed makes the same."""

    def __init__(self, seed: int = 1):
        super().__init__("made up")
        self.id = ModelId("made up")
        rng = np.random.default_rng(seed)
        self._seed = seed
        self._vocabulary = np.array(_words(), dtype=object)
        shares = 1 / np.arange(1, _WORDS + 1)
        self._cumulative = np.cumsum(shares / shares.sum())
        self._of_topic = rng.integers(_WORDS // 100, _WORDS, (_TOPICS, _TOPIC_WORDS))
        self._places = {word: place for place, word in enumerate(self._vocabulary)}
        vectors = rng.standard_normal((_WORDS, _DIMENSIONS), dtype=np.float32)
        centres = rng.standard_normal((_TOPICS, _DIMENSIONS), dtype=np.float32)
        np.add.at(vectors, self._of_topic.ravel(), np.repeat(centres, _TOPIC_WORDS, axis=0))
        weights = np.arange(1, _WORDS + 1, dtype=np.float32) ** 0.35
        self._vectors = vectors * weights[:, None]

    @property
    def dimensions(self) -> int:
        """Length of a vector."""
        return _DIMENSIONS

    def encode(self, texts: Sequence[str], progress: ShareDone | None = None) -> NDArray[np.float32]:
        """Vectors of length 1, float32 of shape (len(texts), 384)."""
        vectors = np.zeros((len(texts), _DIMENSIONS), dtype=np.float32)
        for row, text in zip(vectors, texts, strict=True):
            words = _WORD.findall(text.lower())[:_READ_WORDS]
            places = [self._places[word] for word in words if word in self._places] or [0]
            row[:] = self._vectors[places].sum(0)
        if progress:
            progress(1.0)
        normalised: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return normalised

    def encode_query(self, text: str) -> NDArray[np.float32]:
        """The vector of a question: no other than that of a passage."""
        vector: NDArray[np.float32] = self.encode([text])[0]
        return vector

    def document(self, number: int, words: int) -> str:
        """Document `number`: sentences of `words` words in all."""
        rng = np.random.default_rng((self._seed, number))
        places = np.searchsorted(self._cumulative, rng.random(words)).clip(max=_WORDS - 1)
        topical = rng.random(words) < _TOPIC_SHARE
        places[topical] = rng.choice(self._of_topic[rng.integers(_TOPICS)], int(topical.sum()))
        return " ".join(_sentences(self._vocabulary[places], rng))

    def question(self, passage: str, rng: np.random.Generator, words: int = _QUESTION_WORDS) -> str:
        """Some words of a passage, its common ones left out."""
        found = sorted({self._places[word] for word in _WORD.findall(passage.lower()) if word in self._places})
        rare = found[len(found) // 3 :] or found
        return " ".join(self._vocabulary[rng.choice(rare, min(words, len(rare)), replace=False)])


def _sentences(words: NDArray[np.object_], rng: np.random.Generator) -> Iterator[str]:
    start = 0
    while start < len(words):
        stop = start + int(rng.integers(*_SENTENCE_WORDS))
        yield " ".join(words[start:stop]).capitalize() + "."
        start = stop


def _words() -> list[str]:
    """Short words first, as in any language."""
    onsets, vowels = "b c d f g h k l m n p r s t v w st tr gl br".split(), "a e i o u ai".split()
    syllables = ["".join(pair) for pair in product(onsets, vowels)]
    longer = ("".join(pair) for pair in product(syllables, repeat=2))
    longest = ("".join(parts) for parts in product(syllables, syllables, syllables[::9]))
    return list(dict.fromkeys([*syllables, *longer, *longest]))[:_WORDS]

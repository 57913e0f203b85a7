"""Builds an inverted file: k-means lists of vectors in float16, and how many lists a search must look into.

The lists are about 2√n clusters (J. Johnson, M. Douze, H. Jégou: Billion-scale similarity search with GPUs, 2017,
section 2). How many of them hold the nearest vectors depends on the texts, so it is measured while the vectors come in:
questions are made of some of them, their ten nearest are found by comparing with all, and three times the fewest lists
are taken that find `RECALL` of these.

A question is made by adding noise of 1.5 times a vector's length. On 3,759 passages and 1,500 real questions on them
(SQuAD 2.0, FairytaleQA, PubMedQA) such questions are as far from the nearest passage as the real ones (cosine 0.55 and
0.56), and need as many lists (16 of 122 find 0.966 and 0.968 of the ten nearest, 32 find 0.990 and 0.989). Where the
passages of a document are closer to each other, noise leads less far away than people's words do: of 990,000 made-up
ones (`retrieval.madeup`) three lists find 0.998 by noise and 0.945 by words. Hence three times as many.
"""

from collections.abc import Callable, Iterable
from math import ceil, sqrt
from typing import Any, Self

import numpy as np

from retrieval.segment import Vectors, inverted_parameters

RECALL = 0.99
_NEAREST = 10
_QUESTIONS = 200
_NOISE = 1.5
_LISTS_PER_ROOT = 2
_SAMPLE_PER_LIST = 50
_ROUNDS = 10
_MARGIN = 3
_BLOCK = 8192
_SEED = 1

Check = Callable[[], None]


class Inverted:
    """An inverted file being built: train it, add all vectors, then `finish` it."""

    def __init__(self, index: Any, questions: Vectors):
        self.index = index
        self.recall = 0.0
        self._questions = questions
        self._nearest = np.zeros((len(questions), 0), np.int64)
        self._scores = np.zeros((len(questions), 0), np.float32)
        self._waiting: list[Vectors] = []

    @classmethod
    def trained(cls, total: int, vectors: Iterable[Vectors], check: Check) -> Self:
        """One whose lists suit `total` vectors, of which `vectors` are all or many, in blocks of (n, dimensions).

        `check` is called again and again; what it raises ends the work.
        """
        lists = max(1, round(_LISTS_PER_ROOT * sqrt(total)))
        chance = np.random.default_rng(_SEED)
        share = min(1.0, lists * _SAMPLE_PER_LIST / total)
        sample = np.concatenate([block[chance.random(len(block)) < share] for block in vectors])
        picked = sample[chance.integers(len(sample), size=_QUESTIONS)]
        noise = chance.standard_normal(picked.shape).astype(np.float32) * (_NOISE / sqrt(picked.shape[1]))
        questions = picked + noise
        return cls(_empty(sample, lists, check), questions / np.linalg.norm(questions, axis=1, keepdims=True))

    def add(self, vectors: Vectors) -> None:
        """Adds vectors of length 1, float32 of shape (n, dimensions)."""
        self._waiting.append(vectors)
        if sum(map(len, self._waiting)) >= _BLOCK:
            self._put()

    def finish(self) -> None:
        """Sets the number of lists that a search looks into, when all vectors are in."""
        self._put()
        probes = 1
        while self._recall(probes) < RECALL and probes < self.index.nlist:
            probes = min(ceil(probes * 1.25), self.index.nlist)
        probes = min(_MARGIN * probes, self.index.nlist)
        self.index.nprobe, self.recall = probes, self._recall(probes)

    def _put(self) -> None:
        if not self._waiting:
            return
        block = np.concatenate(self._waiting)
        self._waiting.clear()
        places = np.arange(len(block)) + self.index.ntotal
        self.index.add(block)
        nearest = np.hstack([self._nearest, np.broadcast_to(places, (len(self._questions), len(block)))])
        scores = np.hstack([self._scores, self._questions @ block.T])
        best = np.argsort(-scores, axis=1, kind="stable")[:, :_NEAREST]
        self._nearest = np.take_along_axis(nearest, best, axis=1)
        self._scores = np.take_along_axis(scores, best, axis=1)

    def _recall(self, probes: int) -> float:
        parameters = inverted_parameters(probes)
        _, found = self.index.search(self._questions, self._nearest.shape[1], params=parameters)
        return float(np.mean([np.isin(*pair).mean() for pair in zip(self._nearest, found, strict=True)]))


def _empty(sample: Vectors, lists: int, check: Check) -> Any:
    """An index with trained lists and nothing in them."""
    import faiss

    dimensions = sample.shape[1]
    nearest = faiss.IndexFlatIP(dimensions)
    settings = faiss.ClusteringParameters()
    settings.niter = 1
    settings.spherical = True
    settings.min_points_per_centroid = 1
    settings.max_points_per_centroid = len(sample)
    clusters = faiss.Clustering(dimensions, min(lists, len(sample)), settings)
    for _ in range(_ROUNDS):
        check()
        clusters.train(sample, nearest)  # goes on from the centroids that it has
    kind = faiss.ScalarQuantizer.QT_fp16
    metric = faiss.METRIC_INNER_PRODUCT
    index = faiss.IndexIVFScalarQuantizer(nearest, dimensions, clusters.k, kind, metric, False)
    index.train(sample)
    return index

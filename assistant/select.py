"""Evidence: the sentences of the found passages that are worth the model's window.

A sentence is judged by its likeness to the question (cosine of embeddings), by the share of the question's words that
it holds, alone and together with the sentence before it, each word weighed by how rare it is among the candidates, and
by whether it holds the kind of thing asked for.

The weights were chosen by hand on a few hundred questions of SQuAD 2.0 with their paragraph and two others.
`footnote eval selection` measures them beside likeness alone.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from assistant.words import content_stems
from retrieval.sentences import sentence_spans
from retrieval.types import Hit

Encode = Callable[[Sequence[str]], np.ndarray]
"""Texts to unit vectors, shape (texts, dimensions)."""
EncodeQuery = Callable[[str], np.ndarray]
"""A question to a unit vector, shape (dimensions,)."""

_WORDS_WEIGHT = 0.5
_CONTEXT_WEIGHT = 0.4
_KIND_WEIGHT = 0.05
_NOTHING_NEW = 0.5
_GAP = 20
"""Characters between two sentences that still follow on each other: white space, a bullet, a heading's mark."""
_NUMBER = r"\d"
_DATE = (
    r"\d|\b(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day\b"
    r"|\b(?:January|February|March|April|May|June|July|August|September|October|November|December)\b"
)
_KINDS = tuple(
    (re.compile(asks, re.IGNORECASE), re.compile(holds))
    for asks, holds in (
        (
            r"\bhow (many|much|old|long|far|large|big|high|tall)\b|\bwhat (number|amount|price|percentage|total)\b",
            _NUMBER,
        ),
        (r"\bwhen\b|\b(what|which) (year|date|day|month|time)\b", _DATE),
        (r"\b(who|whom|whose)\b", r"(?<=\w )[A-Z]\w+"),
        (r"\bwhere\b", r"\b(?:in|at|on|near|from|to) (?:the )?[A-Z]\w+"),
        (r"\bwhy\b", r"\b(?:because|since|due|so that|in order|therefore|reason)\b"),
    )
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence of a passage: `text` is the document's text from `start` to `end`.

    `score` is its worth for the question, about 0 to 2; below 0 where it is unlike it or only repeats it.
    """

    document_id: str
    document: str
    page: int | None
    start: int
    end: int
    text: str
    score: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the model is shown and the answer is checked against.

    `ranked` are all sentences of the found passages, best first; `sources` are runs of neighbouring sentences around
    the best, in the order in which they are numbered in the prompt.
    """

    ranked: tuple[Candidate, ...]
    sources: tuple[tuple[Candidate, ...], ...]


def select(
    question: str,
    hits: Sequence[Hit],
    encode: Encode,
    encode_query: EncodeQuery | None = None,
    *,
    most_sources: int = 3,
) -> Evidence:
    """Rank the sentences of `hits` for `question` and gather the best with their neighbours into sources.

    `encode_query` is for models that tell questions from passages; without it the question is encoded as the rest.
    """
    spans = _sentences(hits)
    if not spans:
        return Evidence((), ())
    order = _scored(question, spans, encode, encode_query or (lambda text: encode([text])[0]))
    # Of equal ones the first in reading order: ids are drawn by chance.
    ranked = tuple(sorted(order, key=lambda candidate: -candidate.score))
    return Evidence(ranked, _sources(order, ranked, most_sources))


def _sentences(hits: Sequence[Hit]) -> list[tuple[Hit, int, int]]:
    """Each sentence of the passages once, with its offsets in the document, in reading order of each document."""
    found: dict[tuple[str, int, int], Hit] = {}
    for hit in hits:
        for start, end in sentence_spans(hit.passage):
            found.setdefault((hit.document_id, hit.start + start, hit.start + end), hit)
    places = {document: rank for rank, document in enumerate(dict.fromkeys(hit.document_id for hit in hits))}
    return [(found[key], key[1], key[2]) for key in sorted(found, key=lambda key: (places[key[0]], key[1], key[2]))]


def _scored(
    question: str, spans: Sequence[tuple[Hit, int, int]], encode: Encode, encode_query: EncodeQuery
) -> list[Candidate]:
    texts = [hit.passage[start - hit.start : end - hit.start] for hit, start, end in spans]
    likeness = encode(texts) @ encode_query(question)
    alone = _word_overlap(question, texts)
    in_context = _word_overlap(question, [_with_sentence_before(spans, texts, place) for place in range(len(texts))])
    return [
        Candidate(
            document_id=hit.document_id,
            document=hit.document,
            page=hit.page,
            start=start,
            end=end,
            text=text,
            score=float(like)
            + _WORDS_WEIGHT * share
            + _CONTEXT_WEIGHT * context
            + _KIND_WEIGHT * _holds_kind(question, text)
            - _NOTHING_NEW * (not _adds_words(question, text)),
        )
        for (hit, start, end), text, like, share, context in zip(spans, texts, likeness, alone, in_context, strict=True)
    ]


def _with_sentence_before(spans: Sequence[tuple[Hit, int, int]], texts: Sequence[str], place: int) -> str:
    """The text at `place` with the sentence before it, if that stands directly before it in the document."""
    if place == 0:
        return texts[place]
    (before, _, end), (hit, start, _) = spans[place - 1], spans[place]
    follows = _follows((before.document_id, before.page, end), (hit.document_id, hit.page, start))
    return f"{texts[place - 1]} {texts[place]}" if follows else texts[place]


def _follows(end: tuple[str, int | None, int], start: tuple[str, int | None, int]) -> bool:
    """Whether a sentence that starts at `start` (document, page, offset) follows directly on one that ends at `end`."""
    return end[:2] == start[:2] and 0 <= start[2] - end[2] <= _GAP


def _word_overlap(question: str, texts: Sequence[str]) -> list[float]:
    """For each text the share (0 to 1) of the question's words that it holds, weighed by their rarity in `texts`."""
    asked = set(content_stems(question))
    held = [set(content_stems(text)) for text in texts]
    frequency = Counter(word for words in held for word in words)
    weights = {word: math.log(1 + len(texts) / (1 + frequency[word])) for word in asked}
    total = math.fsum(weights.values())  # exact, so that the order of the words changes nothing
    if not total:
        return [0.0] * len(texts)
    return [math.fsum(weights[word] for word in asked & words) / total for words in held]


def _holds_kind(question: str, text: str) -> bool:
    """Whether `text` holds the kind of thing asked for: a number, a date, a name, a place, a reason."""
    wanted = [kind for asks, kind in _KINDS if asks.search(question)]
    return any(kind.search(text) for kind in wanted)


def _adds_words(question: str, text: str) -> bool:
    """Whether `text` says anything that the question does not; a heading that repeats it is no answer."""
    return not set(content_stems(text)) <= set(content_stems(question))


def _sources(order: Sequence[Candidate], ranked: Sequence[Candidate], most: int) -> tuple[tuple[Candidate, ...], ...]:
    """The best sentences, each with the one after it; no place twice, and no best sentence that says the same again.

    A source begins with its best sentence, so that a small model finds it where it was trained to look.
    """
    place = {id(candidate): index for index, candidate in enumerate(order)}
    taken: set[int] = set()
    said: set[str] = set()
    sources: list[tuple[Candidate, ...]] = []
    for best in ranked:
        centre = place[id(best)]
        if len(sources) < most and centre not in taken and best.text not in said:
            run = [index for index in _neighbourhood(order, centre) if index not in taken]
            taken.update(run)
            said.add(best.text)
            sources.append(tuple(order[index] for index in run))
    return tuple(sources)


def _neighbourhood(order: Sequence[Candidate], centre: int) -> range:
    """The place of a sentence, and of the one that stands directly after it."""
    follows = centre + 1 < len(order) and _adjacent(order[centre], order[centre + 1])
    return range(centre, centre + (2 if follows else 1))


def _adjacent(one: Candidate, other: Candidate) -> bool:
    return _follows((one.document_id, one.page, one.end), (other.document_id, other.page, other.start))

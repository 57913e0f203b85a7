"""Each sentence of a draft against the evidence: does a sentence of the documents support it?

First cut, by three signs that must all hold against one and the same sentence of the evidence:

    token recall        every content word of the draft sentence, by its stem, stands in the evidence
    number agreement    so does every number, and negation is the same in both
    similarity          cosine of the embeddings, at least 0.6

One foreign word is enough to fail: "red tablets" against "blue tablets", "billion" against "million". That is strict,
and meant so: a true sentence in other words is shown as unsupported rather than a false one as supported.

Not checked: word order and roles ("A beat B" against "B beat A" passes), what stop words say ("in" against "on"), and
what follows only from several sentences together.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from assistant.select import Candidate, Encode, Evidence
from assistant.types import Citation, Sentence
from assistant.words import content_stems, negated, numbers
from retrieval.sentences import sentence_spans

MIN_RECALL = 1.0
MIN_SIMILARITY = 0.6
_CONSIDERED = 48


@dataclass(frozen=True, slots=True)
class Checked:
    """A draft sentence, the evidence nearest to it, how well that supports it (0 to 1), and whether that is enough."""

    text: str
    nearest: Candidate | None
    score: float
    supported: bool


def verify(draft: Sequence[str], evidence: Evidence, encode: Encode) -> tuple[Checked, ...]:
    """Check the sentences of a draft, in order."""
    candidates = evidence.ranked[:_CONSIDERED]
    if not draft or not candidates:
        return tuple(Checked(text, None, 0.0, False) for text in draft)
    vectors = encode([*draft, *(candidate.text for candidate in candidates)])
    likeness = vectors[: len(draft)] @ vectors[len(draft) :].T
    return tuple(
        _check(text, candidates, [float(value) for value in row]) for text, row in zip(draft, likeness, strict=True)
    )


def cite(checked: Sequence[Checked]) -> tuple[tuple[Sentence, ...], tuple[Citation, ...]]:
    """Number the evidence of the supported sentences in the order of first use; the same words keep one number."""
    citations: dict[tuple[str, int, int], Citation] = {}
    sentences = []
    for item in checked:
        source = item.nearest
        if not item.supported or source is None:
            sentences.append(Sentence(item.text, "unsupported", round(item.score, 4)))
            continue
        key = (source.document_id, source.start, source.end)
        number = len(citations) + 1
        citation = citations.setdefault(
            key,
            Citation(number, source.document, source.document_id, source.page, source.start, source.end, source.text),
        )
        sentences.append(Sentence(item.text, "supported", round(item.score, 4), (citation.id,)))
    return tuple(sentences), tuple(citations.values())


def draft_sentences(draft: str) -> list[str]:
    """The sentences of a draft, the footnote marks that the model wrote left out: the check decides what is cited."""
    text = without_marks(draft)
    return [" ".join(text[start:end].split()) for start, end in sentence_spans(text)]


def without_marks(text: str) -> str:
    """`text` without marks of the form `[3]`."""
    pieces: list[str] = []
    for piece in text.split("["):
        number, bracket, rest = piece.partition("]")
        is_mark = bool(pieces) and bool(bracket) and number.strip().isdigit()
        pieces.append(rest if is_mark else (f"[{piece}" if pieces else piece))
    return "".join(pieces)


def _check(text: str, candidates: Sequence[Candidate], likeness: Sequence[float]) -> Checked:
    scored = [
        (_support(text, candidate.text, like), candidate) for candidate, like in zip(candidates, likeness, strict=True)
    ]
    (score, supported), nearest = max(scored, key=lambda item: (item[0][1], item[0][0]))
    return Checked(text, nearest, score, supported)


def _support(text: str, evidence: str, likeness: float) -> tuple[float, bool]:
    """How well `evidence` supports `text`, 0 to 1, and whether every sign holds."""
    recall = _recall(text, evidence)
    agrees = numbers(text) <= numbers(evidence) and negated(text) == negated(evidence)
    score = max(0.0, min(1.0, (recall + max(likeness, 0.0)) / 2)) * (1.0 if agrees else 0.5)
    return score, agrees and recall >= MIN_RECALL and likeness >= MIN_SIMILARITY


def _recall(text: str, evidence: str) -> float:
    said = content_stems(text)
    held = set(content_stems(evidence))
    return sum(word in held for word in said) / len(said) if said else 0.0

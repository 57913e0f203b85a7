"""The answer to a question and the events on the way to it; the JSON of `footnote ask` is `Answer.as_dict()`."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from assistant.chatml import Message
from retrieval.types import Hit

Verdict = Literal["supported", "unsupported"]


@dataclass(frozen=True, slots=True)
class Citation:
    """Exact words of a document: `quote` is its extracted text from `start` to `end`. `id` counts from 1."""

    id: int
    document: str
    document_id: str
    page: int | None
    start: int
    end: int
    quote: str


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of an answer, whether the passages support it, how well (0 to 1), and by which citations."""

    text: str
    verdict: Verdict
    score: float
    citations: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens read and written by the model."""

    prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """What the reader gets. `abstained` answers say that the documents do not hold it; `confidence` is 0 to 1."""

    question: str
    answer: str
    abstained: bool
    confidence: float
    sentences: tuple[Sentence, ...]
    citations: tuple[Citation, ...]
    hits: tuple[Hit, ...]
    model: str
    usage: Usage = field(default_factory=Usage)
    timings_ms: dict[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as `footnote ask --json` prints them. Hits are named, not repeated whole."""
        values = asdict(self)
        values["hits"] = [hit_summary(hit) for hit in self.hits]
        return values


def hit_summary(hit: Hit) -> dict[str, Any]:
    """A hit without its text."""
    return {
        "passage_id": hit.passage_id,
        "document": hit.document,
        "page": hit.page,
        "score": hit.score,
        "dense_rank": hit.dense_rank,
        "sparse_rank": hit.sparse_rank,
    }


@dataclass(frozen=True, slots=True)
class Retrieved:
    """The passages found for `query`, the question made to stand alone."""

    query: str
    hits: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class Prompted:
    """What the model is sent, as messages of ChatML."""

    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the draft, as the model writes it."""

    text: str


@dataclass(frozen=True, slots=True)
class Verified:
    """The draft's sentences with their verdicts."""

    sentences: tuple[Sentence, ...]
    citations: tuple[Citation, ...]


@dataclass(frozen=True, slots=True)
class Answered:
    """The end: what the reader is shown in place of the draft."""

    answer: Answer


Event = Retrieved | Prompted | Token | Verified | Answered

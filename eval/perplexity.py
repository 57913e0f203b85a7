"""How well a model predicts a text: perplexity by a sliding window, and bits per byte.

    perplexity     exp of the mean negative natural logarithm of the tokens' probabilities (Jelinek et al. 1977)
    bits per byte  total negative binary logarithm of the probabilities / UTF-8 bytes of the text

Perplexities compare only between models with one and the same tokenizer; bits per byte compare between any two. Both
depend on the window: a token is predicted from at least `context - stride + 1` tokens before it, once its document has
as many, so a smaller stride gives lower figures for more work. With `stride == context` the text is cut into chunks.

Limits: one window is run at a time, in the float32 of the loaded checkpoint. Without an end-of-text or bos token the
first token of a document has nothing to be predicted from: it is not scored, and its bytes are not counted.
"""

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch.nn.functional import cross_entropy
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from assistant.checkpoint import Checkpoint
from assistant.errors import InputError, ModelError
from eval.document_score import DocumentScore
from eval.documents import Document, encoded

DEFAULT_STRIDE = 512
_MOST_NATS = 700  # exp of a larger mean is beyond a float


@dataclass(frozen=True, slots=True)
class Perplexity:
    """The figures with all that they depend on.

    `tokens` and `bytes` are those scored; `stride` and `context` are in tokens; `tokenizer` is the size of the
    vocabulary and the beginning of its SHA-256, equal where perplexities compare.
    """

    perplexity: float
    bits_per_byte: float
    tokens: int
    bytes: int
    documents: int
    stride: int
    context: int
    tokenizer: str
    model: str


@dataclass(frozen=True, slots=True)
class Span:
    """One run of the model: it reads the positions from `begin` to `end` and is scored on those from `scored` on."""

    begin: int
    scored: int
    end: int


def perplexity_of(probabilities: Sequence[float]) -> float:
    """The perplexity of tokens predicted with these probabilities: the inverse of their geometric mean.

    Infinite where a token was held impossible; InputError without tokens, or with a probability outside 0 to 1.
    """
    if not probabilities or not all(0 <= p <= 1 for p in probabilities):
        raise InputError("probabilities must be one number or more from 0 to 1")
    if 0 in probabilities:
        return math.inf
    return math.exp(-math.fsum(map(math.log, probabilities)) / len(probabilities))


def spans(length: int, context: int, stride: int) -> Iterator[Span]:
    """The windows over `length` positions: each begins `stride` after the one before, each position is scored once."""
    scored = 0
    for begin in range(0, length, stride):
        end = min(begin + context, length)
        yield Span(begin, scored, end)
        scored = end
        if end == length:
            return


def measure(
    texts: Iterable[str],
    checkpoint: Checkpoint,
    *,
    stride: int | None = None,
    context: int | None = None,
    limit: int | None = None,
    progress: Callable[[float], None] = lambda _: None,
) -> Perplexity:
    """Score the tokens of `texts`, documents that do not see one another, up to `limit` tokens in all.

    `context` is the model's positions where it is not given, `stride` 512 or the whole of a shorter context;
    `progress` is called with the share done. Raises InputError where a setting or the text cannot be used, ModelError
    where the model gives no likelihood that is a number.
    """
    context, stride = _window(checkpoint, context, stride)
    documents = encoded(texts, checkpoint.tokenizer, limit)
    tokens = sum(len(document.ids) - 1 for document in documents)
    size = sum(document.size for document in documents)
    if not tokens or not size:
        raise InputError("no token to score: give a longer text")
    nats = _total(documents, checkpoint, context, stride, lambda done: progress(done / tokens))
    return Perplexity(
        perplexity=math.exp(nats / tokens),
        bits_per_byte=nats / math.log(2) / size,
        tokens=tokens,
        bytes=size,
        documents=len(documents),
        stride=stride,
        context=context,
        tokenizer=fingerprint_of(checkpoint.tokenizer),
        model=checkpoint.name,
    )


def score_each(
    texts: Sequence[str],
    checkpoint: Checkpoint,
    *,
    stride: int | None = None,
    context: int | None = None,
    progress: Callable[[float], None] = lambda _: None,
) -> list[DocumentScore]:
    """The scores of each document by itself, to compare models document by document; settings as in `measure`.

    A document without a token to score has 0 of everything. Raises InputError, ModelError.
    """
    context, stride = _window(checkpoint, context, stride)
    found: list[DocumentScore] = []
    for number, text in enumerate(texts, start=1):
        documents = encoded([text], checkpoint.tokenizer)
        tokens = sum(len(document.ids) - 1 for document in documents)
        nats = _total(documents, checkpoint, context, stride, lambda _: None) if tokens else 0.0
        found.append(DocumentScore(nats, tokens, sum(document.size for document in documents)))
        progress(number / len(texts))
    return found


def fingerprint_of(tokenizer: PreTrainedTokenizerBase) -> str:
    """The size of the vocabulary and the beginning of its SHA-256: equal where perplexities compare."""
    vocabulary = sorted(tokenizer.get_vocab().items())
    digest = hashlib.sha256(json.dumps(vocabulary).encode()).hexdigest()
    return f"{len(vocabulary)} tokens, {digest[:12]}"


@torch.inference_mode()
def negative_logs(model: PreTrainedModel, ids: Sequence[int], context: int, stride: int) -> Iterator[list[float]]:
    """Window by window, the negative natural logarithms of the probabilities of `ids[1:]`, in order."""
    row = torch.tensor(ids, device=model.device)
    inputs, targets = row[:-1], row[1:]
    for span in spans(len(targets), context, stride):
        read = inputs[None, span.begin : span.end]
        logits = model(input_ids=read, attention_mask=torch.ones_like(read), use_cache=False).logits[0]
        new = logits[span.scored - span.begin :].float()
        yield cross_entropy(new, targets[span.scored : span.end], reduction="none").tolist()


def _total(
    documents: Sequence[Document], checkpoint: Checkpoint, context: int, stride: int, count: Callable[[int], None]
) -> float:
    """Nats over all documents."""
    windows: list[float] = []
    tokens = 0
    for document in documents:
        for logs in negative_logs(checkpoint.model, document.ids, context, stride):
            windows.append(math.fsum(logs))
            tokens += len(logs)
            count(tokens)
    nats = math.fsum(windows)
    if not nats / tokens < _MOST_NATS:  # so written that a NaN is refused as well
        raise ModelError(f"{checkpoint.name}: its likelihoods are not finite; train or copy the checkpoint again")
    return nats


def _window(checkpoint: Checkpoint, context: int | None, stride: int | None) -> tuple[int, int]:
    positions = checkpoint.positions
    context = positions if context is None else context
    if not 1 <= context <= positions:
        raise InputError(f"context must be from 1 to the {positions} positions of {checkpoint.name}, not {context}")
    stride = min(DEFAULT_STRIDE, context) if stride is None else stride
    if not 1 <= stride <= context:
        raise InputError(f"stride must be from 1 to the context of {context} tokens, not {stride}")
    return context, stride

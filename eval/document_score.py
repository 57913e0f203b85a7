"""What a model makes of one document, apart from `eval.perplexity`, so that a replay need not load PyTorch."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DocumentScore:
    """Nats in all, over the tokens and UTF-8 bytes that were scored."""

    nats: float
    tokens: int
    bytes: int

"""The loss of a model on held-out text or conversations, for comparing one model's forms with each other.

    loss = -1/T Σ log p(token_t | tokens before it)        perplexity = exp(loss)

Windows do not overlap, so a token early in one has little before it: the figures compare models on the same windows and
are higher than those of a sliding window.
"""

import math
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.nn.functional import cross_entropy
from transformers import PreTrainedTokenizerBase

from assistant.chatml import ChatML, Message, Rendered
from assistant.checkpoint import Checkpoint
from assistant.errors import InputError
from assistant.rows import data_files, read_rows
from assistant.wording import chat_messages
from finetune.progress import progress, say

_PLAIN = (".txt", ".md")
_LEAST_TOKENS = 100
"""Fewer than these say nothing about a model."""


@dataclass(frozen=True, slots=True)
class Loss:
    """Mean negative log likelihood in nats per token, over `tokens` tokens."""

    mean: float
    tokens: int

    @property
    def perplexity(self) -> float:
        """exp(mean), without overflow."""
        return math.exp(min(self.mean, 700.0)) if math.isfinite(self.mean) else math.nan


@torch.inference_mode()
def mean_loss(model: torch.nn.Module, examples: Sequence[Rendered], doing: str = "the loss") -> Loss:
    """The loss over the learned tokens of all examples, the first of each apart: it has nothing before it.

    `doing` says on the progress line whose loss it is.
    """
    total, tokens = 0.0, 0
    with progress(f"measuring {doing}", "texts", len(examples)) as counted:
        for example in counted(examples):
            ids, learned = torch.tensor(example.ids), torch.tensor(example.learned)[1:]
            logits = model(input_ids=ids[None]).logits[0, :-1]
            total += cross_entropy(logits[learned].float(), ids[1:][learned], reduction="sum").item()
            tokens += int(learned.sum())
    return Loss(total / tokens, tokens)


def text_windows(paths: Sequence[Path], checkpoint: Checkpoint, most: int) -> list[Rendered]:
    """Windows of at most the model's positions over the texts of `paths`, about `most` tokens of them in all.

    A path is plain text (.txt, .md), or JSON lines with `text` or a folder of them. InputError for too little text.
    """
    chatml = ChatML(checkpoint.tokenizer)
    windows: list[Rendered] = []
    tokens = 0
    with _any_length(checkpoint.tokenizer):
        for text in _texts(paths):
            ids = chatml.encode_text(text)[: most - tokens]
            tokens += len(ids)
            windows.extend(_windows(ids, checkpoint.positions))
            if tokens >= most:
                break
    predicted = sum(len(window.ids) - 1 for window in windows)
    if predicted < _LEAST_TOKENS:
        raise InputError(
            f"--text: {predicted} tokens of text with others before them are too few to measure by; name text of at "
            f"least {_LEAST_TOKENS}"
        )
    return windows


def conversations(paths: Sequence[Path], checkpoint: Checkpoint) -> list[Rendered]:
    """Rows of {"instruction", "solution"} in ChatML, the reply learned.

    Those longer than the positions are left out, and their number is said.
    """
    chatml = ChatML(checkpoint.tokenizer)
    examples = []
    with _any_length(checkpoint.tokenizer):
        for path in data_files([str(path) for path in paths], "--data"):
            for row in read_rows(path):
                reply = Message("assistant", row.text("solution").strip())
                examples.append(chatml.render([*chat_messages(row.text("instruction")), reply]))
    fitting = [example for example in examples if len(example.ids) <= checkpoint.positions]
    if not fitting:
        raise InputError(
            f"--data: none of the {len(examples)} rows fits the {checkpoint.positions} positions; name shorter ones"
        )
    if len(fitting) < len(examples):
        too_long = len(examples) - len(fitting)
        say(f"left out: {too_long} of {len(examples)} rows, longer than the {checkpoint.positions} positions")
    return fitting


def _texts(paths: Sequence[Path]) -> Iterator[str]:
    for path in paths:
        if path.suffix.lower() in _PLAIN:
            yield _plain(path)
        else:
            for file in data_files([str(path)], "--text"):
                yield from (row.text("text") for row in read_rows(file))


def _plain(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as fault:
        raise InputError(f"--text: {path} cannot be read as text in UTF-8 ({fault})") from fault


def _windows(ids: list[int], window: int) -> Iterator[Rendered]:
    for start in range(0, len(ids), window):
        part = ids[start : start + window]
        if len(part) > 1:
            yield Rendered(part, [True] * len(part))


@contextmanager
def _any_length(tokenizer: PreTrainedTokenizerBase) -> Iterator[None]:
    """No warning for texts longer than the model's positions: they are cut into windows, or left out."""
    limit = tokenizer.model_max_length
    tokenizer.model_max_length = sys.maxsize
    try:
        yield
    finally:
        tokenizer.model_max_length = limit

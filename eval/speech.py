"""One reply of the engine that serves, and the manner of many: do they end, do they loop, how fast do they come."""

import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from assistant.chatml import Message
from assistant.engine.engine import Engine
from assistant.engine.reply import Reply
from assistant.engine.sampling import Sampling
from eval.loops import loops


@dataclass(frozen=True, slots=True)
class Spoken:
    """A reply. `tokens` counts the end tag too; `timed_tokens` came in the `seconds` after the first piece."""

    text: str
    tokens: int
    ended: bool
    timed_tokens: int = 0
    seconds: float = 0.0


Speak = Callable[[Sequence[Message]], Spoken]
"""Replies to a conversation."""


@dataclass(frozen=True, slots=True)
class Manner:
    """Shares from 0 to 1 over `replies`.

    `ended`: the model ended its turn (or began another one) before `max_tokens` were said; `looping`: `eval.loops`;
    `mean_tokens` with the end tag; `decode_tokens_per_s`: after the first piece of each reply, so without reading the
    prompt, None where no reply was longer than that.
    """

    replies: int
    ended: float
    looping: float
    mean_tokens: float
    decode_tokens_per_s: float | None


def manner(spoken: Sequence[Spoken]) -> Manner | None:
    """The manner of one reply or more; None without any."""
    if not spoken:
        return None
    count = len(spoken)
    timed = sum(reply.timed_tokens for reply in spoken)
    return Manner(
        replies=count,
        ended=sum(reply.ended for reply in spoken) / count,
        looping=sum(loops(reply.text) for reply in spoken) / count,
        mean_tokens=sum(reply.tokens for reply in spoken) / count,
        decode_tokens_per_s=timed / sum(reply.seconds for reply in spoken) if timed else None,
    )


def speaker(engine: Engine, sampling: Sampling) -> Speak:
    """Replies of `engine`. A sampled one depends on the seed and its own prompt only, not on what was asked before."""

    def speak(messages: Sequence[Message]) -> Spoken:
        asked = zlib.crc32(repr(messages).encode(errors="backslashreplace"))
        return _timed(engine, messages, replace(sampling, seed=((sampling.seed or 0) + asked) % 2**63))

    return speak


def _timed(engine: Engine, messages: Sequence[Message], sampling: Sampling) -> Spoken:
    reply = Reply()
    begun: tuple[float, int] | None = None
    for _ in engine.stream(messages, sampling, reply):
        begun = begun or (time.perf_counter(), reply.usage.completion_tokens)
    now, tokens = time.perf_counter(), reply.usage.completion_tokens
    start, before = begun or (now, tokens)
    return Spoken(reply.text, tokens, tokens < sampling.max_tokens, tokens - before, now - start)

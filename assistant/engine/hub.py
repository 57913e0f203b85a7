"""The engine for any causal language model of transformers: its own `generate`, streamed.

Replies that are asked for at once grow together: they take turns, token by token (`assistant.engine.turns`), and who
waits for a turn can be told to stop.
"""

import queue
import threading
from collections.abc import Iterator, Sequence
from functools import cached_property

import torch
from transformers import GenerationConfig, LogitsProcessorList, StoppingCriteriaList
from transformers.generation.streamers import BaseStreamer

from assistant.chatml import END_OF_TEXT, IM_END, IM_START, ChatML, Message
from assistant.checkpoint import Checkpoint
from assistant.engine.penalties import NoRunTwice, Penalties
from assistant.engine.reply import Reply
from assistant.engine.sampling import Sampling
from assistant.engine.stopping import StopOnText, cut_at_stop, safe_length
from assistant.engine.turns import OwnTurns, Turns
from assistant.fingerprint import fingerprint
from assistant.types import Usage


class HubEngine:
    """Streams replies of one checkpoint."""

    _turns = Turns()

    def __init__(self, checkpoint: Checkpoint):
        self.name = checkpoint.name
        self.positions = checkpoint.positions
        self.chatml = ChatML(checkpoint.tokenizer)
        self._model = checkpoint.model
        self._tokenizer = checkpoint.tokenizer
        self._source = checkpoint.source
        # What the checkpoint would add of its own (penalties, beams) is not what the request asked for. One thing is
        # kept: a model that goes round in circles says so, and in its replies alone, not counting the prompt.
        own = self._model.generation_config
        self._no_repeat = int(own.no_repeat_ngram_size or 0)
        self._model.generation_config = GenerationConfig(eos_token_id=own.eos_token_id)
        self._ends = (IM_END, IM_START, END_OF_TEXT, *self._tokenizer.all_special_tokens)

    @cached_property
    def checkpoint(self) -> str:
        """SHA-256 (hex) of the checkpoint's files as they lay there when it was first asked for."""
        return fingerprint(self._source)

    def length(self, messages: Sequence[Message]) -> int:
        """Tokens of the prompt that `messages` make."""
        return len(self.chatml.render(messages, reply_next=True).ids)

    def stream(
        self, messages: Sequence[Message], sampling: Sampling, reply: Reply, stop: threading.Event | None = None
    ) -> Iterator[str]:
        """Yield the reply to `messages` piece by piece; `reply` holds the whole of it at the end."""
        prompt = self.chatml.render(messages, reply_next=True).ids
        # What a finished reply can run into: its end, or a model speaking for the other side.
        stops = (*self._ends, *sampling.stop)
        pieces = _TokenQueue()
        abandoned = stop or threading.Event()
        turns = OwnTurns(self._turns, lambda: abandoned.is_set() or pieces.closed.is_set(), sampling.seed)
        worker = threading.Thread(target=self._generate, args=(prompt, sampling, stops, pieces, turns), daemon=True)
        worker.start()
        try:
            yield from self._decoded(pieces, stops, len(prompt), reply)
        finally:
            pieces.closed.set()
            worker.join()
        if pieces.fault is not None:
            raise pieces.fault

    def _decoded(self, pieces: "_TokenQueue", stops: Sequence[str], prompt_tokens: int, reply: Reply) -> Iterator[str]:
        ids: list[int] = []
        shown = 0
        for token in pieces:
            ids.append(token)
            reply.text, ended = cut_at_stop(self._tokenizer.decode(ids), stops)
            reply.usage = Usage(prompt_tokens, len(ids))
            end = len(reply.text) if ended else safe_length(reply.text, stops)
            if end > shown:
                yield reply.text[shown:end]
                shown = end
        reply.text = reply.text.rstrip("\ufffd")
        if len(reply.text) > shown:
            yield reply.text[shown:]

    @torch.inference_mode()
    def _generate(
        self, prompt: list[int], sampling: Sampling, stops: Sequence[str], pieces: "_TokenQueue", turns: OwnTurns
    ) -> None:
        try:
            if turns.begin():
                self._model.generate(
                    torch.tensor([prompt]),
                    attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
                    max_new_tokens=min(sampling.max_tokens, self.positions - len(prompt)),
                    streamer=pieces,
                    stopping_criteria=StoppingCriteriaList([StopOnText(self._tokenizer, stops, len(prompt)), turns]),
                    logits_processor=self._processors(sampling, len(prompt)),
                    pad_token_id=self._tokenizer.pad_token_id or self._tokenizer.eos_token_id or 0,
                    **_choice(sampling),
                )
        except Exception as fault:  # carried to the thread that reads the stream, and raised there
            pieces.fault = fault
        finally:
            turns.end()
            pieces.end()

    def _processors(self, sampling: Sampling, prompt_length: int) -> LogitsProcessorList:
        length = self._no_repeat if sampling.no_repeat is None else sampling.no_repeat
        rules = [Penalties(sampling, prompt_length)]
        return LogitsProcessorList([*rules, NoRunTwice(length, prompt_length)] if length else rules)


def _choice(sampling: Sampling) -> dict[str, object]:
    if sampling.temperature == 0:
        return {"do_sample": False, "temperature": None, "top_k": None, "top_p": None}
    return {
        "do_sample": True,
        "temperature": sampling.temperature,
        "top_k": sampling.top_k or None,
        "top_p": sampling.top_p,
    }


class _TokenQueue(BaseStreamer):
    """Hands the ids that `generate` puts, prompt apart, to the thread that reads the reply."""

    def __init__(self) -> None:
        self.closed = threading.Event()
        self.fault: Exception | None = None
        self._ids: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        self._prompt_seen = False

    def put(self, value: torch.Tensor) -> None:
        """Called by generate: first with the prompt, then with each new token."""
        if self._prompt_seen:
            for token in value.flatten().tolist():
                self._ids.put(token)
        self._prompt_seen = True

    def end(self) -> None:
        """Called by generate when it is done, and by the worker whatever happened."""
        self._ids.put(None)

    def __iter__(self) -> Iterator[int]:
        while (token := self._ids.get()) is not None:
            yield token

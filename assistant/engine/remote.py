"""An OpenAI-compatible server as engine, by the official client: `POST /chat/completions`, streamed.

What only the server knows is estimated here. A prompt is counted as one token for every two bytes of UTF-8 and eight
for each message: English takes about half of that and most other scripts less than that, so that what fits by this
count fits the server; long runs of digits can take more, and then the server says so. The window is `max_model_len` of
`GET /models` where it is told (vLLM does), else `DEFAULT_POSITIONS`. Usage is the server's where it gives it, else the
estimate of the prompt and the number of pieces that came.

The key is `OPENAI_API_KEY` of the environment, or a word in its place where servers ask for none. It is sent to the
address that `--model` names and stands in no record, log or error.
"""

import asyncio
import queue
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from openai import AsyncOpenAI, OpenAI, Timeout

from assistant.chatml import Message
from assistant.engine.remote_errors import Explain, api_key
from assistant.engine.remote_reading import Piece, read_models, read_piece
from assistant.engine.reply import Reply
from assistant.engine.sampling import Sampling
from assistant.engine.server import read_address
from assistant.errors import ModelError
from assistant.types import Usage

DEFAULT_POSITIONS = 4096
"""The window that is counted with where the server does not tell its own."""
PATIENCE_SECONDS = 120.0
"""How long a server may take for its first word, and between two."""
LIST_SECONDS = 15.0
"""How long it may take to list its models; meanwhile no other model is loaded."""
_CONNECT_SECONDS = 5.0
_POLL_SECONDS = 0.05
_RETRIES = 2
_BYTES_OF_A_TOKEN = 2
_TOKENS_OF_A_MESSAGE = 8


class RemoteEngine:
    """Streams replies of one model of a server. Making one asks the server for its models; raises ModelError."""

    def __init__(self, address: str, patience: float = PATIENCE_SECONDS):
        server = read_address(address)
        key = api_key()
        self._explain = Explain(server.base_url, key, patience)
        self._settings: dict[str, Any] = {
            "base_url": server.base_url,
            "api_key": key,
            "timeout": Timeout(patience, connect=_CONNECT_SECONDS),
        }
        models = self._models(min(patience, LIST_SECONDS), needed=not server.model)
        self._model = server.model or next(iter(models))
        self.positions = models.get(self._model) or DEFAULT_POSITIONS
        self.name = f"{server.base_url}#{self._model}"

    @property
    def checkpoint(self) -> str:
        """The address and the model; which weights the server has loaded under that name it does not tell."""
        return self.name

    def length(self, messages: Sequence[Message]) -> int:
        """An estimate, on the safe side, of the tokens that the prompt takes."""
        size = sum(len(message.content.encode(errors="replace")) for message in messages)
        return -(-size // _BYTES_OF_A_TOKEN) + _TOKENS_OF_A_MESSAGE * (len(messages) + 1)

    def stream(
        self, messages: Sequence[Message], sampling: Sampling, reply: Reply, stop: threading.Event | None = None
    ) -> Iterator[str]:
        """Yield the reply piece by piece; setting `stop` closes the connection, on which servers end their work."""
        abandoned, closed = stop or threading.Event(), threading.Event()
        asking = _Asking(self._settings, _request(self._model, messages, sampling))
        worker = threading.Thread(target=asking.run, args=(abandoned, closed), daemon=True)
        reply.usage = Usage(self.length(messages), 0)
        worker.start()
        try:
            yield from _read(asking.pieces, reply)
        finally:
            closed.set()
            worker.join()
        if asking.fault is not None and not abandoned.is_set():
            raise self._explain.fault(asking.fault, began=bool(reply.text))
        if not asking.finished and not abandoned.is_set():
            raise self._explain.broken(began=bool(reply.text))

    def _models(self, seconds: float, *, needed: bool) -> dict[str, int | None]:
        """The models that the server lists, each with its window; empty where it has no list and none is `needed`."""
        explain = self._explain.within(seconds)
        settings = {**self._settings, "timeout": Timeout(seconds, connect=_CONNECT_SECONDS)}
        fault: Exception | None = None
        text = b""
        with OpenAI(**settings, max_retries=0) as client:
            try:
                text = client.models.with_raw_response.list().content
            except Exception as found:  # told below, outside of this block: its own words might repeat the key
                fault = found
        if fault is not None and (needed or not explain.lacks_list(fault)):
            raise explain.fault(fault, began=False)
        models = {} if fault is not None else read_models(text)
        if models is None:
            raise explain.foreign()
        if needed and not models:
            raise ModelError(f"{explain.address}: lists no model; load one there, or name it: …/v1#MODEL")
        return models


def _request(model: str, messages: Sequence[Message], sampling: Sampling) -> dict[str, Any]:
    """The request of a reply. What OpenAI's schema does not have is sent only where it is set."""
    request: dict[str, Any] = {
        "model": model,
        "messages": [asdict(message) for message in messages],
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "frequency_penalty": sampling.frequency_penalty,
        "presence_penalty": sampling.presence_penalty,
        "max_tokens": sampling.max_tokens,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if sampling.seed is not None:
        request["seed"] = sampling.seed
    if sampling.stop:
        request["stop"] = list(sampling.stop)
    extra = {"top_k": sampling.top_k, "no_repeat_ngram_size": sampling.no_repeat}
    if given := {name: value for name, value in extra.items() if value}:
        request["extra_body"] = given
    return request


def _read(pieces: "queue.SimpleQueue[Piece | None]", reply: Reply) -> Iterator[str]:
    """Fill in `reply` and yield its text, as the pieces come."""
    for piece in iter(pieces.get, None):
        if piece.text:
            reply.text += piece.text
            reply.usage = Usage(reply.usage.prompt_tokens, reply.usage.completion_tokens + 1)
        reply.usage = piece.usage or reply.usage
        if piece.text:
            yield piece.text


class _Asking:
    """One request. Its thread has an event loop of its own, where a request can be cancelled at any moment."""

    def __init__(self, settings: dict[str, Any], request: dict[str, Any]):
        self.pieces: queue.SimpleQueue[Piece | None] = queue.SimpleQueue()
        self.fault: Exception | None = None
        self.finished = False
        self._settings = settings
        self._request = request

    def run(self, *gone: threading.Event) -> None:
        """Put the pieces of the reply, then None; ends soon after one of `gone` is set."""
        try:
            asyncio.run(self._until(*gone))
        except Exception as fault:  # carried to the thread that reads the stream, and told there
            self.fault = fault
        finally:
            self.pieces.put(None)

    async def _until(self, *gone: threading.Event) -> None:
        asking = asyncio.ensure_future(self._ask())
        while not asking.done():
            if any(event.is_set() for event in gone):
                asking.cancel()
            await asyncio.wait({asking}, timeout=_POLL_SECONDS)
        with suppress(asyncio.CancelledError):
            asking.result()

    async def _ask(self) -> None:
        async with (
            AsyncOpenAI(**self._settings, max_retries=_RETRIES) as client,
            await client.chat.completions.create(**self._request) as chunks,
        ):
            async for chunk in chunks:
                piece = read_piece(chunk)
                self.finished = self.finished or piece.last
                self.pieces.put(piece)

"""What every engine can do, whether it runs a checkpoint here or speaks to a server."""

import threading
from collections.abc import Iterator, Sequence
from typing import Protocol

from assistant.chatml import Message
from assistant.engine.reply import Reply
from assistant.engine.sampling import Sampling


class Engine(Protocol):
    """A language model that replies to conversations; several replies may be written at once."""

    @property
    def name(self) -> str:
        """What records call it; as `--model` takes it, or the server's address with the model's own name."""
        ...

    @property
    def positions(self) -> int:
        """Tokens of prompt and reply together that it can hold."""
        ...

    @property
    def checkpoint(self) -> str:
        """SHA-256 (hex) of the files that its replies come from; of a server, its address and model."""
        ...

    def length(self, messages: Sequence[Message]) -> int:
        """Tokens that the prompt of `messages` takes, or a few more where only a server could count them."""
        ...

    def stream(
        self, messages: Sequence[Message], sampling: Sampling, reply: Reply, stop: threading.Event | None = None
    ) -> Iterator[str]:
        """Yield the reply to `messages` piece by piece; `reply` holds the whole of it at the end.

        Setting `stop` ends it early, with what there is by then. Raises ModelError where the model cannot reply.
        """
        ...

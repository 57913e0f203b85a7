"""The language models in use: each is loaded when it is first asked for, and the least used is let go.

A server's model is asked for over the network and takes no memory here; it is held as the others are.
"""

import threading
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING

from assistant.engine.server import is_server

if TYPE_CHECKING:
    from assistant.engine.engine import Engine

MOST = 4
"""Models held at once: two that are compared, a judge, and the one that chats."""


class Engines:
    """Engines by the name that `--model` takes; `models` is the folder of the home's own."""

    def __init__(self, models: Path, most: int = MOST):
        self._models = models
        self._most = most
        self._loading = threading.Lock()
        self._held: OrderedDict[str, Engine] = OrderedDict()

    def get(self, name: str) -> "Engine":
        """The engine of `name`. Raises ModelError where it cannot be loaded or reached."""
        with self._loading:
            if name not in self._held:
                self._held[name] = self._load(name)
                while len(self._held) > self._most:
                    self._held.popitem(last=False)  # who is using it keeps it until the reply is written
            self._held.move_to_end(name)
            return self._held[name]

    def _load(self, name: str) -> "Engine":
        # Imported here: transformers takes seconds, and the page must be up before them.
        if is_server(name):
            from assistant.engine.remote import RemoteEngine

            return RemoteEngine(name)
        from assistant.checkpoint import find_checkpoint, load_checkpoint
        from assistant.engine.hub import HubEngine

        return HubEngine(load_checkpoint(find_checkpoint(name, self._models), name=name))

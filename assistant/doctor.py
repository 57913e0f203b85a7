"""`footnote doctor`: each setting with its source, and whether the program can work here, with the fix named."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass

from assistant.address import listen
from assistant.config import Config, embedder_of, open_library
from assistant.engine.server import is_server

_NEEDED_BYTES = 500 * 2**20


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was tried. `fix` is empty where `ok`."""

    name: str
    ok: bool
    detail: str
    fix: str = ""


def examine(config: Config) -> list[Check]:
    """Try the home, the disk, the library, both models and the port, in this order."""
    return [
        _disk(config),
        _tried("library", lambda: _library(config), "run `footnote doctor` again after following the message"),
        _tried("embeddings", lambda: _embeddings(config), "install the package again: `make install`"),
        _tried("model", lambda: _model(config), "follow the message, or start with --model bundled"),
        _port(config),
    ]


def _tried(name: str, attempt: Callable[[], str], fix: str) -> Check:
    try:
        return Check(name, True, attempt())
    except Exception as fault:  # whatever is wrong is what the check is to tell
        return Check(name, False, str(fault) or type(fault).__name__, fix)


def _disk(config: Config) -> Check:
    free = shutil.disk_usage(config.home).free
    detail = f"{free / 2**30:.1f} GiB free at {config.home}"
    if free >= _NEEDED_BYTES:
        return Check("disk", True, detail)
    return Check("disk", False, detail, f"free {_NEEDED_BYTES // 2**20} MiB, or choose another --home")


def _library(config: Config) -> str:
    with open_library(config) as library:
        documents = library.documents()
    return f"{len(documents)} documents, {sum(document.passages for document in documents)} passages"


def _embeddings(config: Config) -> str:
    embedder = embedder_of(config)
    return f"{embedder.id}: vectors of {embedder.encode(['check']).shape[1]} numbers"


def _model(config: Config) -> str:
    if is_server(config.model):
        return _server(config.model)
    from assistant.checkpoint import find_checkpoint, load_checkpoint

    checkpoint = load_checkpoint(find_checkpoint(config.model, config.home / "models"), name=config.model)
    return f"{checkpoint.name}: {checkpoint.model.num_parameters():,} parameters, {checkpoint.positions} positions"


def _server(address: str) -> str:
    """Has the server say a word: whether a model can be asked for is not told by its list."""
    from assistant.chatml import Message
    from assistant.engine.remote import RemoteEngine
    from assistant.engine.reply import Reply
    from assistant.engine.sampling import Sampling

    engine = RemoteEngine(address)
    for _ in engine.stream([Message("user", "Hello")], Sampling(max_tokens=1), Reply()):
        pass
    return f"{engine.name}: answers; counted with a window of {engine.positions} tokens"


def _port(config: Config) -> Check:
    try:
        listen(config.host, config.port).close()
    except OSError as fault:
        detail = f"{config.host}:{config.port} cannot be listened on ({fault.strerror})"
        return Check("port", False, detail, "stop the program that uses it, or choose another with --port")
    return Check("port", True, f"{config.host}:{config.port} is free")

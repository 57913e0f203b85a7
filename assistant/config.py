"""Settings and the home folder.

A setting comes from the first of these that gives it: a flag, a `FOOTNOTE_*` environment variable, `footnote.toml` in
the home, the default. Each value keeps the name of its source, for `footnote doctor`. Nothing is read at import.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from platformdirs import user_data_path

from assistant.engine.server import is_server, read_address
from assistant.errors import InputError

if TYPE_CHECKING:
    from retrieval.embed import Embedder
    from retrieval.library import Library

SETTINGS_FILE = "footnote.toml"
_FOLDERS = ("library", "models", "logs")


@dataclass(frozen=True, slots=True)
class Config:
    """Every setting of the program, checked."""

    home: Path
    """Where documents, models and logs are kept; copying it is the backup."""
    model: str = "bundled"
    """`bundled`, a checkpoint folder, a name in the home's `models`, a Hugging Face id, or `http(s)://HOST:PORT/v1`,
    an OpenAI-compatible server (`#MODEL` after it names one of several models)."""
    host: str = "127.0.0.1"
    """The address that `serve` listens on."""
    port: int = 7860
    """The port that `serve` listens on."""
    passages: int = 8
    """How many passages a question is answered from."""
    embedding: str = "bundled"
    """The model that makes the vectors: `bundled`, or the folder or cached name of a sentence-transformers model."""
    reranker: str = ""
    """A cross-encoder that orders the best passages of a search, by folder or cached name; empty for none."""
    sources: Mapping[str, str] = field(default_factory=dict)
    """Where each value came from, by name."""

    def __post_init__(self) -> None:
        _require(1 <= self.port <= 65535, f"port must be from 1 to 65535, not {self.port}")
        _require(1 <= self.passages <= 100, f"passages must be from 1 to 100, not {self.passages}")
        _require(bool(self.model), "model must not be empty")
        if is_server(self.model):
            read_address(self.model)  # refused before it is shown anywhere: it may hold a password
        _require(bool(self.embedding), "embedding must not be empty")

    def described(self) -> dict[str, dict[str, Any]]:
        """Each value with its source, as plain values."""
        names = [item.name for item in fields(self) if item.name != "sources"]
        return {name: {"value": _plain(getattr(self, name)), "source": self.sources[name]} for name in names}


def open_home(home: str | Path | None = None, **flags: Any) -> Config:
    """Read the settings and make the folders of the home; a flag that is None was not given."""
    config = read_config(home, **flags)
    try:
        for name in _FOLDERS:
            (config.home / name).mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise InputError(
            f"home {config.home} cannot be used ({fault.strerror}); name a folder that you can write to with --home"
        ) from fault
    return config


def open_library(config: Config) -> "Library":
    """The library of the home, with the models that the settings name. Raises LibraryError."""
    from retrieval.library import Library
    from retrieval.rerank import Reranker

    reranker = Reranker(config.reranker) if config.reranker else None
    return Library.open(config.home / "library", embedder_of(config), reranker=reranker)


def embedder_of(config: Config) -> "Embedder":
    """The model that makes the vectors, not loaded yet. Raises LibraryError for a folder that holds none."""
    from retrieval.embed import BUNDLED, Embedder

    model = BUNDLED if config.embedding == "bundled" else config.embedding
    return Embedder(model, cache=config.home / "library" / "models.json")


def read_config(home: str | Path | None = None, **flags: Any) -> Config:
    """The settings in force, read without changing anything on disk."""
    folder, origin = _home(home)
    values: dict[str, Any] = {}
    sources = {item.name: "default" for item in fields(Config) if item.name != "sources"}
    layers = (
        (_from_file(folder / SETTINGS_FILE), SETTINGS_FILE),
        (_from_environment(), "environment"),
        ({name: value for name, value in flags.items() if value is not None}, "flag"),
    )
    for layer, source in layers:
        for name, value in layer.items():
            values[name] = _typed(name, value, source)
            sources[name] = source
    return Config(home=folder, **values, sources={**sources, "home": origin})


def _home(given: str | Path | None) -> tuple[Path, str]:
    if given is not None:
        return _absolute(given), "flag"
    if from_environment := os.environ.get("FOOTNOTE_HOME"):
        return _absolute(from_environment), "environment"
    return user_data_path("footnote", appauthor=False), "default"


def _absolute(path: str | Path) -> Path:
    try:
        return Path(path).expanduser().absolute()
    except (RuntimeError, ValueError) as fault:
        raise InputError(f"home {path} is not a path that can be used ({fault}); name another with --home") from fault


def _from_file(path: Path) -> dict[str, Any]:
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except NotADirectoryError as fault:
        raise InputError(f"home {path.parent} is not a folder; name one with --home") from fault
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise InputError(f"{path} cannot be read as TOML ({fault}); mend or remove it") from fault
    known = set(_types())
    for name in values:
        _require(name in known, f"{path}: unknown setting {name!r}; known are {', '.join(sorted(known))}")
    return values


def _from_environment() -> dict[str, str]:
    names = {name: f"FOOTNOTE_{name.upper()}" for name in _types()}
    return {name: os.environ[variable] for name, variable in names.items() if variable in os.environ}


def _typed(name: str, value: Any, source: str) -> Any:
    kind = _types()[name]
    try:
        typed = int(value) if kind is int and isinstance(value, str) else value
    except ValueError:
        typed = None
    _require(type(typed) is kind, f"{name} (from {source}) must be of type {kind.__name__}, not {value!r}")
    return typed


def _types() -> dict[str, type]:
    return {"model": str, "host": str, "port": int, "passages": int, "embedding": str, "reranker": str}


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise InputError(message)

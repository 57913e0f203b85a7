"""The address of an OpenAI-compatible server, as `--model` takes it: `http(s)://host[:port][/v1][#model]`.

Only the address is read here; `assistant.engine.remote` speaks to it. A password in it would go into records, logs and
the page with the model's name, so that an address with one is refused; a key belongs into `OPENAI_API_KEY`.
"""

from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urlsplit

from assistant.errors import InputError

_SCHEMES = ("http", "https")
_FORM = "write http://HOST:PORT/v1, or with a model's name http://HOST:PORT/v1#MODEL"


@dataclass(frozen=True, slots=True)
class Server:
    """Where requests go, and the model that is asked for; empty for the first that the server lists."""

    base_url: str
    model: str


def is_server(name: str) -> bool:
    """Whether `name`, as `--model` takes it, is the address of a server."""
    return name.strip().lower().startswith(tuple(f"{scheme}://" for scheme in _SCHEMES))


def read_address(name: str) -> Server:
    """The server that `name` means; where it has no path, `/v1` is meant.

    Raises InputError, in which nothing of a password is repeated.
    """
    parts = _split(name.strip())
    shown = f"{parts.scheme}://{parts.hostname}"
    if "@" in parts.netloc:
        raise InputError(f"model {shown}: the address holds a user or a password; leave it out, set OPENAI_API_KEY")
    if parts.query:
        raise InputError(f"model {shown}: the address holds a query (?…); {_FORM}")
    path = parts.path.rstrip("/") or "/v1"
    return Server(f"{parts.scheme}://{parts.netloc}{path}", unquote(parts.fragment))


def _split(name: str) -> SplitResult:
    try:
        parts = urlsplit(name)
        valid = parts.scheme in _SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, brackets that do not match
        valid = False
    if not valid or not name.isprintable() or any(letter.isspace() for letter in name):
        raise InputError(f"model: not an address of a server; {_FORM}")
    return parts

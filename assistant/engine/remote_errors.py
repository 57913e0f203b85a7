"""What goes wrong with a server, each as one line that says what to do; the key stands in none of them."""

import os

from openai import (
    APIConnectionError,
    APIError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    NotFoundError,
    OpenAIError,
    PermissionDeniedError,
)

from assistant.errors import ModelError

KEY_VARIABLE = "OPENAI_API_KEY"
_NO_KEY = "none"
_LONGEST = 200
_NO_LIST = (404, 405, 501)


def api_key() -> str:
    """The key of the environment, or a word in its place. Raises ModelError for what cannot be sent as a key."""
    key = os.environ.get(KEY_VARIABLE, "").strip() or _NO_KEY
    if not key.isascii() or not key.isprintable():
        raise ModelError(f"{KEY_VARIABLE}: holds characters that no key has; set it again")
    return key


class Explain:
    """Faults of the server at `address` as ModelErrors."""

    def __init__(self, address: str, key: str, patience: float):
        self.address = address
        self._key = key
        self._patience = patience

    def within(self, seconds: float) -> "Explain":
        """The same server, which has so many seconds to answer."""
        return Explain(self.address, self._key, seconds)

    def fault(self, fault: Exception, *, began: bool) -> Exception:
        """What `fault` means; `began`: some of a reply had come. It is not chained: its own words may hold the key.

        A fault of another kind than servers cause is given back as it is.
        """
        match fault:
            case APITimeoutError():
                told = f"did not answer within {self._patience:g} s; see whether it is busy, then try again"
            case APIConnectionError() if began:
                return self.broken(began=True)
            case APIConnectionError():
                told = f"cannot be reached{self._cause(fault)}; start the server, or name another with --model"
            case AuthenticationError() | PermissionDeniedError():
                told = f"refuses the key ({fault.status_code}){self._said(fault)}; set {KEY_VARIABLE} to one it takes"
            case NotFoundError():
                told = f"answers 404{self._said(fault)}; check the address, which often ends in /v1, and the model"
            case APIStatusError() if fault.status_code >= 500:
                told = f"failed ({fault.status_code}){self._said(fault)}; see its own log, then try again"
            case APIStatusError():
                told = f"refuses the request ({fault.status_code}){self._said(fault)}"
            case APIError():
                told = f"broke the reply off{self._said(fault)}; see its own log, then try again"
            case OpenAIError() | ValueError() | TypeError() | AttributeError() | KeyError():
                return self.foreign()  # garbage, on which the client itself or our reading of it stumbled
            case _:
                return fault
        return ModelError(f"{self.address}: {told}")

    def broken(self, *, began: bool) -> ModelError:
        """The stream ended before the reply did."""
        if not began:
            return self.foreign()
        return ModelError(f"{self.address}: the connection broke in the middle of a reply; try again")

    def foreign(self) -> ModelError:
        """What came is none of OpenAI's schema."""
        return ModelError(
            f"{self.address}: does not answer as an OpenAI-compatible server does; check the address, which often "
            "ends in /v1"
        )

    def lacks_list(self, fault: Exception) -> bool:
        """Whether the server only has no list of models."""
        return isinstance(fault, APIStatusError) and fault.status_code in _NO_LIST

    def _said(self, fault: APIError) -> str:
        """The server's own words, one line without the key."""
        body = fault.body if isinstance(fault.body, dict) else {}
        words = next((body[name] for name in ("message", "detail", "error") if isinstance(body.get(name), str)), "")
        return f": {shown}" if (shown := self._clean(words)) else ""

    def _cause(self, fault: Exception) -> str:
        shown = self._clean(str(fault.__cause__ or ""))
        return f" ({shown})" if shown else ""

    def _clean(self, text: str) -> str:
        line = " ".join((text if self._key == _NO_KEY else text.replace(self._key, "…")).split())
        shown = "".join(letter for letter in line if letter.isprintable())
        return (shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}…").rstrip(".")

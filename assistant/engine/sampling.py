"""How the next token is chosen: the parameters of a request, each refused by name outside its range.

Logits are first lowered by the penalties (`assistant.engine.penalties`), then divided by the temperature, then cut to
the `top_k` best and to the smallest set whose probability reaches `top_p`; what is left is drawn from.
"""

from dataclasses import dataclass

from assistant.errors import InputError


@dataclass(frozen=True, slots=True)
class Sampling:
    """Temperature 0 takes the likeliest token; `top_k` 0 and `top_p` 1 cut nothing; without a seed, chance decides.

    `no_repeat` is the length of a run of tokens that a reply says at most once. 0 sets no such limit, None that of the
    checkpoint (`no_repeat_ngram_size` of its generation_config.json).
    """

    temperature: float = 0.0
    top_k: int = 0
    top_p: float = 1.0
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    max_tokens: int = 160
    seed: int | None = None
    stop: tuple[str, ...] = ()
    no_repeat: int | None = None

    def __post_init__(self) -> None:
        _within("temperature", self.temperature, 0, 2)
        _within("top_k", self.top_k, 0, 1_000_000)
        _within("top_p", self.top_p, 0, 1)
        if self.top_p == 0:
            raise InputError("top_p must be above 0 and at most 1, not 0")
        _within("frequency_penalty", self.frequency_penalty, -2, 2)
        _within("presence_penalty", self.presence_penalty, -2, 2)
        _within("max_tokens", self.max_tokens, 1, 4096)
        if self.no_repeat is not None:
            _within("no_repeat", self.no_repeat, 0, 4096)
        if self.seed is not None:
            _within("seed", self.seed, 0, 2**63 - 1)
        if len(self.stop) > 4 or not all(self.stop):
            raise InputError("stop must be at most 4 texts, none of them empty")


def _within(name: str, value: float, low: float, high: float) -> None:
    # Written so that a NaN is refused as well.
    if not low <= value <= high:
        raise InputError(f"{name} must be from {low} to {high}, not {value}")

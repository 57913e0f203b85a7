"""The prompt of a question, inside the model's window by construction.

Sources are added best first while they fit beside the question and the room kept for the reply; what does not fit is
left out whole, never cut in a sentence. Only the question, made to stand alone, is asked: the bundled model
learned from single questions, so the conversation stands in the query and not before the sources.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from assistant.chatml import Message
from assistant.errors import InputError
from assistant.select import Candidate
from assistant.wording import CHAT_SYSTEM, GROUNDED_SYSTEM, chat_messages, grounded_messages


@dataclass(frozen=True, slots=True)
class Window:
    """The room that a model has for prompt and reply together, in tokens as `length` counts those of a prompt."""

    length: Callable[[Sequence[Message]], int]
    positions: int
    reply_tokens: int

    def __post_init__(self) -> None:
        if self.reply_tokens >= self.positions:
            raise InputError(
                f"max_tokens must be below the model's window of {self.positions} tokens, not {self.reply_tokens}"
            )

    @property
    def room(self) -> int:
        """Tokens that the prompt may take."""
        return self.positions - self.reply_tokens

    def holds(self, messages: Sequence[Message]) -> bool:
        """Whether the prompt of `messages` leaves room for the reply."""
        return self.length(messages) <= self.room

    def must_hold(self, messages: list[Message]) -> list[Message]:
        """`messages`, refused when they leave no room."""
        if not self.holds(messages):
            raise InputError(
                f"The question takes {self.length(messages)} tokens with its instructions; the model has room for "
                f"{self.room}. Shorten the question or lower max_tokens."
            )
        return messages


def build_prompt(
    question: str, sources: Sequence[Sequence[Candidate]], window: Window, system: str = ""
) -> list[Message]:
    """The grounded conversation up to the reply; `system` in place of the program's own words, if not empty."""
    told = system or GROUNDED_SYSTEM
    texts: list[str] = []
    for source in sources:
        text = " ".join(candidate.text for candidate in source)
        if window.holds(grounded_messages(question, [*texts, text], system=told)):
            texts.append(text)
    return window.must_hold(grounded_messages(question, texts, system=told))


def build_chat_prompt(question: str, history: Sequence[Message], window: Window, system: str = "") -> list[Message]:
    """An open conversation up to the reply; the oldest turns are left out first."""
    told = system or CHAT_SYSTEM
    kept = list(history)
    while kept and not window.holds(chat_messages(question, kept, told)):
        kept.pop(0)
    return window.must_hold(chat_messages(question, kept, told))

"""What is gathered of the events of an answer, to be kept as a row."""

from dataclasses import dataclass

from assistant.chatml import Message
from assistant.types import Answer, Answered, Event, Prompted, Token


@dataclass(slots=True)
class Told:
    """The messages that the model was sent, its draft before the check, and the answer once it is there."""

    messages: tuple[Message, ...] = ()
    draft: str = ""
    answer: Answer | None = None

    def add(self, event: Event) -> None:
        """One more event."""
        match event:
            case Prompted(messages=messages):
                self.messages = messages
            case Token(text=text):
                self.draft += text
            case Answered(answer=answer):
                self.answer = answer

"""The prompt of a question, inside the model's window by construction.

Sources are added best first while they fit beside the question and the room kept for the reply; what does not fit is
left out whole, never cut in a sentence. Only the question, made to stand alone, is asked: the bundled model
learned from single questions, so the conversation stands in the query and not before the sources.
"""

from collections.abc import Sequence

from assistant.chatml import ChatML, Message
from assistant.errors import InputError
from assistant.select import Candidate
from assistant.wording import chat_messages, grounded_messages


def build_prompt(
    question: str, sources: Sequence[Sequence[Candidate]], chatml: ChatML, *, positions: int, reply_tokens: int
) -> list[Message]:
    """The grounded conversation up to the reply, in at most `positions - reply_tokens` tokens."""
    room = _room(positions, reply_tokens)
    texts: list[str] = []
    for source in sources:
        text = " ".join(candidate.text for candidate in source)
        if _length(grounded_messages(question, [*texts, text]), chatml) <= room:
            texts.append(text)
    messages = grounded_messages(question, texts)
    _must_fit(messages, chatml, room)
    return messages


def build_chat_prompt(
    question: str, history: Sequence[Message], chatml: ChatML, *, positions: int, reply_tokens: int
) -> list[Message]:
    """An open conversation up to the reply; the oldest turns are left out first."""
    room = _room(positions, reply_tokens)
    kept = list(history)
    while kept and _length(chat_messages(question, kept), chatml) > room:
        kept.pop(0)
    messages = chat_messages(question, kept)
    _must_fit(messages, chatml, room)
    return messages


def _room(positions: int, reply_tokens: int) -> int:
    if reply_tokens >= positions:
        raise InputError(f"max_tokens must be below the model's window of {positions} tokens, not {reply_tokens}")
    return positions - reply_tokens


def _must_fit(messages: Sequence[Message], chatml: ChatML, room: int) -> None:
    length = _length(messages, chatml)
    if length > room:
        raise InputError(
            f"The question takes {length} tokens with its instructions; the model has room for {room}. "
            "Shorten the question or lower max_tokens."
        )


def _length(messages: Sequence[Message], chatml: ChatML) -> int:
    return len(chatml.render(messages, reply_next=True).ids)

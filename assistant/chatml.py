"""ChatML: the one rendering of a conversation into token ids, for training and for inference.

    <|im_start|>role\\ncontent<|im_end|>\\n

Because training and serving both call `render`, they cannot drift apart. Text inside a message is data: whatever it
contains, it never becomes one of the control tokens. Where the model has the tags as single tokens, text is encoded
around them; where it has not (a stock GPT-2, to which they are ordinary text), a tag inside text is broken by a
zero-width space before it is encoded.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

PROMPT_FORMAT = "chatml-1"
IM_START = "<|im_start|>"
IM_END = "<|im_end|>"
END_OF_TEXT = "<|endoftext|>"
PAD = "<|pad|>"
CONTROL_TOKENS = (END_OF_TEXT, IM_START, IM_END, PAD)
_ZERO_WIDTH_SPACE = "\u200b"

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Rendered:
    """Token ids of a conversation, and beside each whether the assistant must learn to say it."""

    ids: list[int]
    learned: list[bool]


class Tokenizer(Protocol):
    """What this module needs of a transformers tokenizer."""

    all_special_tokens: list[str]

    def encode(self, text: str, *, add_special_tokens: bool = ..., verbose: bool = ...) -> list[int]:
        """Token ids of `text`; `verbose` tells on the error stream of one that is longer than a model's window."""
        ...

    def convert_tokens_to_ids(self, tokens: str) -> int:
        """The id of one token."""
        ...

    def get_added_vocab(self) -> dict[str, int]:
        """The tokens that were added to the vocabulary, with their ids."""
        ...

    def get_vocab(self) -> dict[str, int]:
        """Every token with its id."""
        ...


class ChatML:
    """Renders conversations for one tokenizer, whose tags are looked up once."""

    def __init__(self, tokenizer: Tokenizer):
        self._tokenizer = tokenizer
        vocabulary = tokenizer.get_vocab()
        self.single_tokens = IM_START in vocabulary and IM_END in vocabulary
        # Added tokens too: a model may end its turn with a token that has no named role.
        known = {*CONTROL_TOKENS, *tokenizer.all_special_tokens, *tokenizer.get_added_vocab()}
        # Longest first, so that a tag inside another does not hide it.
        self._tags = tuple(sorted(known, key=lambda tag: (-len(tag), tag)))
        self.start_ids = self._tag_ids(IM_START)
        self.end_ids = self._tag_ids(IM_END)

    def render(self, messages: Sequence[Message], *, reply_next: bool = False) -> Rendered:
        """Ids of `messages`; with `reply_next` they end where the assistant is to begin speaking.

        Learned are the words of the assistant's turns and the tag that ends them, nothing else.
        """
        ids: list[int] = []
        learned: list[bool] = []

        def add(new: list[int], learn: bool) -> None:
            ids.extend(new)
            learned.extend([learn] * len(new))

        for message in messages:
            speaks = message.role == "assistant"
            add(self._header(message.role), False)
            add(self.encode_text(message.content), speaks)
            add(self.end_ids, speaks)
            add(self._encode("\n"), False)
        if reply_next:
            add(self._header("assistant"), False)
        return Rendered(ids, learned)

    def encode_text(self, text: str) -> list[int]:
        """Ids of `text` as data: none of them is a control token, whatever the text contains."""
        ids: list[int] = []
        for piece in self._without_tags(text):
            ids.extend(self._encode(piece))
        return ids

    def _header(self, role: Role) -> list[int]:
        return [*self.start_ids, *self._encode(f"{role}\n")]

    def _without_tags(self, text: str) -> list[str]:
        """`text` cut inside every control tag, so that no piece holds a whole one."""
        if not self.single_tokens:
            for tag in self._tags:
                text = text.replace(tag, tag[0] + _ZERO_WIDTH_SPACE + tag[1:])
        pieces = [text]
        for tag in self._tags:
            pieces = [part for piece in pieces for part in _cut_inside(piece, tag)]
        return pieces

    def _tag_ids(self, tag: str) -> list[int]:
        if self.single_tokens:
            return [self._tokenizer.convert_tokens_to_ids(tag)]
        return self._encode(tag)

    def _encode(self, text: str) -> list[int]:
        # Whether a text fits is for the window to say, in one line of ours.
        return self._tokenizer.encode(text, add_special_tokens=False, verbose=False) if text else []


def _cut_inside(text: str, tag: str) -> list[str]:
    """`text` cut after the first character of each `tag` in it; joined, the pieces are `text` again."""
    first, *others = text.split(tag)
    pieces = [first]
    for other in others:
        pieces[-1] += tag[0]
        pieces.append(tag[1:] + other)
    return pieces

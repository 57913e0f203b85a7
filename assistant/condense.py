"""A follow-up made to stand alone, so that retrieval and selection see what it is about.

Limits: rules, not understanding. A question that points back (a pronoun, "what about", no word of its own)
is read together with the last question before it that stands alone; any other is left as it is.
"""

import re
from collections.abc import Sequence

from assistant.chatml import Message
from assistant.words import content_stems

_POINTS_BACK = re.compile(
    r"\b(it|its|they|them|their|he|him|his|she|her|hers|these|those)\b"
    r"|^(and|or|but|so|what about|how about|why|how so)\b"
    r"|\b(is|was|does|did|about|of|like|from|in) (that|this)\b\W*$",
    re.IGNORECASE,
)
_MOST_CHARACTERS = 300
"""Of the earlier question: enough for its topic, little enough to leave the window to the new one."""


def condense(question: str, history: Sequence[Message]) -> str:
    """`question`, preceded by the last one of `history` that stands alone, if it does not stand alone itself."""
    if not _depends(question):
        return question
    earlier = [message.content.strip() for message in history if message.role == "user"]
    topic = next((asked for asked in reversed(earlier) if not _depends(asked)), None)
    return f"{topic[:_MOST_CHARACTERS]} {question}" if topic else question


def _depends(question: str) -> bool:
    return not content_stems(question) or bool(_POINTS_BACK.search(question.strip()))

"""A follow-up made to stand alone, so that retrieval and selection see what it is about.

Limits: rules, not understanding. A question that points back (a pronoun, "what about", fewer than three words of its
own) is read together with the question before it; any other is left as it is.
"""

import re
from collections.abc import Sequence

from assistant.chatml import Message
from assistant.words import content_stems

_POINTS_BACK = re.compile(
    r"\b(it|its|they|them|their|he|him|his|she|her|this|that|these|those|one|ones|there|then|else|same|former|latter)\b"
    r"|^(and|or|but|so|what about|how about|why|how so)\b",
    re.IGNORECASE,
)
_FEW_WORDS = 2


def condense(question: str, history: Sequence[Message]) -> str:
    """`question`, preceded by the last question of `history` if it does not stand alone."""
    before = [message.content for message in history if message.role == "user"]
    if not before or not _depends(question):
        return question
    return f"{before[-1].strip()} {question}"


def _depends(question: str) -> bool:
    return len(content_stems(question)) < _FEW_WORDS or bool(_POINTS_BACK.search(question))

"""Reading the verdict of a model that was asked to judge. Strict, so that nothing is taken for a verdict that is none.

    1. What stands before the last `</think>` is not read: a model may think aloud.
    2. A verdict is a line that begins with the word asked for and a colon, `VERDICT: A`. Case, markup around it
       (`**`, backticks, bullets, quotes, brackets) and a full stop do not count; any other word beside it does.
    3. All such lines must say the same, and one of the choices. A reply with two verdicts has none: the other may be
       quoted from what was judged.
    4. A reply without such a line is read where the whole of it is one of the choices.

All else is unreadable, which is None here; it is counted wherever verdicts are.
"""

import re
from collections.abc import Mapping

_THOUGHT = "</think>"
_MARKUP = str.maketrans("", "", "*`")
_BULLET = re.compile(r"^[\s#>•-]*(?=[^\W\d])")
_AROUND = " \t\"'“”‘’«»()[]{}<>.,;:!#"


def read_choice(reply: str, key: str, choices: Mapping[str, str]) -> str | None:
    """Which of `choices` the line `key: …` of `reply` names; they map each way to write one, normalised, to it."""
    lines = reply.rpartition(_THOUGHT)[2].translate(_MARKUP).splitlines()
    said = [value for line in lines if (value := _value(line, key)) is not None]
    if not said:
        return choices.get(normal(" ".join(lines)))
    found = {choices.get(normal(value)) for value in said}
    return found.pop() if len(found) == 1 else None


def normal(text: str) -> str:
    """`text` as choices are compared: without case and without what may stand around it."""
    return " ".join(text.translate(_MARKUP).casefold().split()).strip(_AROUND)


def _value(line: str, key: str) -> str | None:
    word, colon, value = _BULLET.sub("", line).partition(":")
    return value if colon and word.strip(_AROUND).casefold() == key.casefold() else None

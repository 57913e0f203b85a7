"""Words and numbers of a text as they are compared: by selection, verification and condensing alike.

Limits: the stems and the stop words are English; other scripts are compared as whole words, Chinese and Japanese
character by character.
"""

import re

_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W_\u3040-\u30ff\u3400-\u9fff]+(?:['’][^\W\d_]+)?")
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_STOP_WORDS = frozenset(
    "a about also am an and any are as at be because been being but by can could did do does doing for from had has "
    "have having he her hers him his how i if in into is it its itself me my of on or our ours own she should so some "
    "such than that the their theirs them then there these they this those to too was we were what when where which "
    "while who whom whose why will with would you your yours tell please give say said says".split()
)
_NEGATIONS = frozenset("no not never none neither nor cannot without nobody nothing".split())
_SUFFIXES = ("ingly", "edly", "ies", "ing", "ed", "es", "ly", "s")
_SHORTEST_STEM = 3


def words(text: str) -> list[str]:
    """The words of `text` in order, in lower case, possessives removed."""
    return [re.sub(r"['’]s?$", "", word) for word in _WORD.findall(text.casefold())]


def stem(word: str) -> str:
    """`word` without a common English ending, so that `filed`, `files` and `filing` meet."""
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= _SHORTEST_STEM:
            base = word[: -len(suffix)]
            return f"{base}y" if suffix == "ies" else base.removesuffix("e")
    return word.removesuffix("e") if len(word) > _SHORTEST_STEM else word


def content_stems(text: str) -> list[str]:
    """The stems of the words that carry meaning, in order."""
    return [stem(word) for word in words(text) if word not in _STOP_WORDS]


def numbers(text: str) -> set[str]:
    """The numbers of `text`, thousands separators removed: `1,234.50` is `1234.50`."""
    return {re.sub(r",(?=\d{3})", "", number) for number in _NUMBER.findall(text)}


def negated(text: str) -> bool:
    """Whether `text` holds a negation: one of the common words or a verb with `n't`."""
    lowered = text.casefold().replace("’", "'")
    return "n't" in lowered or not _NEGATIONS.isdisjoint(words(lowered))

"""The words by which texts are compared: those of SQuAD's answers, and those of ROUGE.

Words are Unicode's: letters, marks and digits of any script, Chinese and Japanese characters each for itself (the
tokenizer that comes with rouge-score knows a-z and 0-9 only, and gives any other text 0). Neither measure counts
punctuation. Limits: no stemming; Thai and other scripts without spaces are one word a run.
"""

import re
import unicodedata

_ARTICLES = frozenset({"a", "an", "the"})
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\s\u3040-\u30ff\u3400-\u9fff]+")
_ASCII_WORD = re.compile(r"[a-z0-9]+")
_PUNCTUATION = frozenset("PS")
_BETWEEN_WORDS = frozenset("PSZC")
_PICTURE = "So"
_VARIATION_SELECTORS = frozenset(map(chr, range(0xFE00, 0xFE10)))


def answer_words(text: str) -> list[str]:
    """The words by which SQuAD compares answers: "The well-to-do farmer!" is `welltodo farmer`."""
    kept = "".join(c for c in _folded(text) if unicodedata.category(c)[0] not in _PUNCTUATION)
    return [word for word in _WORD.findall(kept) if word not in _ARTICLES]


def rouge_words(text: str) -> list[str]:
    """The words by which ROUGE compares texts: "The well-to-do farmer!" is `the well to do farmer`.

    Pictures, such as emoji, are words of one character; ASCII has none, so there the words are those of rouge-score.
    """
    if text.isascii():
        return _ASCII_WORD.findall(text.lower())
    return _WORD.findall("".join(map(_apart, _folded(text))))


def _apart(character: str) -> str:
    """The character as it stands in a word, or apart from words, or the space in its place."""
    category = unicodedata.category(character)
    if category == _PICTURE:
        return f" {character} "
    return " " if category[0] in _BETWEEN_WORDS or character in _VARIATION_SELECTORS else character


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text.casefold())

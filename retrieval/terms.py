"""Text to the terms of the keyword index: words in the stems of their language, and pairs of characters.

A term carries the language of its document, so that a question is read in each language that a collection holds, with
that language's stems and stop words, and German "die" is not taken for English "die". Scripts that put no spaces
between words are cut into overlapping pairs of characters, and single characters for words of one; such terms carry no
language. Everything is compared in lower case and without accents, and typographic variants of a character are one
(Unicode's NFKC).

Limits: stems for the languages of `_STEMMED`, stop words for those of `_STOPPED`; a text whose language is not known is
read as English, one of any other language word by word.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from itertools import pairwise

import tantivy
from tantivy import Filter

PLAIN = ""
"""The language of terms that belong to none."""
_UNKNOWN = "en"
_STEMMED = {
    "ar": "arabic",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "es": "spanish",
    "fi": "finnish",
    "fr": "french",
    "hu": "hungarian",
    "it": "italian",
    "nl": "dutch",
    "no": "norwegian",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sv": "swedish",
    "ta": "tamil",
    "tr": "turkish",
}
_STOPPED = frozenset(_STEMMED) - {"ar", "el", "ro", "ta", "tr"}
_NORWEGIAN = ("nb", "nn")
LANGUAGES = (*_STEMMED, PLAIN)
_WORDS = r"[\p{L}\p{M}\p{N}]+"
_LONGEST_WORD_BYTES = 200
# Thai, Lao, Burmese, Khmer, Hiragana, Katakana, Han and Hangul.
_UNSPACED = re.compile(
    "[\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ece\u1000-\u103f\u1780-\u17d3\u3005-\u3007\u3041-\u3096\u309d-\u309f"
    "\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff"
    "\U00020000-\U000323af]+"
)


def language_of(code: str | None) -> str:
    """One of `LANGUAGES` for an ISO 639-1 code, or None where the language is not known."""
    if code is None:
        return _UNKNOWN
    code = "no" if code in _NORWEGIAN else code
    return code if code in _STEMMED else PLAIN


def index_terms(text: str, language: str) -> str:
    """The terms of a document's text, separated by spaces."""
    text = unicodedata.normalize("NFKC", text)
    spaced = _UNSPACED.sub(" ", text)
    words = _analyzer(language).analyze(spaced)
    if not spaced.isascii():
        # What is found for who types no accents: "educacion" has another stem than "educación".
        bare = _analyzer(language, accents=False).analyze(spaced)
        words += [word for word, known in zip(bare, words, strict=False) if word != known]
    runs = _UNSPACED.findall(text)
    return " ".join([*_tagged(words, language), *_pairs(runs), *(char for run in runs if len(run) > 1 for char in run)])


def query_terms(text: str, languages: Iterable[str], most: int) -> dict[str, list[str]]:
    """The terms to look for in each of `languages`, each once, up to `most`; languages without any are left out."""
    text = unicodedata.normalize("NFKC", text)
    spaced = _UNSPACED.sub(" ", text)
    pairs = list(_pairs(_UNSPACED.findall(text)))
    chosen = {*languages, PLAIN} if pairs else set(languages)
    terms = {language: _tagged(_content_words(spaced, language), language) for language in chosen}
    if pairs:
        terms[PLAIN] = [*pairs, *terms[PLAIN]]
    return {language: list(dict.fromkeys(each))[:most] for language, each in sorted(terms.items()) if each}


def _content_words(text: str, language: str) -> list[str]:
    words: list[str] = _analyzer(language, stop_words=False).analyze(text)
    # "To be" is all stop words: then they are what is asked for.
    return words or _analyzer(language).analyze(text)


def _tagged(words: Iterable[str], language: str) -> list[str]:
    return [f"{language}:{word}" for word in words] if language else list(words)


def _pairs(runs: Iterable[str]) -> Iterable[str]:
    for run in runs:
        if len(run) == 1:
            yield run
        else:
            yield from map("".join, pairwise(run))


@cache
def _analyzer(language: str, *, stop_words: bool = True, accents: bool = True) -> tantivy.TextAnalyzer:
    """Words in lower case, stemmed, then without accents; or without `stop_words`; or stemmed without `accents`."""
    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.regex(_WORDS))
    builder = builder.filter(Filter.remove_long(_LONGEST_WORD_BYTES)).filter(Filter.lowercase())
    if not stop_words and language in _STOPPED:
        builder = builder.filter(Filter.stopword(_STEMMED[language]))
    if not accents:
        builder = builder.filter(Filter.ascii_fold())
    if language in _STEMMED:
        builder = builder.filter(Filter.stemmer(_STEMMED[language]))
    return builder.filter(Filter.ascii_fold()).build()

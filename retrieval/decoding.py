"""Bytes to text: the encoding of files that are text, found by their marks, by what decodes, and by chardet.

UTF-8 and Unicode marks are certain. Everything else is a guess, so that it is checked: text that decodes into control
characters, unassigned characters or words of two scripts was guessed wrong, and the next guess is tried. What no guess
fits is refused.

Limits: encodings of one byte that differ in few letters (Windows-1250 and ISO-8859-2, KOI8-R and KOI8-U) are told
apart by frequencies, which takes a sentence or two. DOS and Macintosh encodings are not looked for, CP866 excepted.
"""

import codecs
import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from itertools import islice

from retrieval.plaintext import unreadable

_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_LEGACY = (
    "cp1250 cp1251 cp1252 cp1253 cp1254 cp1255 cp1256 cp1257 cp1258 cp874 iso8859-1 iso8859-2 iso8859-3 iso8859-4 "
    "iso8859-5 iso8859-6 iso8859-7 iso8859-8 iso8859-9 iso8859-10 iso8859-13 iso8859-14 iso8859-15 iso8859-16 koi8-r "
    "koi8-u cp866 cp932 shift_jis euc-jp gb18030 gbk gb2312 big5 big5hkscs cp950 cp949 euc_kr"
).split()
_DECLARED_ONLY = (
    "utf-8 utf-16 utf-32 iso2022_jp iso2022_kr hz johab mac-roman mac-cyrillic cp437 cp850 cp852 cp855".split()
)
_WESTERN = "cp1252"
_ESCAPES = {b"\x1b$B": "iso2022_jp", b"\x1b$@": "iso2022_jp", b"\x1b$)C": "iso2022_kr"}
_HIGH = bytes(range(0x80, 0x100))
_NOT_ASCII = re.compile(r"[^\x00-\x7f]+")
_DECLARED = re.compile(
    rb"""<\?xml[^>]{1,200}?encoding\s*=\s*["']([\w.:-]{1,40})|"""
    rb"""<meta[^>]{1,300}?charset\s*=\s*["']?([\w.:-]{1,40})""",
    re.IGNORECASE,
)
_SAMPLE = 100_000
_AROUND = 30
_PLACES = 5_000
_UNSURE = 0.1
_NEARLY = 0.9
_ACCENTED_SHARE = 0.2
_ZERO_SHARE = 0.1
_CONTROL_SHARE = 0.2
_CONTROLS = bytes(byte for byte in range(0x20) if byte not in b"\t\n\f\r")
_BINARY = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_WORD = re.compile(r"[^\W\d_]+")
_ALPHABETS = frozenset("LATIN CYRILLIC GREEK HEBREW ARABIC THAI HALFWIDTH".split())
_IDEOGRAPH = "CJK"
_STOP = re.compile("[\u3001\u3002\uff0c\uff1f\uff01\\s]")


def decode(data: bytes, name: str) -> str:
    """The text of a file that calls itself text. Raises DocumentError where it is none, or its encoding is unknown."""
    for encoding in _certain(data):
        text = _decoded(data, encoding)
        if text is not None:
            return text
    for encoding in _guessed(data):
        text = _decoded(data, encoding)
        if text is not None and plausible(text):
            return text
    for encoding in ("utf-16-le", "utf-16-be"):
        text = _decoded(data, encoding)
        if text is not None and _is_east_asian(text):
            return text
    raise unreadable(name)


def decode_markup(data: bytes, name: str) -> str:
    """The text of an HTML or XML file, by the encoding that it declares, if that decodes. Raises DocumentError."""
    found = _DECLARED.search(data[:4096])
    if found and not _marked(data):
        encoding = _declared((found[1] or found[2]).decode("ascii"))
        text = _decoded(data, encoding) if encoding else None
        if text is not None:
            return text
    return decode(data, name)


def decode_unknown(data: bytes, name: str) -> str:
    """The text of a file of unknown kind: only Unicode without control characters is believed to be text."""
    text = _decoded(data, _marked(data) or "utf-8")
    if text is None or _BINARY.search(text):
        raise unreadable(name)
    return text


def plausible(text: str) -> bool:
    """Whether text that was decoded by a guess can be what its writer wrote."""
    sample = text[:_SAMPLE]
    used = set(sample)
    if _BINARY.search(sample) or any("\x80" <= character <= "\x9f" for character in used):
        return False
    if any(unicodedata.category(character) in ("Cn", "Co", "Cs") for character in used):
        return False
    around = (text[max(0, found.start() - _AROUND) : found.end() + _AROUND] for found in _NOT_ASCII.finditer(text))
    words = [word for word in _WORD.findall("\n".join(islice(around, _PLACES))) if not word.isascii()]
    foreign = [word for word in words if _alphabets(word) - {"LATIN"}]
    lone = bool(foreign) and max(map(len, foreign)) == 1
    return not lone and sum(map(_is_odd, words)) * 10 <= len(words)


def _declared(label: str) -> str | None:
    """The encoding that a page means by `label`; None for what no page is written in, as Base64."""
    try:
        name = codecs.lookup(label).name
    except LookupError:
        return None
    if name in ("iso8859-1", "ascii"):  # On the web they mean Windows-1252: https://encoding.spec.whatwg.org/
        return _WESTERN
    return name if name in {codecs.lookup(known).name for known in (*_LEGACY, *_DECLARED_ONLY)} else None


def _certain(data: bytes) -> Iterator[str]:
    """Encodings that a text in another would not decode by."""
    marked = _marked(data)
    if marked:
        yield marked
        return
    yield from (encoding for escape, encoding in _ESCAPES.items() if escape in data[:_SAMPLE])
    if not _is_wide(data):
        yield "utf-8"


def _guessed(data: bytes) -> Iterator[str]:
    import chardet

    wide = _wide(data)
    if wide:
        yield wide
        return
    guesses = chardet.detect_all(
        data,
        ignore_threshold=True,
        include_encodings=_LEGACY,
        no_match_encoding=_WESTERN,
        compat_names=False,
        max_bytes=len(data),
    )
    western = max((guess["confidence"] for guess in guesses if guess["encoding"] == _WESTERN), default=0.0)
    few_accents = len(data) - len(data.translate(None, _HIGH)) <= _ACCENTED_SHARE * len(data)
    for guess in guesses:
        confidence = guess["confidence"]
        if few_accents and (confidence < _UNSURE or western > _NEARLY * confidence):
            yield _WESTERN  # A handful of accents shows nothing, and Western text is what most often has so few.
        if guess["encoding"]:
            yield guess["encoding"]


def _marked(data: bytes) -> str | None:
    return next((encoding for mark, encoding in _MARKS if data.startswith(mark)), None)


def _is_wide(data: bytes) -> bool:
    """Whether UTF-8 that decodes is UTF-16 or UTF-32 all the same, full of zeros or of other control characters.

    Zeros alone, now and then, are what programs leave in texts.
    """
    sample = data[:_SAMPLE]
    zeros, controls = sample.count(0), len(sample) - len(sample.translate(None, _CONTROLS))
    return zeros > _ZERO_SHARE * len(sample) or (zeros > 0 and controls > _CONTROL_SHARE * len(sample))


def _wide(data: bytes) -> str | None:
    """UTF-16 or UTF-32, by where its zero bytes are: every ASCII character, a space at least, has one or three."""
    sample = data[: _SAMPLE // 4 * 4]
    zeros = [sample[place::4].count(0) for place in range(4)]
    if not any(zeros):
        return None
    most = 0.9 * len(sample) / 4
    if min(zeros[0], zeros[1]) > most or min(zeros[2], zeros[3]) > most:
        return "utf-32-be" if zeros[0] > zeros[3] else "utf-32-le"
    return "utf-16-be" if zeros[0] + zeros[2] > zeros[1] + zeros[3] else "utf-16-le"


def _decoded(data: bytes, encoding: str) -> str | None:
    """The text in `encoding`, None where it is none; a character that the file's end cuts off is a replacement."""
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        text = decoder.decode(data)
    except UnicodeError:
        return None
    if not decoder.getstate()[0]:
        return text
    # A lone accent at the end of ASCII text is no cut character.
    return None if text.isascii() and not encoding.startswith("utf-16") else text + "\ufffd"


def _is_odd(word: str) -> bool:
    """Whether a word mixes scripts as no language does."""
    ideographs = sum(_script(character) == _IDEOGRAPH for character in word)
    return len(_alphabets(word)) > 1 or (ideographs == 1 and "LATIN" in _alphabets(word))


def _is_east_asian(text: str) -> bool:
    """Whether UTF-16 without a mark and without an ASCII character, as Chinese is written, came out right."""
    sample = text[:_SAMPLE]
    letters = [character for character in sample if character.isalpha()]
    foreign = sum(_script(character) != _IDEOGRAPH for character in letters)
    return plausible(text) and len(letters) > 4 and not foreign and bool(_STOP.search(sample))


def _alphabets(word: str) -> set[str]:
    return {script for script in map(_script, word) if script in _ALPHABETS}


@cache
def _script(character: str) -> str:
    script = unicodedata.name(character, "").partition(" ")[0]
    return _IDEOGRAPH if script in ("HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO") else script

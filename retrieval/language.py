"""The language of a text. Two detectors are asked, since one alone is sure of itself on a line of code.

kreuzberg's (whatlang: trigrams) is right on a sentence or two of its 69 languages; chardet's decides where it is
unsure.
"""

from itertools import pairwise

# ISO 639-3, as kreuzberg says it, to ISO 639-1. Both written forms of Norwegian are "no".
_CODES = dict(
    pair.split(":")
    for pair in (
        "afr:af aka:ak amh:am ara:ar aze:az bel:be ben:bn bul:bg cat:ca ces:cs cmn:zh cym:cy dan:da deu:de ell:el "
        "eng:en epo:eo est:et fin:fi fra:fr guj:gu heb:he hin:hi hrv:hr hun:hu hye:hy ind:id ita:it jav:jv jpn:ja "
        "kan:kn kat:ka khm:km kor:ko lat:la lav:lv lit:lt mal:ml mar:mr mkd:mk mya:my nep:ne nld:nl nob:no ori:or "
        "pan:pa pes:fa pol:pl por:pt ron:ro rus:ru sin:si slk:sk slv:sl sna:sn spa:es srp:sr swe:sv tam:ta tel:te "
        "tgl:tl tha:th tuk:tk tur:tr ukr:uk urd:ur uzb:uz vie:vi yid:yi zul:zu "
    ).split()
)
_SURE = 0.8
_WINDOW = 3_000
_WINDOWS = 4
_LEAST_LETTERS = 20
_LEAST_IDEOGRAPHS = 6


def language_of(text: str) -> str | None:
    """The main language of `text` as a code of ISO 639-1, by samples over its length; None where that is not sure."""
    sample = _sample(text)
    letters = [character for character in sample if character.isalpha()]
    ideographs = sum(character >= "\u2e80" for character in letters)
    if len(letters) < _LEAST_LETTERS and ideographs < _LEAST_IDEOGRAPHS:
        return None
    likely = _detected(sample, 0.0)
    if likely and (_detected(sample, _SURE) == likely or _confirmed(sample) == likely):
        return likely
    return None


def _sample(text: str) -> str:
    """Pieces from the whole length of the text: the first pages of a book may be a notice in another language."""
    if len(text) <= _WINDOWS * _WINDOW:
        return text
    starts = range(0, len(text), len(text) // _WINDOWS)
    return " ".join(text[start : start + _WINDOW] for start, _ in pairwise(starts))


def _detected(sample: str, confidence: float) -> str | None:
    import kreuzberg

    config = kreuzberg.ExtractionConfig(
        use_cache=False,
        enable_quality_processing=False,
        disable_ocr=True,  # type: ignore[call-arg] # missing from its stubs
        language_detection=kreuzberg.LanguageDetectionConfig(min_confidence=confidence),
    )
    found = kreuzberg.extract_bytes_sync(sample.encode(), "text/plain", config=config).detected_languages
    return _CODES.get(found[0]) if found else None


def _confirmed(sample: str) -> str | None:
    import chardet

    return chardet.detect(sample.encode())["language"]

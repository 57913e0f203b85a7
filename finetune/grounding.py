"""Grounded conversations: a question, numbered sources, and the sentence that answers it with its footnote.

Rows that people wrote give the question and the passage. `cloze` makes more of the kind from plain text: a question is
made of a sentence's own words, and the sentence is the answer. It teaches a small model the one thing that its answers
stand on, to find a sentence among the sources and to say it as it is written.

Sources stand mostly as `assistant.select` serves them: the best first, each beginning with its best sentence. Not
always, since selection errs too, and a model that only ever saw it right would never look further.
"""

import random
import re
from collections.abc import Iterator, Sequence

from assistant.chatml import Message
from assistant.rows import Row
from assistant.wording import grounded_messages, grounded_reply
from retrieval.sentences import sentence_spans

_SUBJECT = re.compile(
    r"^((?:The |A |An )?[A-Z][\w'-]*(?: (?:of|the|and|[A-Z][\w'-]*)){0,4}) "
    r"((?:is|was|are|were|has|had|can|became|won|began) .+)\.$"
)
_WORD = re.compile(r"[A-Za-z][A-Za-z'-]{4,}|\d{3,}")
_UNANSWERABLE = 0.2
_BEST_FIRST = 0.8
_ABOUT = ("What do the sources say about {}?", "Tell me about {}.", "What is known of {}?", "What about {}?", "{}?")


def sentences(text: str) -> list[str]:
    """The sentences of `text` as they stand."""
    return [text[start:end] for start, end in sentence_spans(text)]


def grounded_row(row: Row, distractors: Sequence[str], rng: random.Random) -> list[Message] | None:
    """A conversation from a row of `context, question, answers, answerable`; None if no sentence holds the answer."""
    lines = sentences(row.text("context"))
    question = row.text("question")
    answers = row.texts("answers")
    answerable = row.flag("answerable")
    holding = _holding(lines, answers) if answerable else None
    if answerable and holding is None:
        return None
    centre = holding if holding is not None else rng.randrange(len(lines))
    return _conversation(question, _around(lines, centre, rng), lines[centre] if answerable else None, distractors, rng)


def cloze(lines: Sequence[str], distractors: Sequence[str], rng: random.Random) -> list[Message] | None:
    """A conversation from the sentences of a plain text; None if none of them makes a question."""
    centre = rng.randrange(len(lines))
    question = _question_from(lines[centre], rng)
    if question is None:
        return None
    if rng.random() < _UNANSWERABLE:
        return _conversation(question, None, None, distractors, rng)
    return _conversation(question, _around(lines, centre, rng), lines[centre], distractors, rng)


def passages(texts: Iterator[str], rng: random.Random) -> Iterator[list[str]]:
    """Runs of sentences from plain texts, a few from each, none with a very long sentence."""
    for text in texts:
        lines = sentences(text[:8000])
        for start in range(0, len(lines) - 6, 12):
            run = lines[start : start + rng.randint(2, 4)]
            if all(20 < len(line) < 300 for line in run):
                yield run


def _conversation(
    question: str, source: str | None, answer: str | None, distractors: Sequence[str], rng: random.Random
) -> list[Message]:
    sources = [source] if source else []
    others = list(distractors)
    place = rng.randint(0, len(others)) if source and not _best_first(rng) else 0
    sources = others[:place] + sources + others[place:]
    reply = grounded_reply([(answer, place + 1)] if answer is not None else [])
    return [*grounded_messages(question, sources), Message("assistant", reply)]


def _holding(lines: Sequence[str], answers: Sequence[str]) -> int | None:
    """The first line with an answer in it as whole words: "7" does not stand in "1787"."""
    for answer in filter(None, map(str.strip, answers)):
        # Not \b, which asks for a letter or digit at the answer's own ends; "$7" and "C++" have none there.
        whole = re.compile(rf"(?<!\w){re.escape(answer)}(?!\w)", re.IGNORECASE)
        for index, line in enumerate(lines):
            if whole.search(line):
                return index
    return None


def _best_first(rng: random.Random) -> bool:
    return rng.random() < _BEST_FIRST


def _around(lines: Sequence[str], centre: int, rng: random.Random) -> str:
    """`lines[centre]` with up to two sentences after it, and sometimes as many before."""
    first = centre if _best_first(rng) else max(0, centre - rng.randint(0, 2))
    return " ".join(lines[first : centre + rng.randint(1, 3)])


def _question_from(sentence: str, rng: random.Random) -> str | None:
    if not 30 < len(sentence) < 250:
        return None
    subject = _SUBJECT.match(sentence)
    if subject and rng.random() < 0.6:
        rest = subject.group(2).split(",")[0]
        return f"{rng.choice(('Who', 'What'))} {rest}?"
    words = list(dict.fromkeys(_WORD.findall(sentence)))
    if len(words) < 3:
        return None
    start = rng.randrange(len(words) - 1)
    return rng.choice(_ABOUT).format(" ".join(words[start : start + rng.randint(2, 3)]))

"""Replies that go round in circles, by a rule that anyone can check by hand.

A reply loops when four words or marks in a row stand in it four times or more, or one sentence of three words or more
stands in it three times or more. Case and white space do not count; runs may overlap, so that seven times the same word
is a loop. The rule knows nothing of the model's tokens, so that it is the same for all models.

Limits: a song with a refrain, or a table with one value in all cells, is a loop too.
"""

import re
from collections import Counter

from retrieval.sentences import sentence_spans

RUN, RUN_TIMES = 4, 4
SENTENCE_WORDS, SENTENCE_TIMES = 3, 3
_PIECE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W\u3040-\u30ff\u3400-\u9fff]+|[^\w\s]")


def loops(text: str) -> bool:
    """Whether `text` repeats itself by the rule above."""
    pieces = _PIECE.findall(text.casefold())
    runs = Counter(tuple(pieces[start : start + RUN]) for start in range(len(pieces) - RUN + 1))
    return _most(runs) >= RUN_TIMES or _most(_sentences(text)) >= SENTENCE_TIMES


def _sentences(text: str) -> Counter[tuple[str, ...]]:
    # Split before the case is folded: capitals tell where sentences begin.
    split = (tuple(text[start:end].casefold().split()) for start, end in sentence_spans(text))
    return Counter(words for words in split if len(words) >= SENTENCE_WORDS)


def _most(counts: Counter[tuple[str, ...]]) -> int:
    return max(counts.values(), default=0)

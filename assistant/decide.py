"""What the reader is shown: the model's answer, else the document's own sentences, else that it is not known.

    answer      most of the draft's sentences are supported, by evidence about as near to the question as any
    extract     they are not, but the documents come near enough to the question: their nearest sentence is quoted as
                it stands, and the next one too where it is nearly as near
    abstain     nothing is near enough

`confidence` maps the nearness of the best evidence to 0..1 by a logistic curve that crosses one half where abstaining
starts. It was fitted, classes weighed alike, to 546 questions (SQuAD 2.0 and FairytaleQA) asked of three passages
with their own among them, and 160 asked of three others. A question that its own passage nearly answers is harder, and
is not yet calibrated for: most are answered. `footnote eval selection` measures all three.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from assistant.select import Candidate, Evidence
from assistant.verify import Checked
from assistant.wording import REFUSAL, one_line

ABSTAIN_BELOW = 0.5
_MIDDLE = 0.78
_STEEPNESS = 11.2
_RELEVANCE_MARGIN = 0.12
_MIN_SUPPORTED_SHARE = 0.5
_NEARLY = 0.7


@dataclass(frozen=True, slots=True)
class Decision:
    """The sentences to show (none when abstaining), and how sure it is that the documents hold the answer."""

    sentences: tuple[Checked, ...]
    abstained: bool
    confidence: float
    text: str


def decide(checked: Sequence[Checked], evidence: Evidence) -> Decision:
    """Answer, extract or abstain."""
    best = evidence.ranked[0] if evidence.ranked else None
    confidence = round(_confidence(best), 4)
    if best is None or confidence < ABSTAIN_BELOW:
        return Decision((), True, confidence, abstention(evidence))
    shown = tuple(checked) if _stands(checked, best) else _extract(evidence)
    return Decision(shown, False, confidence, " ".join(item.text for item in shown))


def _extract(evidence: Evidence) -> tuple[Checked, ...]:
    best = evidence.ranked[0]
    # The same words in another document add nothing.
    following = [other for other in evidence.ranked[1:] if one_line(other.text) != one_line(best.text)]
    quoted = [best, *(other for other in following[:1] if other.score >= _NEARLY * best.score)]
    quoted.sort(key=lambda candidate: (candidate.document_id != best.document_id, candidate.start))
    return tuple(Checked(candidate.text, candidate, 1.0, True) for candidate in quoted)


def abstention(evidence: Evidence) -> str:
    """The sentence that says that the documents do not hold the answer, and where they come nearest."""
    places = list(dict.fromkeys(_place(candidate) for candidate in evidence.ranked[:3]))
    if not places:
        return REFUSAL
    return f"{REFUSAL} The documents do not seem to hold the answer; the nearest passages are in {', '.join(places)}."


def _stands(checked: Sequence[Checked], best: Candidate) -> bool:
    supported = [item for item in checked if item.supported and item.nearest is not None]
    if not checked or len(supported) / len(checked) <= _MIN_SUPPORTED_SHARE:
        return False
    nearest = max(item.nearest.score for item in supported if item.nearest is not None)
    return nearest >= best.score - _RELEVANCE_MARGIN


def _confidence(best: Candidate | None) -> float:
    if best is None:
        return 0.0
    return 1 / (1 + math.exp(-_STEEPNESS * (best.score - _MIDDLE)))


def _place(candidate: Candidate) -> str:
    return candidate.document if candidate.page is None else f"{candidate.document}, page {candidate.page}"

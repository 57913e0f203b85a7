"""Models as raters: one reply of an engine read as a verdict on two answers, a score of a form, or a label of a text.

A judge may be any model that the program loads or reaches. It draws nothing (temperature 0). What it says is kept whole
beside what was read of it. A prompt that does not fit its window is not asked, which counts as unreadable and says so.
"""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from assistant.chatml import Message
from assistant.engine.engine import Engine
from assistant.engine.reply import Reply
from assistant.engine.sampling import Sampling
from assistant.errors import InputError
from assistant.prompt import Window
from eval.judge_prompts import form_messages, label_messages, pair_messages
from eval.judge_reading import normal, read_choice
from eval.likert_file import SCALE
from eval.rubric import Aspect

Order = Literal["as shown", "swapped"]
ORDERS: tuple[Order, Order] = ("as shown", "swapped")
_MOST_TOKENS = 256
_VERDICTS = {name: verdict for verdict in ("A", "B") for name in (verdict.casefold(), f"answer {verdict.casefold()}")}
_VERDICTS |= {"tie": "tie"}
_SIDES = {
    "as shown": {"A": "left", "B": "right", "tie": "tie"},
    "swapped": {"A": "right", "B": "left", "tie": "tie"},
}
_SCORES = {name: str(score) for score in SCALE for name in (f"{score}", f"{score:+}", f"{score}".replace("-", "−"))}


@dataclass(frozen=True, slots=True)
class Judgement:
    """One reply: to which `part` of the question, what was said, and what was read; None where nothing could be."""

    part: str
    reply: str
    verdict: str | None
    latency_ms: float


@dataclass(frozen=True, slots=True)
class Ruling:
    """The verdict on two answers, and the judgements of both orders that it is made of."""

    winner: Literal["left", "right", "tie", "unreadable"]
    judgements: tuple[Judgement, Judgement]


class PairJudge:
    """Says which of two answers is better. Both orders are asked; where they disagree, it is a tie."""

    def __init__(self, engine: Engine):
        self._asking = Asking(engine)

    def rule(
        self,
        question: str,
        left: str,
        right: str,
        sources: Sequence[str] = (),
        stop: threading.Event | None = None,
    ) -> Ruling:
        """Left stands first in the order `as shown`. Raises ModelError where the engine cannot reply."""
        shown, swapped = (
            self._asking.ask(order, pair_messages(question, *pair, sources), "verdict", _VERDICTS, stop)
            for order, pair in zip(ORDERS, ((left, right), (right, left)), strict=True)
        )
        return Ruling(_winner(shown.verdict, swapped.verdict), (shown, swapped))


class FormJudge:
    """Gives a text a score of −2 to 2 for each aspect of a rubric, one question at a time."""

    def __init__(self, engine: Engine, aspects: Sequence[Aspect]):
        self._asking = Asking(engine)
        self._aspects = aspects

    def score(self, text: str, source: str = "", stop: threading.Event | None = None) -> Iterator[Judgement]:
        """A judgement for each aspect, whose name is its `part`, and whose verdict is the score as it is written."""
        for aspect in self._aspects:
            yield self._asking.ask(aspect.name, form_messages(aspect, text, source), "score", _SCORES, stop)


class LabelJudge:
    """Gives a text one of several labels. Raises InputError for labels that cannot be told apart."""

    def __init__(self, engine: Engine, labels: Sequence[str]):
        self._asking = Asking(engine)
        self._labels = labels
        self._choices = label_choices(labels)

    @property
    def sampling(self) -> Sampling:
        """How the words of a reply are drawn."""
        return self._asking.sampling

    def messages(self, text: str) -> list[Message]:
        """What the model is sent to have `text` labelled."""
        return label_messages(self._labels, text)

    def label(self, text: str, stop: threading.Event | None = None) -> Judgement:
        """The verdict is a label, or None."""
        return self._asking.ask("label", self.messages(text), "label", self._choices, stop)


def label_choices(labels: Sequence[str]) -> dict[str, str]:
    """Each label by its normal form. Raises InputError for fewer than two, an empty one, or two that are one."""
    choices: dict[str, str] = {}
    for label in labels:
        if not normal(label) or not label.isprintable() or "," in label:
            raise InputError(f"label {label!r} must be of visible characters, a letter or digit among them")
        if twin := choices.get(normal(label)):
            raise InputError(f"the labels {twin!r} and {label!r} cannot be told apart; name each once")
        choices[normal(label)] = label
    if len(choices) < 2:
        raise InputError(f"labels: {len(choices)} of them; name two or more, separated by commas")
    return choices


class Asking:
    """One question at a time to one engine."""

    def __init__(self, engine: Engine):
        self._engine = engine
        tokens = min(_MOST_TOKENS, max(1, engine.positions // 4))
        self.sampling = Sampling(max_tokens=tokens, seed=1)
        self._window = Window(engine.length, engine.positions, tokens)

    def ask(
        self,
        part: str,
        messages: list[Message],
        key: str,
        choices: Mapping[str, str],
        stop: threading.Event | None = None,
    ) -> Judgement:
        """The reply to `messages`, read. Raises ModelError where the engine cannot reply."""
        if not self._window.holds(messages):
            length, room = self._engine.length(messages), self._window.room
            return Judgement(part, f"(not asked: the prompt takes {length} tokens of {room})", None, 0.0)
        reply, begun = Reply(), time.perf_counter()
        for _ in self._engine.stream(messages, self.sampling, reply, stop):
            pass
        took = round((time.perf_counter() - begun) * 1000, 1)
        return Judgement(part, reply.text, read_choice(reply.text, key, choices), took)


def _winner(shown: str | None, swapped: str | None) -> Literal["left", "right", "tie", "unreadable"]:
    if shown is None or swapped is None:
        return "unreadable"
    first, second = _SIDES["as shown"][shown], _SIDES["swapped"][swapped]
    if first != second:
        return "tie"
    return "left" if first == "left" else "right" if first == "right" else "tie"

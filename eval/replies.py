"""A model's replies, measured through the engine that serves them and repeatable by a seed.

Instructions are asked in an open conversation and compared with how a person solved them. Grounded questions are asked
twice, with numbered sources and without any, so that what the sources give stands beside what the model knows. Rows
that the model was trained on measure its memory: hold them out, and name which ones when you publish a figure.
"""

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from assistant.chatml import Message
from assistant.engine.engine import Engine
from assistant.engine.sampling import Sampling
from assistant.errors import InputError
from assistant.prompt import Window
from assistant.rows import Row
from assistant.select import Encode
from assistant.verify import without_marks
from assistant.wording import REFUSAL, one_line
from eval.overlap import best_token_f1, holds_answer, token_f1
from eval.questions import Chosen, Grounded, Instruction, choose_grounded, choose_instructions, sentences
from eval.rouge import rouge_l
from eval.speech import Manner, Speak, Spoken, manner, speaker

DEFAULT_SAMPLING = Sampling()
Count = Callable[[], None]
"""Called after every reply."""


@dataclass(frozen=True, slots=True)
class InstructionReplies:
    """Means over all replies, 0 to 1; `left_out`: instructions too long for the window, passed over."""

    rouge_l_f1: float | None
    token_f1: float | None
    left_out: int
    manner: Manner | None


@dataclass(frozen=True, slots=True)
class GroundedReplies:
    """Means and shares from 0 to 1, None where there was no question of the kind.

    Over the `answerable` questions: `token_f1` of the reply without its footnote marks against the best answer;
    `holds_answer`, an answer stands in the reply word by word; `verbatim`, the reply is, letter by letter, one sentence
    of the sources; `refused_answerable`. Over the `unanswerable` ones: `refused_unanswerable`. A reply refuses when it
    begins with `assistant.wording.REFUSAL`. `ungrounded_`: the answerable questions again, without sources.

    Answers are a few words and replies are sentences, so a perfect reply has a token F1 far below 1. `left_out`:
    questions too long for the window, passed over.
    """

    answerable: int
    unanswerable: int
    token_f1: float | None
    ungrounded_token_f1: float | None
    holds_answer: float | None
    ungrounded_holds_answer: float | None
    verbatim: float | None
    refused_answerable: float | None
    refused_unanswerable: float | None
    left_out: int
    manner: Manner | None
    ungrounded_manner: Manner | None


@dataclass(frozen=True, slots=True)
class Replies:
    """Both, with the settings that repeat them; `questions` is the most of each that were asked, 0 for all."""

    model: str
    seed: int
    questions: int
    sampling: Sampling
    instructions: InstructionReplies | None
    grounded: GroundedReplies | None


def measure(
    engine: Engine,
    encode: Encode,
    *,
    instructions: Sequence[Row] = (),
    grounded: Sequence[Row] = (),
    questions: int = 0,
    seed: int = 1,
    sampling: Sampling = DEFAULT_SAMPLING,
    progress: Callable[[float], None] = lambda _: None,
) -> Replies:
    """Ask up to `questions` (0: all) of each kind of row; `seed` picks them and, with a temperature, the replies.

    `encode` gives the vectors by which the program chooses its sources.
    `progress` is called with the share done. Raises InputError for rows that cannot be read, when the rows are of
    neither kind, and when none of them fits the model's window.
    """
    if questions < 0:
        raise InputError(f"questions must be 1 or more, or 0 for all, not {questions}")
    sampling = replace(sampling, seed=seed)
    window = Window(engine.length, engine.positions, sampling.max_tokens)
    alone = choose_instructions(instructions, window, questions, seed) if instructions else None
    sourced = choose_grounded(grounded, window, questions, seed, encode) if grounded else None
    wanted, done = _wanted(alone, sourced, window), itertools.count(1)
    speak = speaker(engine, sampling)

    def count() -> None:
        progress(next(done) / wanted)

    return Replies(
        model=engine.name,
        seed=seed,
        questions=questions,
        sampling=sampling,
        instructions=measure_instructions(alone, speak, count) if alone else None,
        grounded=measure_grounded(sourced, speak, count) if sourced else None,
    )


def measure_instructions(chosen: Chosen[Instruction], speak: Speak, count: Count) -> InstructionReplies:
    """Ask every instruction once."""
    spoken = _replies((item.messages() for item in chosen.items), speak, count)
    pairs = [(reply.text, item.solution) for reply, item in zip(spoken, chosen.items, strict=True)]
    return InstructionReplies(
        rouge_l_f1=_mean([rouge_l(said, solution) for said, solution in pairs]),
        token_f1=_mean([token_f1(said, solution) for said, solution in pairs]),
        left_out=chosen.left_out,
        manner=manner(spoken),
    )


def measure_grounded(chosen: Chosen[Grounded], speak: Speak, count: Count) -> GroundedReplies:
    """Ask every question with its sources, and those that can be answered once more without."""
    asked = [item for item in chosen.items if item.answers]
    others = [item for item in chosen.items if not item.answers]
    spoken = _replies((item.messages for item in asked), speak, count)
    plain = _replies((item.without_sources() for item in asked), speak, count)
    vain = _replies((item.messages for item in others), speak, count)
    said, said_plain = _texts(spoken), _texts(plain)
    return GroundedReplies(
        answerable=len(asked),
        unanswerable=len(others),
        token_f1=_f1(said, asked),
        ungrounded_token_f1=_f1(said_plain, asked),
        holds_answer=_holding(said, asked),
        ungrounded_holds_answer=_holding(said_plain, asked),
        verbatim=_mean([_is_verbatim(text, item.sources) for text, item in zip(said, asked, strict=True)]),
        refused_answerable=_mean([text.startswith(REFUSAL) for text in said]),
        refused_unanswerable=_mean([text.startswith(REFUSAL) for text in _texts(vain)]),
        left_out=chosen.left_out,
        manner=manner([*spoken, *vain]),
        ungrounded_manner=manner(plain),
    )


def _wanted(alone: Chosen[Instruction] | None, sourced: Chosen[Grounded] | None, window: Window) -> int:
    """How many replies the chosen questions ask for; refused where it is none."""
    once = len(alone.items) if alone else 0
    wanted = once + sum(2 if item.answers else 1 for item in (sourced.items if sourced else ()))
    if wanted:
        return wanted
    if alone is None and sourced is None:
        raise InputError("nothing to ask: name files with --instructions or --grounded")
    raise InputError(
        f"no question can be asked: no row has its answer in its passage and fits the model's window of "
        f"{window.positions} tokens beside {window.reply_tokens} for the reply; name other rows or lower max_tokens"
    )


def _replies(asked: Iterable[Sequence[Message]], speak: Speak, count: Count) -> list[Spoken]:
    spoken = []
    for messages in asked:
        spoken.append(speak(messages))
        count()
    return spoken


def _texts(spoken: Sequence[Spoken]) -> list[str]:
    """The replies without footnote marks, on one line."""
    return [one_line(without_marks(reply.text)) for reply in spoken]


def _f1(said: Sequence[str], asked: Sequence[Grounded]) -> float | None:
    return _mean([best_token_f1(text, item.answers) for text, item in zip(said, asked, strict=True)])


def _holding(said: Sequence[str], asked: Sequence[Grounded]) -> float | None:
    found = zip(said, asked, strict=True)
    return _mean([any(holds_answer(text, answer) for answer in item.answers) for text, item in found])


def _is_verbatim(text: str, sources: Sequence[str]) -> bool:
    return any(text == one_line(sentence) for source in sources for sentence in sentences(source))


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None

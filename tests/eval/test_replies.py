"""Replies measured on a script, where every figure is known, and on a tiny real GPT-2 through the real engine."""

import json

import pytest

from assistant.checkpoint import load_checkpoint
from assistant.engine.hub import HubEngine
from assistant.engine.sampling import Sampling
from assistant.errors import InputError
from assistant.rows import read_rows
from assistant.wording import CHAT_SYSTEM, chat_messages, grounded_messages
from eval.questions import Chosen, Grounded, Instruction
from eval.replies import measure, measure_grounded, measure_instructions
from eval.speech import Spoken, manner, speaker
from retrieval.embed import Embedder

SOURCES = ("Bread needs flour and salt. It rests.", "The lease ends in March.", "Europa orbits Jupiter.")
QUESTIONS = tuple(
    Grounded(question, answers, SOURCES, tuple(grounded_messages(question, SOURCES)))
    for question, answers in (
        ("What does bread need?", ("flour", "flour and salt")),
        ("When does the lease end?", ("March",)),
        ("How heavy is Europa?", ()),
        ("How old is Europa?", ()),
    )
)
WITH_SOURCES = {
    "What does bread need?": "Bread needs flour\nand salt. [1]",
    "When does the lease end?": "I don't know.",
    "How heavy is Europa?": "I don't know. [3]",
    "How old is Europa?": "Europa orbits Jupiter. [3]",
}


def scripted(messages):
    """Replies by heart; without sources always the same."""
    question = messages[-1].content.rsplit("Question: ")[-1]
    plain = messages[0].content == CHAT_SYSTEM
    return Spoken("March, of course." if plain else WITH_SOURCES[question], tokens=6, ended=not plain)


def quiet():
    """Counts nothing."""


def test_grounded_replies_worked_by_hand():
    found = measure_grounded(Chosen(QUESTIONS, left_out=3), scripted, quiet)
    assert (found.answerable, found.unanswerable, found.left_out) == (2, 2, 3)
    assert found.token_f1 == pytest.approx((2 * 3 / (5 + 3) + 0) / 2)
    assert found.ungrounded_token_f1 == pytest.approx((0 + 2 / 4) / 2)
    assert (found.holds_answer, found.ungrounded_holds_answer) == (0.5, 0.5)
    assert found.verbatim == 0.5
    assert (found.refused_answerable, found.refused_unanswerable) == (0.5, 0.5)
    assert (found.manner.replies, found.manner.ended) == (4, 1)
    assert (found.ungrounded_manner.replies, found.ungrounded_manner.ended) == (2, 0)


def test_instructions_worked_by_hand():
    items = (Instruction("When?", "In March, of course."), Instruction("Who?", "Nobody."))
    found = measure_instructions(Chosen(items, left_out=0), scripted, quiet)
    assert found.token_f1 == found.rouge_l_f1 == pytest.approx((6 / 7 + 0) / 2)


def test_what_is_not_there_is_none():
    found = measure_grounded(Chosen(QUESTIONS[2:], left_out=0), scripted, quiet)
    assert (found.token_f1, found.verbatim, found.ungrounded_manner) == (None, None, None)
    assert found.refused_unanswerable == 0.5


def test_the_manner_of_replies():
    found = manner([Spoken("a", 4, True, 3, 0.5), Spoken("no " * 7, 8, False, 7, 1.5), Spoken("", 1, True)])
    assert (found.replies, found.ended, found.looping) == (3, 2 / 3, 1 / 3)
    assert found.mean_tokens == pytest.approx(13 / 3)
    assert found.decode_tokens_per_s == pytest.approx(10 / 2)
    assert manner([]) is None


@pytest.fixture(scope="module")
def engine(tiny_checkpoint):
    return HubEngine(load_checkpoint(tiny_checkpoint))


@pytest.fixture(scope="module")
def encode():
    return Embedder().encode


@pytest.fixture
def rows(tmp_path):
    """Rows of each kind, by name."""

    def written(name, lines):
        (tmp_path / name).write_text("".join(json.dumps(line) + "\n" for line in lines))
        return list(read_rows(tmp_path / name))

    passages = [("The lease ends in March.", "When?", ["March"]), ("It is blue.", "Which?", ["blue"]), ("Hm.", "?", [])]
    keys = ("context", "question", "answers")
    return {
        "instructions": written("i.jsonl", [{"instruction": f"Say {n}.", "solution": str(n)} for n in range(5)]),
        "grounded": written("g.jsonl", [{**dict(zip(keys, row)), "answerable": bool(row[2])} for row in passages]),
    }


def test_the_served_engine_is_measured_and_a_seed_repeats(engine, encode, rows):
    sampling = Sampling(temperature=1.0, max_tokens=12)
    shares = []
    first = measure(engine, encode, **rows, questions=3, seed=4, sampling=sampling, progress=shares.append)
    again = measure(engine, encode, **rows, questions=3, seed=4, sampling=sampling)
    assert first.instructions.manner.replies == 3
    assert (first.grounded.answerable, first.grounded.unanswerable) == (2, 1)
    assert shares == [pytest.approx(n / 8) for n in range(1, 9)]
    assert first.sampling == Sampling(temperature=1.0, max_tokens=12, seed=4)
    assert first.grounded.manner.decode_tokens_per_s > 0
    for one, other in ((first.instructions, again.instructions), (first.grounded, again.grounded)):
        assert _untimed(one) == _untimed(other)


def _untimed(found):
    return (found.token_f1, found.manner.mean_tokens, found.manner.ended, found.manner.looping)


def test_a_sampled_reply_depends_on_the_seed_and_the_prompt_alone(engine):
    speak = speaker(engine, Sampling(temperature=1.5, max_tokens=20, seed=3))
    asked = [chat_messages("Why?"), chat_messages("How?")]
    forward = [speak(messages).text for messages in asked]
    backward = [speak(messages).text for messages in reversed(asked)]
    assert forward == backward[::-1]
    other = speaker(engine, Sampling(temperature=1.5, max_tokens=20, seed=4))
    assert [other(messages).text for messages in asked] != forward


def test_a_reply_ended_when_its_end_came_before_the_last_token(engine):
    full = speaker(engine, Sampling(max_tokens=20))(chat_messages("Why?"))
    assert (full.tokens, full.ended) == (20, False)
    stop = full.text[:2]
    assert speaker(engine, Sampling(max_tokens=20, stop=(stop,)))(chat_messages("Why?")).ended


def test_nothing_to_ask_is_named(engine, encode, rows):
    with pytest.raises(InputError, match="--instructions or --grounded"):
        measure(engine, encode)
    with pytest.raises(InputError, match="lower max_tokens"):
        measure(engine, encode, grounded=rows["grounded"], sampling=Sampling(max_tokens=250))

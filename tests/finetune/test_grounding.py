import random

import pytest

from assistant.errors import InputError
from assistant.rows import Row
from assistant.wording import grounded_reply, one_line
from finetune.grounding import cloze, grounded_row

CONTEXT = "Ada Lovelace wrote notes on the engine. She was born in 1815. The notes were published in 1843."
OTHER = "The lighthouse stands on a rock. Its lamp is lit at dusk."


def _row(tmp_path, **values):
    return Row({"context": CONTEXT, "question": "When was she born?", "answerable": True, **values}, tmp_path / "x", 1)


@pytest.mark.parametrize("seed", range(20))
def test_the_reply_is_the_sentence_that_holds_the_answer_with_its_footnote(tmp_path, seed):
    messages = grounded_row(_row(tmp_path, answers=["1815"]), [OTHER, OTHER], random.Random(seed))
    reply = messages[-1].content
    sentence, mark = reply.removeprefix(" ").rsplit(" ", 1)
    assert sentence == "She was born in 1815."
    source = next(line for line in messages[-2].content.splitlines() if line.startswith(mark))
    assert sentence in source


def test_sources_are_mostly_served_as_the_program_does(tmp_path):
    """Best first, beginning with the sentence that answers; and not always, or nothing else would be learned."""
    served = 0
    for seed in range(200):
        messages = grounded_row(_row(tmp_path, answers=["1815"]), [OTHER, OTHER], random.Random(seed))
        served += "\n[1] She was born in 1815." in messages[-2].content
    assert 100 < served < 180


def test_an_unanswerable_question_is_refused(tmp_path):
    row = _row(tmp_path, answers=[], answerable=False)
    assert grounded_row(row, [OTHER], random.Random(0))[-1].content == grounded_reply([])


def test_a_row_whose_answer_stands_nowhere_is_left_out(tmp_path):
    assert grounded_row(_row(tmp_path, answers=["1999"]), [], random.Random(0)) is None


@pytest.mark.parametrize("value", [{}, {"answerable": None}, {"answerable": 1}, {"answerable": "false"}])
def test_a_row_that_does_not_say_whether_it_is_answerable_is_refused(tmp_path, value):
    row = Row({"context": CONTEXT, "question": "When was she born?", "answers": ["1815"], **value}, tmp_path / "x", 3)
    with pytest.raises(InputError, match=r"x:3: 'answerable' must be true or false"):
        grounded_row(row, [], random.Random(0))


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ("7", "She had 7 cats."),
        ("art", "Her art is lost."),
        ("CATS", "She had 7 cats."),
        ("$7", "One cost $7, no more."),
        ("C++", "It was written in C++."),
    ],
)
def test_an_answer_stands_in_a_sentence_as_whole_words(tmp_path, answer, sentence):
    context = (
        "She moved to Hartford in 1787. She had 7 cats. Her art is lost. One cost $7, no more. It was written in C++."
    )
    row = _row(tmp_path, context=context, answers=[answer])
    assert grounded_row(row, [], random.Random(0))[-1].content == f" {sentence} [1]"


@pytest.mark.parametrize("seed", range(40))
def test_cloze_answers_stand_in_the_source_that_they_name(seed):
    lines = ["Ada Lovelace was an English mathematician and writer.", "Charles Babbage designed the Analytical Engine."]
    messages = cloze(lines, [OTHER], random.Random(seed))
    reply = messages[-1].content
    if reply == grounded_reply([]):
        assert lines[0] not in messages[-2].content
        return
    sentence, mark = reply.removeprefix(" ").rsplit(" ", 1)
    source = next(line for line in messages[-2].content.splitlines() if line.startswith(mark))
    assert sentence in map(one_line, lines)
    assert sentence in source

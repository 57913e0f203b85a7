import pytest

from assistant.chatml import Message
from assistant.condense import condense

HISTORY = [Message("user", "Who built the lighthouse?"), Message("assistant", "Alan Stevenson.")]


@pytest.mark.parametrize("question", ["When did he build it?", "And when?", "What about its lamp?", "Why?"])
def test_a_question_that_points_back_is_read_with_the_one_before(question):
    assert condense(question, HISTORY) == f"Who built the lighthouse? {question}"


@pytest.mark.parametrize(
    "question", ["What is AutoGen?", "Which company made the engine?", "How many claims are there in the 2020 file?"]
)
def test_a_question_that_stands_alone_is_left(question):
    assert condense(question, HISTORY) == question


def test_a_second_follow_up_keeps_the_topic():
    history = [*HISTORY, Message("user", "When did he build it?"), Message("assistant", "In 1844.")]
    assert condense("And why?", history) == "Who built the lighthouse? And why?"


def test_the_first_question_is_left():
    assert condense("When did he build it?", []) == "When did he build it?"

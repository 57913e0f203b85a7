import pytest

from assistant.errors import InputError
from assistant.guard import check_question


@pytest.mark.parametrize(
    ("question", "reason"),
    [("", "empty"), (" \n", "empty"), ("\udcff", "not UTF-8"), ("\x00", "not UTF-8"), ("x" * 4001, "4,001 characters")],
)
def test_what_cannot_be_asked_says_why(question, reason):
    with pytest.raises(InputError, match=reason):
        check_question(question)


def test_a_question_loses_what_no_model_takes():
    assert check_question(" Who\x07 is\udcff it?\n") == "Who is it?"

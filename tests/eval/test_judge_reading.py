"""What is read as a verdict, and what is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.errors import InputError
from eval.judge import _SCORES, _VERDICTS, label_choices
from eval.judge_reading import read_choice


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        ("VERDICT: A", "A"),
        ("A says when.\nVERDICT: B", "B"),
        ("verdict: tie.", "tie"),
        ("**Verdict:** `A`", "A"),
        ("- Verdict: [[B]]", "B"),
        ("### VERDICT: Answer A\n", "A"),
        ("> “Verdict”: (tie)", "tie"),
        ("VERDICT: A\nSo it is.\nVerdict: a", "A"),
        ("<think>VERDICT: B? No.</think>\nVERDICT: A", "A"),
        ("A", "A"),
        (" Tie. ", "tie"),
        ("", None),
        ("A is better.", None),
        ("VERDICT:", None),
        ("VERDICT: C", None),
        ("VERDICT: A or B", None),
        ("VERDICT: A, VERDICT: B or VERDICT: TIE", None),
        ("VERDICT: A\nVERDICT: B\nVERDICT: TIE", None),
        ("One answer says “VERDICT: A”.", None),
        ("VERDICT: A\nBut no.\nVERDICT: B", None),
        ("VERDICT: hard to say\nVERDICT: A", None),
        ("My verdict is: A", None),
        ("VERDICT: not A", None),
        ("VERDICT: A\n</think>", None),
        ("ABBA", None),
        ("VERDICT - A", None),
    ],
)
def test_verdicts(reply, verdict):
    assert read_choice(reply, "verdict", _VERDICTS) == verdict


@pytest.mark.parametrize(
    ("reply", "score"),
    [
        *[(f"Because.\nSCORE: {score}", str(score)) for score in (-2, -1, 0, 1, 2)],
        ("SCORE: +2", "2"),
        ("SCORE: −1", "-1"),
        ("**Score**: -2.", "-2"),
        ("-1", "-1"),
        ("1", "1"),
        ("SCORE: 3", None),
        ("SCORE: 1.5", None),
        ("SCORE: 1/2", None),
        ("SCORE: -2, -1, 0, 1, 2", None),
        ("SCORE: two", None),
        ("1 2", None),
    ],
)
def test_scores(reply, score):
    assert read_choice(reply, "score", _SCORES) == score


def test_labels():
    choices = label_choices(["joy", "Very sad", "😡", "C++"])
    for reply, label in (
        ("LABEL: Joy", "joy"),
        ("very  sad", "Very sad"),
        ("Label: 😡!", "😡"),
        ("label: c++", "C++"),
        ("LABEL: joy, very sad", None),
        ("joyful", None),
    ):
        assert read_choice(reply, "label", choices) == label


@pytest.mark.parametrize(
    ("labels", "named"),
    [
        (["joy"], "labels: 1 of them; name two or more"),
        (["joy", ""], "label '' must be of visible characters"),
        (["joy", "..."], "label '...' must be"),
        (["joy", "a\nb"], "must be of visible"),
        (["joy", "Joy."], "the labels 'joy' and 'Joy.' cannot be told apart"),
    ],
)
def test_labels_that_cannot_be_told_apart_are_refused(labels, named):
    with pytest.raises(InputError) as fault:
        label_choices(labels)
    assert str(fault.value).startswith(named) or named in str(fault.value)


@given(st.text())
def test_any_reply_is_read_or_unreadable(reply):
    assert read_choice(reply, "verdict", _VERDICTS) in ("A", "B", "tie", None)
    assert read_choice(f"{reply}\nVERDICT: A", "verdict", _VERDICTS) in ("A", None)

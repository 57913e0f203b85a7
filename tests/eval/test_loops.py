import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.loops import loops


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", False),
        ("The lighthouse was lit in 1844. Its keeper was Alan Stevenson.", False),
        ("he went to the sea and he went to the sea and he went to the sea.", False),
        ("he went to the sea, he went to the sea, he went to the sea, he went to the sea", True),
        ("no " * 6, False),
        ("no " * 7, True),
        ("!" * 7, True),
        ("I do not know. It rains. I  do not\nknow. Yes. I DO not know.", True),
        ("I do not know. It rains. I do not know.", False),
        ("No. Why? No. Well, no. No.", False),
        ("東京東京東京東京東京", True),
    ],
)
def test_loops(text, expected):
    assert loops(text) is expected


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_more_of_the_same_stays_a_loop(text):
    if loops(text):
        assert loops(f"{text} {text}")


@given(st.lists(st.from_regex(r"[a-z]{3,8}", fullmatch=True), min_size=4, max_size=6))
def test_four_times_four_words_is_always_a_loop(words):
    assert loops(" ".join(words * 4))


@given(st.lists(st.integers(0, 10_000).map(str), unique=True))
def test_words_that_do_not_recur_are_none(words):
    assert not loops(" ".join(words))

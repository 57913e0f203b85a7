import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.words import content_stems, negated, numbers, words


def test_words_lose_case_and_possession():
    assert words("Ada's ENGINE, the boys' café 東京") == ["ada", "engine", "the", "boys", "café", "東", "京"]


@pytest.mark.parametrize(
    "forms", [("file", "files", "filed", "filing"), ("story", "stories"), ("walk", "walked", "walking")]
)
def test_forms_of_a_word_meet(forms):
    assert len({tuple(content_stems(form)) for form in forms}) == 1


def test_numbers_are_compared_without_thousands_separators():
    assert numbers("paid 1,234.50 on 3.5 days, 2024") == {"1234.50", "3.5", "2024"}


@pytest.mark.parametrize(("text", "expected"), [("It isn’t so.", True), ("No way.", True), ("A notable north.", False)])
def test_negation(text, expected):
    assert negated(text) is expected


@given(st.text(max_size=60))
def test_any_text_can_be_read(text):
    assert all(word == word.casefold() for word in words(text))
    content_stems(text), numbers(text), negated(text)

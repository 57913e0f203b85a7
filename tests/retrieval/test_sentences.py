import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.sentences import sentence_spans


def sentences(text):
    return [text[start:end] for start, end in sentence_spans(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("Dr. Smith met J. R. Jones, e.g. today. He left.", ["Dr. Smith met J. R. Jones, e.g. today.", "He left."]),
        ("No. It is not. See No. 5.", ["No.", "It is not.", "See No. 5."]),
        ("The U.S. Government met at 5 p.m. The rest left.", ["The U.S. Government met at 5 p.m.", "The rest left."]),
        ("It rose.[6] Then it fell.[7][8] End.", ["It rose.[6]", "Then it fell.[7][8]", "End."]),
        ('He said "Stop." Then he left.', ['He said "Stop."', "Then he left."]),
        ('"Really?" he asked.', ['"Really?" he asked.']),
        ("It costs 3.50 dollars. Cheap.", ["It costs 3.50 dollars.", "Cheap."]),
        ("彼は来た。私は行く。", ["彼は来た。", "私は行く。"]),
        ("1. First item.\n2. Second item.", ["1. First item.", "2. Second item."]),
        ("Title\n\nA paragraph.", ["Title", "A paragraph."]),
        ("Total: 5\nTax: 1\nSum: 6", ["Total: 5", "Tax: 1", "Sum: 6"]),
        ("City\tPeople\nRome\t3 millions and some words to fill the line", None),
        ("City: Rome | People: 3 and words to fill a line\nCity: Oslo | People: 1 and words to fill a line", None),
    ],
)
def test_cases(text, expected):
    assert sentences(text) == (expected or text.split("\n"))


def test_wrapped_lines_are_one_sentence():
    text = "Large language models are becoming a crucial building block\nin many tasks. Given these, we go\non and on."
    assert len(sentences(text)) == 2


@given(st.text())
def test_spans_cover_the_text_in_order(text):
    position = 0
    for start, end in sentence_spans(text):
        assert start < end
        assert text[start:end] == text[start:end].strip()
        assert not text[position:start].strip()
        position = end
    assert not text[position:].strip()


def test_hostile_text_takes_linear_time():
    for text in ["." * 300_000 + "x", "a 1. " * 60_000, '."' * 100_000, "\n" * 300_000, "a.\n" * 100_000]:
        sentence_spans(text)

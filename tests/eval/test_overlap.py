"""Token F1 and ROUGE-L: values worked by hand, properties, and the originals as second implementations on ASCII."""

import re
import string
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer

from eval.overlap import best_token_f1, holds_answer, token_f1
from eval.rouge import rouge_l
from eval.words import answer_words, rouge_words

SAID = "Large language models are very important for text processing."
WANTED = "Large language models are useful in processing text."
ASCII = st.text(alphabet=string.ascii_letters + string.digits + string.punctuation + " \n\t") | st.lists(
    st.sampled_from("a an the The cat sat, mat. on 7 $7 well-to-do don't".split())
).map(" ".join)
# Whole characters only: half of a surrogate pair is no text.
UNICODE = st.text(st.characters(exclude_categories=["Cs"]))
WITH_A_WORD = UNICODE.filter(rouge_words)


def squad_f1(prediction, reference):
    """As in the evaluation script of SQuAD 2.0."""

    def words(text):
        bare = "".join(c for c in text.lower() if c not in string.punctuation)
        return re.sub(r"\b(a|an|the)\b", " ", bare).split()

    said, wanted = words(prediction), words(reference)
    if not said or not wanted:
        return float(said == wanted)
    same = sum((Counter(said) & Counter(wanted)).values())
    if not same:
        return 0.0
    precision, recall = same / len(said), same / len(wanted)
    return 2 * precision * recall / (precision + recall)


def test_values_worked_by_hand():
    """9 and 8 words; in common: 6 (token F1); in order: large language models are, and one of text, processing."""
    assert token_f1(SAID, WANTED) == pytest.approx(12 / 17)
    assert rouge_l(SAID, WANTED) == pytest.approx(10 / 17)


@pytest.mark.parametrize(
    ("prediction", "reference", "expected"),
    [
        ("The cat!", "cat", 1),
        ("a cat sat", "the cat", 2 / 3),
        ("cat cat cat", "cat", 1 / 2),
        ("dog", "cat", 0),
        ("", "cat", 0),
        ("the", "!", 1),
        ("Straße", "STRASSE", 1),
        ("cafe\u0301", "café", 1),
        ("東京タワー", "東京", 4 / 7),
        ("« Où ? »", "où", 1),
    ],
)
def test_token_f1(prediction, reference, expected):
    assert token_f1(prediction, reference) == pytest.approx(expected)


def test_words_of_both_measures():
    assert answer_words("The well-to-do farmer's cat.") == ["welltodo", "farmers", "cat"]
    assert rouge_words("The well-to-do farmer's cat.") == ["the", "well", "to", "do", "farmer", "s", "cat"]
    assert rouge_words("हिन्दी भाषा, 東京") == ["हिन्दी", "भाषा", "東", "京"]


def test_the_best_of_several_answers_counts():
    assert best_token_f1("in the garden", ["by the sea", "in a garden", "garden"]) == 1


@pytest.mark.parametrize(
    ("text", "answer", "held"),
    [
        ("It was lit in 1844. [1]", "1844", True),
        ("It was built in 1787.", "7", False),
        ("He paid $7 for it.", "$7", True),
        ("There lived a well-to-do farmer.", "The well-to-do farmer", True),
        ("farmer well to do", "to farmer", False),
        ("anything", "the", False),
        ("", "cat", False),
    ],
)
def test_an_answer_is_held_as_whole_words(text, answer, held):
    assert holds_answer(text, answer) is held


@given(UNICODE, UNICODE)
def test_f1_is_symmetric_and_a_share(one, other):
    assert token_f1(one, other) == token_f1(other, one)
    assert 0 <= token_f1(one, other) <= 1
    assert 0 <= rouge_l(one, other) <= 1


@given(WITH_A_WORD)
def test_a_text_is_itself(text):
    assert token_f1(text, text) == 1
    assert rouge_l(text, text) == 1


@pytest.mark.parametrize("text", ["Москва — столица", "東京は日本の首都です。", "القاهرة", "naïveté", "हिन्दी"])
def test_rouge_knows_words_that_are_not_ascii(text):
    assert rouge_l(text, text) == 1
    assert rouge_l(text, "something else") == 0


@given(ASCII, ASCII)
def test_both_agree_with_their_originals_on_ascii(one, other):
    assert token_f1(one, other) == pytest.approx(squad_f1(one, other))
    original = RougeScorer(["rougeL"]).score(other, one)["rougeL"].fmeasure
    assert rouge_l(one, other) == pytest.approx(original)

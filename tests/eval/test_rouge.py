"""ROUGE of two texts: the worked example, rouge-score's own tokenizer as second implementation, properties."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer

from assistant.errors import InputError
from eval.rouge import f_beta, rouge, rouge_l
from eval.words import rouge_words

WANTED = "Large language models are very important for text processing."
SAID = "Large language models are useful in processing text."
ASCII = st.text(alphabet=string.ascii_letters + string.digits + string.punctuation + " \n\t") | st.lists(
    st.sampled_from("the The cat sat, mat. on 7 $7 well-to-do don't".split())
).map(" ".join)
# Whole characters only: half of a surrogate pair is no text.
UNICODE = st.text(st.characters(exclude_categories=["Cs"]))
FOUND_BY = {"rouge1": 1, "rouge2": 2, "rouge3": 3, "rougeL": 1}


def test_the_worked_example():
    """9 and 8 words, no punctuation: six in common, of them in order: large language models are, text or processing."""
    found = rouge(SAID, WANTED)
    assert len(rouge_words(WANTED)) == found["rouge1"].wanted == 9
    assert (found["rouge1"].matches, found["rouge1"].recall, found["rouge1"].precision) == (6, 6 / 9, 6 / 8)
    assert (found["rouge2"].matches, found["rouge2"].wanted) == (3, 8)
    assert (found["rougeL"].recall, found["rougeL"].precision) == (5 / 9, 5 / 8)
    assert found["rougeL"].f_beta(8) == pytest.approx(65 * (5 / 8) * (5 / 9) / (5 / 9 + 64 * 5 / 8))
    assert round(found["rougeL"].f_beta(), 2) == 0.56


@given(ASCII, ASCII)
def test_rouge_score_agrees_on_ascii(said, wanted):
    theirs = RougeScorer(list(FOUND_BY)).score(wanted, said)
    ours = rouge(said, wanted, runs=(1, 2, 3))
    assert list(ours) == list(FOUND_BY)
    for name, score in ours.items():
        assert (score.precision, score.recall, score.f1) == pytest.approx(tuple(theirs[name]))


@given(UNICODE.filter(rouge_words))
def test_a_text_is_itself_in_any_script(text):
    found = rouge(text, text, runs=(1, 2, 3))
    for name, words in FOUND_BY.items():
        same = len(rouge_words(text)) >= words
        assert (found[name].recall, found[name].f1, found[name].f_beta()) == (same, same, same), name


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("東京タワー", ["東", "京", "タ", "ワ", "ー"]),
        ("Größe: naïveté!", ["grösse", "naïveté"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("ok👍🏽❤️ fine", ["ok", "👍", "❤", "fine"]),
        ("« … »", []),
    ],
)
def test_words_of_any_script(text, words):
    assert rouge_words(text) == words


@given(UNICODE, UNICODE)
def test_what_holds_of_any_two_texts(said, wanted):
    there, back = rouge(said, wanted), rouge(wanted, said)
    for name, score in there.items():
        assert 0 <= score.matches <= score.wanted
        assert 0 <= score.f1 <= 1
        assert score.recall == pytest.approx(score.matches / max(score.wanted, 1))
        assert (score.precision, score.recall) == pytest.approx((back[name].recall, back[name].precision))
    assert there["rougeL"].matches <= there["rouge1"].matches
    assert rouge_l(said, wanted) == there["rougeL"].f1


@given(st.floats(0.01, 1), st.floats(0.01, 1), st.floats(0.1, 20))
def test_f_beta_lies_between_and_nears_recall(precision, recall, beta):
    assert min(precision, recall) - 1e-9 <= f_beta(precision, recall, beta) <= max(precision, recall) + 1e-9
    assert f_beta(precision, recall, 1) == pytest.approx(2 * precision * recall / (precision + recall))
    assert f_beta(precision, recall, 1e4) == pytest.approx(recall, abs=1e-5)
    assert f_beta(0, 0, beta) == 0


def test_what_cannot_be_scored_is_refused():
    with pytest.raises(InputError, match="4,000 and 4,000 words are too long for ROUGE-L"):
        rouge("word " * 4000, "word " * 4000)
    with pytest.raises(InputError, match="runs of 1 to 9 words, not 10"):
        rouge("word", "word", runs=(10,))

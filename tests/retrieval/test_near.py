import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.near import diversified, fold, words_of

TEXT = (
    "Never run the pump dry for more than 30 seconds, because the seals are cooled by the water. The makers ask that "
    "the housing is opened by trained people only, and that the seals are greased before every season begins anew."
)


def folded(*texts, most=9):
    return fold(enumerate(texts, start=1), most)


@pytest.mark.parametrize(
    "copy",
    [TEXT, TEXT.upper(), TEXT.replace(" ", "\n"), TEXT.replace(",", ""), TEXT.replace("anew", "again"), TEXT + "!"],
)
def test_what_says_the_same_is_folded(copy):
    assert folded(TEXT, "Something else.", copy) == {1: [3], 2: []}


@pytest.mark.parametrize(
    "other",
    [
        TEXT.replace("30", "40"),
        TEXT.replace("Never run", "Run"),
        TEXT.replace("is opened", "is not opened"),
        TEXT.replace("are cooled", "aren't cooled"),
        TEXT + " " + TEXT[:100],
        TEXT[:100],
        "",
    ],
)
def test_what_says_something_else_is_not(other):
    assert folded(TEXT, other) == {1: [], 2: []}


def test_short_and_chinese_texts():
    assert folded("Yes.", "yes", "No.", "佐藤太郎は東京に住む。", "佐藤太郎は東京に住む") == {1: [2], 3: [], 4: [5]}


PAIRS = [
    ("+3 %", "-3 %"),
    ("+3 %", "3 %"),
    ("€340", "$340"),
    ("> 5 bar", "< 5 bar"),
    (".5 mg", "5 mg"),
    ("1/2 cup", "1.2 cup"),
    ("1.234", "1,234"),
    ("10²", "102"),
    ("½ cup", "¼ cup"),
    ("three", "seven"),
    ("SKU-4563", "SKU-4564"),
    ("b12", "b21"),
    ("-3 kg", "\u2212 3 t"),
]


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_other_numbers_are_something_else(one, other):
    texts = [f"{TEXT} It is {number} in all, says the label." for number in (one, other)]
    assert folded(*texts) == {1: [], 2: []}
    assert folded(texts[0], texts[0].replace(" in all", ", in all").replace("label.", "label")) == {1: [2]}


def test_words_of_all_scripts():
    assert words_of("don't stop_it, naïve 3²") == ["don", "t", "stop", "it", "naïve", "3²"]
    assert words_of("वह किताब पढ़ती है।") == ["वह", "किताब", "पढ़ती", "है"]
    assert words_of("東京に5人 住む") == ["東", "京", "に", "5", "人", "住", "む"]
    assert words_of("...") == []


def test_enough_is_enough_but_twins_of_the_kept_are_still_found():
    assert folded("a b c", "d e f", "A B C", "g h i", most=2) == {1: [3], 2: []}
    assert folded("a b c", "A b c", "a B c", "d e f", most=2) == {1: [2, 3], 4: []}
    assert folded(most=3) == {}


@given(st.lists(st.text("ab 1", max_size=12), max_size=12))
def test_every_passage_that_is_looked_at_is_somewhere_once(texts):
    found = folded(*texts, most=20)
    assert sorted([*found, *(id_ for ids in found.values() for id_ in ids)]) == list(range(1, len(texts) + 1))


def test_diversity_takes_the_unlike_first():
    scores = {1: 0.9, 2: 0.8, 3: 0.5}
    vectors = {1: np.array([1.0, 0.0]), 2: np.array([1.0, 0.0]), 3: np.array([0.0, 1.0])}
    assert diversified(scores, vectors, 0.0) == [1, 2, 3]
    assert diversified(scores, vectors, 0.5) == [1, 3, 2]
    assert diversified(scores, {1: vectors[1], 3: vectors[3]}, 0.0) == [1, 3]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.floats(0, 1), st.integers(0, 2**32 - 1))
def test_diversity_is_the_formula(scores, diversity, seed):
    rows = np.random.default_rng(seed).standard_normal((len(scores), 4))
    vectors = dict(enumerate(rows / np.linalg.norm(rows, axis=1, keepdims=True)))
    order = diversified(dict(enumerate(scores)), vectors, diversity)
    assert sorted(order) == list(range(len(scores)))
    for place, taken in enumerate(order):
        gains = {
            id_: (1 - diversity) * scores[id_]
            - diversity * max((float(vectors[id_] @ vectors[before]) for before in order[:place]), default=0.0)
            for id_ in order[place:]
        }
        assert gains[taken] == pytest.approx(max(gains.values()))

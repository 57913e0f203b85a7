import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune.baseline import Labelled, Scores, bag_of_words, baselines, beside_baselines, scores, table
from finetune.split import Split

BITES = [Labelled("dog bites man", "odd"), Labelled("man bites dog", "news")]


def _same(rows, times=8):
    """The same rows in all three parts: what a model cannot tell of them, it cannot tell at all."""
    return Split(rows * times, rows, rows)


def test_scores_by_hand():
    # a: precision 1, recall 1/2, F1 2/3; b: precision 2/3, recall 1, F1 4/5
    assert scores(["a", "b", "b", "b"], ["a", "a", "b", "b"]) == Scores(4, 0.75, 0.733333)


def test_a_reply_that_is_no_label_is_wrong_and_no_label_of_its_own():
    assert scores(["a", "Well, a."], ["a", "b"]) == Scores(2, 0.5, 0.5)


def _macro_f1(told, labels):
    found = []
    for label in set(labels):
        right = sum(one == other == label for one, other in zip(told, labels))
        found.append(2 * right / (told.count(label) + labels.count(label)))
    return sum(found) / len(found)


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("abc")), min_size=1))
def test_macro_f1_agrees_with_its_other_form(pairs):
    told, labels = [told for told, _ in pairs], [label for _, label in pairs]
    assert scores(told, labels).macro_f1 == pytest.approx(_macro_f1(told, labels), abs=1e-6)


def test_pairs_of_words_tell_what_words_alone_cannot():
    words, pairs = baselines(_same(BITES))
    assert (words.features, words.longest, words.scores.accuracy) == (10_000, 1, 0.5)
    assert (pairs.features, pairs.longest, pairs.scores.accuracy) == (20_000, 2, 1.0)


def test_a_word_is_there_or_not_however_often():
    rows = [Labelled("rain", "once"), Labelled("rain rain rain", "often")]
    assert bag_of_words("words", _same(rows), features=10, longest=1).scores.accuracy == 0.5


def test_only_the_most_frequent_words_are_read():
    rows = [Labelled("the the cat", "cat"), Labelled("the the dog", "dog")]
    assert bag_of_words("one", _same(rows), features=1, longest=1).scores.accuracy == 0.5
    assert bag_of_words("all", _same(rows), features=3, longest=1).scores.accuracy == 1.0


CALM, STORM = Labelled("calm sea", "good"), Labelled("calm storm", "bad")


def _regularisation(validation, test):
    return bag_of_words("words", Split([CALM] * 9 + [STORM], validation, test), features=9, longest=1).regularisation


def test_the_regularisation_is_chosen_by_the_validation_rows():
    assert _regularisation([Labelled("storm", "good")], [STORM]) < _regularisation([STORM], [STORM])
    assert _regularisation([STORM], [Labelled("storm", "good")]) == _regularisation([STORM], [STORM])


def test_once_chosen_the_validation_rows_are_learned_from_too():
    parts = Split([CALM] * 9 + [STORM], [Labelled("fog", "bad")] * 9, [Labelled("fog", "bad")])
    assert bag_of_words("words", parts, features=9, longest=1).scores.accuracy == 1.0


def test_validation_rows_that_are_measured_on_are_not_learned_from():
    parts = Split([CALM] * 9 + [STORM], [Labelled("fog", "bad")] * 9, [])
    assert bag_of_words("words", parts, features=9, longest=1).scores.accuracy == 0.0


def test_texts_without_a_word_get_the_most_frequent_label():
    train = [Labelled("!", "a"), Labelled("?", "a"), Labelled("…", "b")]
    found = bag_of_words("words", Split(train, train, train), features=10, longest=2)
    assert found.scores == Scores(3, 0.666667, 0.4)


def test_the_model_stands_beside_both_baselines():
    said = []
    record = beside_baselines(_same(BITES), Scores(2, 1.0, 1.0), said.append)
    assert record["test"] == {"part": "test", "rows": 2, "accuracy": 1.0, "macro_f1": 1.0}
    assert [one["scores"]["accuracy"] for one in record["baselines"]] == [0.5, 1.0]
    assert said[0].splitlines() == [
        "2 test rows             accuracy  macro F1",
        "10,000 words              0.5000    0.3333",
        "20,000 words and pairs    1.0000    1.0000",
        "this model                1.0000    1.0000",
    ]


def test_without_test_rows_the_validation_rows_are_measured_and_named():
    record = beside_baselines(Split(BITES * 8, BITES, []), Scores(2, 0.5, 0.5), lambda _: None)
    assert record["test"]["part"] == "validation"
    assert {one["scores"]["rows"] for one in record["baselines"]} == {2}


def test_the_table_of_a_large_part_is_readable():
    assert table([], Scores(12_000, 0.5, 0.25), "test").splitlines()[0].startswith("12,000 test rows  ")

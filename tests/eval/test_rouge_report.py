"""ROUGE of files: means and corpus recall by hand, intervals, the paired comparison, and files that cannot be used."""

import json

import pytest

from assistant.errors import InputError
from eval.rouge_report import measure

FOX = "the quick brown fox jumps over the lazy dog"


@pytest.fixture
def write(tmp_path):
    """Write rows of (prediction, reference) to a file."""

    def rows(pairs, name="rows.jsonl"):
        path = tmp_path / name
        path.write_text("".join(json.dumps({"prediction": p, "reference": r}) + "\n" for p, r in pairs))
        return path

    return rows


def test_means_and_corpus_recall_worked_by_hand(write):
    found = measure(write([("cat", "cat"), ("", "a b c"), ("b x", "b c d e")]))
    one, long = found.scores["rouge1"], found.scores["rougeL"]
    assert one["recall"] == pytest.approx((1 + 0 + 1 / 4) / 3)
    assert one["precision"] == pytest.approx((1 + 0 + 1 / 2) / 3)
    assert one["corpus_recall"] == pytest.approx(2 / 8)
    assert found.scores["rouge2"]["corpus_recall"] == 0
    assert "f_beta" not in one
    assert long["f_beta"] == pytest.approx((1 + 65 * (1 / 8) / (1 / 4 + 64 / 2)) / 3)
    assert (found.rows, found.references, found.against, found.difference) == (3, 3, None, None)
    assert "too narrow" in found.notes[0]


def test_the_figures_of_the_contract_are_at_the_top(write):
    found = measure(write([(FOX, FOX), ("a fox", "one fox")]), runs=(1, 3)).as_dict()
    assert {"rouge1", "rouge3", "rougeL", "beta", "seed"} <= set(found)
    assert set(found["rougeL"]) == {"precision", "recall", "f1", "f_beta", "corpus_recall", "ci"}
    assert set(found["rouge1"]["ci"]) == {"precision", "recall", "f1", "corpus_recall"}
    assert json.loads(json.dumps(found))["rouge1"]["f1"] == 0.75


def test_intervals_hold_the_figures_and_repeat_by_their_seed(write):
    path = write([(FOX[: 4 * n], f"{FOX} {n}") for n in range(1, 12)])
    found = measure(path, seed=3)
    for scores in found.scores.values():
        for name, (low, high) in scores["ci"].items():
            assert low <= scores[name] <= high
    assert found == measure(path, seed=3) != measure(path, seed=4)


def test_two_systems_are_compared_row_by_row(write):
    pairs = [(f"{FOX} {n}", f"{FOX} {n} {n + 1}") for n in range(20)]
    worse = write([(said[4 + n :], wanted) for n, (said, wanted) in enumerate(pairs)], "worse.jsonl")
    found = measure(write(pairs), worse)
    alone = measure(worse)
    for name, scores in found.difference.items():
        assert found.against[name]["f1"] == pytest.approx(alone.scores[name]["f1"])
        assert scores["f1"] == pytest.approx(found.scores[name]["f1"] - alone.scores[name]["f1"])
        low, high = scores["ci"]["f1"]
        assert 0 < low <= scores["f1"] <= high
    same = measure(worse, worse).difference["rougeL"]
    assert (same["f_beta"], same["ci"]["corpus_recall"]) == (0, None)


def test_rows_with_one_reference_have_no_interval(write):
    found = measure(write([(FOX, FOX), ("fox", FOX)]))
    assert found.scores["rouge1"]["ci"] is None
    assert found.scores["rouge1"]["recall"] == pytest.approx((1 + 1 / 9) / 2)
    assert "no interval" in found.notes[0]


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("", "no row"),
        ('{"prediction": "a"}', ":1: 'reference' must be a text"),
        ('{"prediction": "a", "reference": ""}', ":1: 'reference' must be a text"),
        ('{"prediction": "a", "reference": "a"}\n{"prediction": null, "reference": "a"}', ":2: 'prediction' must be"),
        ('{"prediction": "a", "reference": "!?"}', ":1: 'reference' has no word"),
        ("[]", ":1: a row must be a JSON object"),
    ],
)
def test_a_bad_row_is_named(tmp_path, content, named):
    path = tmp_path / "rows.jsonl"
    path.write_text(content)
    with pytest.raises(InputError) as fault:
        measure(path)
    assert named in str(fault.value)


def test_files_of_two_systems_must_belong_together(write):
    rows = write([("a", "a"), ("b", "b")])
    with pytest.raises(InputError, match=r"rows.jsonl:2: the other file has no such row"):
        measure(rows, write([("a", "a")], "short.jsonl"))
    with pytest.raises(InputError, match=r"other.jsonl:2: 'reference' is not that of .*rows.jsonl:2"):
        measure(rows, write([("a", "a"), ("b", "c")], "other.jsonl"))


@pytest.mark.parametrize("beta", [0, -1, float("nan"), float("inf")])
def test_beta_is_above_0(write, beta):
    with pytest.raises(InputError, match="beta must be above 0"):
        measure(write([("a", "a")]), beta=beta)

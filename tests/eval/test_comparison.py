import pytest

from eval.comparison import compare
from eval.paragraphs import Query, SearchTask

PARAGRAPHS = {f"p{number}": f"Paragraph {number}." for number in range(1, 9)}
QUERIES = (
    Query("q1", "First?", {"p1": 1}, "rows:1"),
    Query("q2", "Second?", {"p2": 1}, "rows:2"),
    Query("q3", "Third?", {"p3": 1, "p4": 1}, "rows:3"),
    Query("q4", "Fourth?", {"p1": 1}, "rows:4"),
)
TASK = SearchTask(PARAGRAPHS, QUERIES)
RANKINGS = {
    "bm25": {"q1": ["p1"], "q2": ["p3", "p2"], "q3": [], "q4": ["p2", "p3", "p4", "p5", "p6", "p1"]},
    "vectors": {"q1": ["p2", "p1"], "q2": ["p2"], "q3": ["p5", "p4", "p3"], "q4": ["p1"]},
    "both": {"q1": ["p1"], "q2": ["p2"], "q3": ["p4", "p3"], "q4": ["p1"]},
}


def test_measures_and_differences_worked_by_hand():
    found = compare(TASK, RANKINGS, seed=2)
    assert (found.bm25.hit_at_1, found.bm25.hit_at_5) == (1 / 4, 2 / 4)
    assert found.bm25.mrr_at_10 == pytest.approx((1 + 1 / 2 + 0 + 1 / 6) / 4)
    assert (found.vectors.hit_at_1, found.vectors.hit_at_5, found.vectors.mrr_at_10) == (2 / 4, 1, 3 / 4)
    assert (found.both.hit_at_1, found.both.hit_at_5, found.both.mrr_at_10) == (1, 1, 1)
    assert found.both_minus_bm25.hit_at_1.difference == 3 / 4
    assert found.both_minus_vectors.hit_at_5 == type(found.both_minus_vectors.hit_at_5)(0.0, (0.0, 0.0))
    low, high = found.both_minus_vectors.mrr_at_10.ci
    assert 0 <= low <= 1 / 4 <= high <= 1 / 2


def test_the_json_names_measures_as_is_usual():
    found = compare(TASK, RANKINGS).as_dict()
    assert set(found["both"]) == {"hit@1", "hit@5", "mrr@10"}
    assert set(found["both_minus_bm25"]["mrr@10"]) == {"difference", "ci"}
    assert (found["questions"], found["documents"], found["depth"]) == (4, 8, 10)


def test_a_leg_that_is_always_the_same_differs_by_nothing():
    found = compare(TASK, {**RANKINGS, "vectors": RANKINGS["both"]}).both_minus_vectors
    for difference in (found.hit_at_1, found.hit_at_5, found.mrr_at_10):
        assert (difference.difference, difference.ci) == (0.0, (0.0, 0.0))

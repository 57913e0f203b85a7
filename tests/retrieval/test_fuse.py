import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.fuse import Fused, fuse

LEG = st.dictionaries(st.integers(1, 50), st.floats(0, 1), max_size=20)


def best_first(scores):
    return sorted(scores, key=lambda id_: (-scores[id_], id_))


def test_golden_values():
    cosine, coverage = {7: 0.9, 3: 0.5, 9: 0.1}, {3: 0.6, 9: 0.4, 7: 0.0}
    assert fuse([7, 3], [3, 9], cosine, coverage) == [
        Fused(3, pytest.approx(0.3 * 0.5 + 0.7 * 0.6), 2, 1),
        Fused(9, pytest.approx(0.3 * 0.1 + 0.7 * 0.4), None, 2),
        Fused(7, pytest.approx(0.3 * 0.9), 1, None),
    ]
    assert [item.id for item in fuse([7, 3], [3, 9], cosine, coverage, weight=1.0)] == [7, 3, 9]


def test_equal_scores_go_by_id():
    assert [item.id for item in fuse([9, 2], [5, 8], {}, {})] == [2, 5, 8, 9]


@given(LEG, LEG)
def test_both_legs_bring_their_passages_with_their_ranks(cosine, coverage):
    dense, sparse = best_first(cosine), best_first(coverage)
    fused = fuse(dense, sparse, cosine, coverage)
    assert {item.id for item in fused} == {*dense, *sparse}
    for item in fused:
        assert item.dense_rank == (dense.index(item.id) + 1 if item.id in cosine else None)
        assert item.sparse_rank == (sparse.index(item.id) + 1 if item.id in coverage else None)
    assert [item.score for item in fused] == sorted((item.score for item in fused), reverse=True)


@given(LEG, LEG, st.integers(51, 60))
def test_what_else_is_found_changes_no_score(cosine, coverage, other):
    alone = {item.id: item.score for item in fuse(best_first(cosine), best_first(coverage), cosine, coverage)}
    beside = fuse([other, *best_first(cosine)], best_first(coverage), {**cosine, other: 1.0}, coverage)
    assert {item.id: item.score for item in beside if item.id != other} == alone

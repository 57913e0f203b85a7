import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.fuse import Fused, reciprocal_rank_fusion

RANKING = st.lists(st.integers(1, 50), unique=True, max_size=20)


def test_golden_values():
    assert reciprocal_rank_fusion([7, 3], [3, 9]) == [
        Fused(3, pytest.approx(1 / 62 + 1 / 61), 2, 1),
        Fused(7, pytest.approx(1 / 61), 1, None),
        Fused(9, pytest.approx(1 / 62), None, 2),
    ]
    assert reciprocal_rank_fusion([7], [3], k=0)[0].score == 1


def test_equal_scores_go_by_id():
    assert [item.id for item in reciprocal_rank_fusion([9, 2], [5, 8])] == [5, 9, 2, 8]


@given(RANKING, RANKING)
def test_both_legs_contribute_and_agree_with_the_formula(dense, sparse):
    fused = reciprocal_rank_fusion(dense, sparse)
    assert {item.id for item in fused} == {*dense, *sparse}
    for item in fused:
        expected = sum(1 / (60 + leg.index(item.id) + 1) for leg in (dense, sparse) if item.id in leg)
        assert item.score == pytest.approx(expected)
    assert [item.score for item in fused] == sorted((item.score for item in fused), reverse=True)
    assert [(item.id, item.score) for item in reciprocal_rank_fusion(sparse, dense)] == [
        (item.id, item.score) for item in fused
    ]

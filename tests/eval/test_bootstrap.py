import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from eval.bootstrap import MOST_GROUPS, at_most, group_sums, interval_where_defined, paired_differences

NUMBERS = arrays(np.float64, st.tuples(st.integers(1, 20), st.just(2)), elements=st.integers(-4, 4).map(float))


def singly(values, seed=3, resamples=200):
    """Each question a group of its own."""
    return paired_differences(values, [str(number) for number in range(len(values))], seed, resamples)


def test_two_questions_worked_by_hand():
    # Of two draws, both are the first question in a quarter of the resamples, and both the second in another.
    (found,) = singly(np.array([[0.0], [1.0]]), resamples=2000)
    assert (found.difference, found.ci) == (0.5, (0.0, 1.0))


def test_scipy_agrees():
    values = np.random.default_rng(5).choice([-1.0, 0.0, 0.5, 1.0], size=(60, 1), p=[0.1, 0.5, 0.1, 0.3])
    (ours,) = singly(values, resamples=10_000)
    theirs = stats.bootstrap((values[:, 0],), np.mean, n_resamples=10_000, method="percentile", rng=9)
    assert ours.difference == pytest.approx(values.mean())
    assert ours.ci == pytest.approx(tuple(theirs.confidence_interval), abs=0.012)


@given(NUMBERS, st.integers(1, 4))
def test_copies_of_a_question_in_its_group_tell_nothing_new(values, copies):
    groups = [str(number) for number in range(len(values))]
    repeated = paired_differences(np.repeat(values, copies, axis=0), list(np.repeat(groups, copies)), 3, 200)
    for once, often in zip(singly(values), repeated):
        assert often.difference == pytest.approx(once.difference)
        assert often.ci == pytest.approx(once.ci)


@given(NUMBERS)
def test_what_holds_of_any_differences(values):
    for (found, opposite), column in zip(zip(singly(values), singly(-values)), values.T):
        low, high = found.ci
        assert column.min() - 1e-9 <= low <= high <= column.max() + 1e-9
        assert opposite.ci == pytest.approx((-high, -low))
        assert found.difference == pytest.approx(column.mean())


def test_the_seed_repeats():
    values = np.arange(12.0).reshape(6, 2)
    assert singly(values, seed=1) == singly(values, seed=1) != singly(values, seed=2)


def test_too_many_groups_are_thrown_together_evenly_and_nothing_is_lost():
    groups = np.repeat(np.arange(2 * MOST_GROUPS + 7), 3)
    together = at_most(groups, seed=1)
    assert np.array_equal(np.unique(together), np.arange(MOST_GROUPS))
    assert set(np.bincount(together)) == {6, 9}, "a group stays together"
    assert (together.reshape(-1, 3) == together[::3, None]).all()
    values = np.random.default_rng(2).normal(size=(len(groups), 2))
    assert group_sums(values, groups, 1).sum(axis=0) == pytest.approx(values.sum(axis=0))
    assert np.array_equal(at_most(groups[: 3 * MOST_GROUPS], 1), groups[: 3 * MOST_GROUPS])


def test_the_interval_of_a_million_questions_is_that_of_the_normal_distribution():
    values = np.random.default_rng(6).normal(3, 10, size=(1_000_000, 1))
    (found,) = paired_differences(values, np.arange(len(values)), seed=1, resamples=2000)
    assert found.difference == pytest.approx(values.mean())
    assert found.ci == pytest.approx((values.mean() - 0.0196, values.mean() + 0.0196), abs=0.002)


def test_an_interval_of_figures_that_are_mostly_undefined_is_none():
    values = np.linspace(0, 1, 101)
    assert interval_where_defined(values) == pytest.approx((0.025, 0.975))
    values[:5] = np.nan
    assert interval_where_defined(values) == pytest.approx((0.05 + 0.025 * 0.95, 1 - 0.025 * 0.95))
    values[:6] = np.nan
    assert interval_where_defined(values) is None

"""Figures of systems on the same things, what they differ by, and what many comparisons do to p."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import false_discovery_control, permutation_test

from eval.bootstrap import paired_differences
from eval.paired import Paired, holm


def means(values):
    return {"mean": (values, [1.0] * len(values))}


def test_a_figure_is_a_ratio_of_sums_not_a_mean_of_ratios():
    paired = Paired([{"share": ([1, 0, 2], [1, 0, 4])}], "abc", seed=1)
    figure = paired.figures(0)["share"]
    assert figure.value == 3 / 5
    assert 0.5 <= figure.ci[0] < 3 / 5 < figure.ci[1] <= 1


def test_intervals_are_those_of_the_paired_bootstrap():
    rng = np.random.default_rng(3)
    one, other = rng.normal(0.6, 1, 40), rng.normal(0, 1, 40)
    groups = [str(number // 2) for number in range(40)]
    change = Paired([means(one), means(other)], groups, seed=5).changes(0, 1)["mean"]
    (expected,) = paired_differences((one - other)[:, None], groups, seed=5)
    assert change.value == pytest.approx(expected.difference)
    # `np.unique` orders the groups by their text: the same draws meet other groups.
    assert change.ci == pytest.approx(expected.ci, abs=0.03)
    assert change.groups == 20


def test_p_is_that_of_all_swaps():
    one, other = [3.0, 1.0, 2.5, 4.0, 2.0, 0.5, 3.5, 2.2], [1.0, 1.5, 0.5, 1.0, 1.8, 0.9, 0.1, 1.0]
    whole = sum(one) - sum(other)
    swaps = itertools.product((1, -1), repeat=8)
    exact = np.mean([abs(sum(s * (a - b) for s, a, b in zip(signs, one, other))) >= abs(whole) for signs in swaps])
    change = Paired([means(one), means(other)], range(8), seed=1).changes(0, 1)["mean"]
    assert change.p == pytest.approx(exact, abs=0.01)
    original = permutation_test(
        (one, other), lambda a, b: np.mean(a) - np.mean(b), permutation_type="samples", vectorized=False
    )
    assert exact == pytest.approx(original.pvalue)


def test_what_is_alike_is_not_told_apart():
    paired = Paired([means([1.0, 0, 1]), means([1.0, 0, 1])], "abc", seed=1)
    change = paired.changes(0, 1)["mean"]
    assert (change.value, change.ci, change.p) == (0, None, 1)


def test_one_group_says_nothing_of_others():
    change = Paired([means([1.0, 1]), means([0.0, 0])], "aa", seed=1).changes(0, 1)["mean"]
    assert (change.value, change.ci, change.p, change.groups) == (1, None, 1, 1)


def test_a_figure_without_anything_to_count_is_none():
    paired = Paired([{"share": ([0.0, 0], [0.0, 0])}, {"share": ([1.0, 0], [1.0, 1])}], "ab", seed=1)
    assert paired.figures(0)["share"].value is None
    change = paired.changes(0, 1)["share"]
    assert (change.value, change.ci, change.p) == (None, None, None)


def test_p_is_even_where_nothing_differs():
    """Of experiments in which the two are alike, one in five has a p below 0.2, and no more."""
    rng = np.random.default_rng(11)
    found = [
        Paired([means(rng.normal(size=30)), means(rng.normal(size=30))], range(30), seed=trial, resamples=100)
        .changes(0, 1)["mean"]
        .p
        for trial in range(150)
    ]
    assert 0.1 < np.mean(np.array(found) < 0.2) < 0.3


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=20), st.integers(0, 5))
def test_the_other_way_round_is_the_opposite(pairs, seed):
    one, other = zip(*pairs)
    paired = Paired([means(one), means(other)], range(len(pairs)), seed=seed, resamples=200)
    there, back = paired.changes(0, 1)["mean"], paired.changes(1, 0)["mean"]
    assert there.value == pytest.approx(-back.value)
    assert there.p == pytest.approx(back.p, abs=1e-9)
    assert 0 < there.p <= 1


def test_holm_by_hand():
    """0.01 · 4, then 0.02 · 3, then 0.03 · 2 which may not fall below, then 0.5."""
    assert holm([0.03, 0.01, 0.5, 0.02]) == pytest.approx([0.06, 0.04, 0.5, 0.06])
    assert holm([]) == []
    assert holm([0.4, 0.9]) == pytest.approx([0.8, 0.9])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_is_between_no_correction_and_bonferroni(values):
    adjusted = holm(values)
    for one, other in zip(values, adjusted):
        assert one <= other <= min(1, one * len(values)) + 1e-12
    # Benjamini and Hochberg's is never stricter.
    assert all(bh <= own + 1e-9 for bh, own in zip(false_discovery_control(values), adjusted))

"""Which pairs meet: probabilities by the formula, never twice the same battle, and every pair sooner or later."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.pairing import draw, probabilities, rng_of

PAIRS = [(0, 1), (0, 2), (1, 2)]


def test_without_votes_all_pairs_are_alike():
    assert probabilities(PAIRS, 3, {}, 0.2) == pytest.approx([1 / 3] * 3)


def test_the_gain_is_that_of_the_formula():
    """Two pairs of even strength, with 3 votes and with none: v = 1/4 in both, for all votes are ties."""
    votes = {(0, 1): [0.5, 0.5, 0.5]}
    gain = {n: math.sqrt(0.25 / (n + 1)) - math.sqrt(0.25 / (n + 2)) for n in (0, 3)}
    total = gain[3] + 2 * gain[0]
    expected = [0.2 / 3 + 0.8 * gain[n] / total for n in (3, 0, 0)]
    assert probabilities(PAIRS, 3, votes, 0.2) == pytest.approx(expected)


def test_a_pair_whose_end_is_known_is_drawn_less():
    even = {(0, 1): [1.0] * 10, (0, 2): [1.0, 0.0] * 5, (1, 2): [0.0] * 10}
    sure, open_, _ = probabilities(PAIRS, 3, even, 0.1)
    assert sure < open_


def test_the_floor_keeps_every_pair_possible():
    votes = {(0, 1): [0.5] * 10_000}
    assert min(probabilities(PAIRS, 3, votes, 0.3)) >= 0.1
    assert probabilities(PAIRS, 3, votes, 1.0) == pytest.approx([1 / 3] * 3)


@given(
    contestants=st.integers(2, 5),
    prompts=st.integers(1, 4),
    seed=st.integers(0, 2**32),
    outcomes=st.lists(st.sampled_from([1.0, 0.5, 0.0]), max_size=8),
)
def test_a_rater_sees_no_answer_twice_and_as_many_battles_as_there_can_be(contestants, prompts, seed, outcomes):
    shown, votes, seen = [], {(0, 1): outcomes}, set()
    for number in range(1, 200):
        drawn = draw(contestants, prompts, shown, votes, 0.2, rng_of(seed, "ann", number))
        if drawn is None:
            break
        pair = (min(drawn.left, drawn.right), max(drawn.left, drawn.right))
        assert 0 < drawn.probability <= 1
        assert (pair, drawn.prompt) not in seen
        seen.add((pair, drawn.prompt))
        shown += [(drawn.left, drawn.prompt), (drawn.right, drawn.prompt)]
    assert len(set(shown)) == len(shown)
    assert len(seen) == contestants // 2 * prompts


def test_draws_depend_on_seed_rater_and_number_alone():
    def drawn(*parts):
        return draw(4, 50, (), {}, 0.2, rng_of(*parts))

    assert drawn(1, "ann", 1) == drawn(1, "ann", 1)
    assert len({drawn(*parts) for parts in ((1, "ann", 1), (2, "ann", 1), (1, "bob", 1), (1, "ann", 2))}) == 4


def test_sides_and_pairs_are_drawn_as_often_as_they_say():
    drawn = [draw(3, 1_000, (), {}, 0.2, rng_of(5, "ann", number)) for number in range(3_000)]
    left_first = sum(each.left < each.right for each in drawn) / len(drawn)
    first_pair = sum({each.left, each.right} == {0, 1} for each in drawn) / len(drawn)
    assert left_first == pytest.approx(1 / 2, abs=0.03)
    assert first_pair == pytest.approx(1 / 3, abs=0.03)

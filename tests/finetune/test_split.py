"""What is measured on was never learned from: properties of the split."""

from collections import Counter

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from assistant.errors import InputError
from finetune.split import Split, leaked, leaks, same, split

SIZES = st.lists(st.integers(1, 6), min_size=1, max_size=60)
SHARES = st.tuples(st.sampled_from((0.05, 0.1, 0.2, 0.4)), st.sampled_from((0.0, 0.1, 0.3)))


def _rows(sizes):
    """Rows as pairs of a group and a number; a group's name is spelled in several ways."""
    spelled = ("Group {}", "group  {}", " GROUP {}\n")
    return [(spelled[row % 3].format(group), (group, row)) for group, size in enumerate(sizes) for row in range(size)]


def _group(row):
    return row[0]


def _split(rows, shares, seed=1):
    try:
        return split(rows, _group, validation=shares[0], test=shares[1], seed=seed)
    except InputError:
        return None


@given(SIZES, SHARES, st.integers(0, 5))
def test_parts_are_disjoint_complete_and_split_no_group(sizes, shares, seed):
    rows = _rows(sizes)
    parts = _split(rows, shares, seed)
    assume(parts is not None)
    assert Counter(parts.train + parts.validation + parts.test) == Counter(rows)
    sides = [{number for _, (number, _) in part} for part in (parts.train, parts.validation, parts.test)]
    assert sum(map(len, sides)) == len(sizes)
    assert not leaked(parts.train, parts.validation, _group)
    assert not leaked(parts.train, parts.test, _group)
    assert not leaked(parts.validation, parts.test, _group)
    assert parts.train
    assert parts.validation
    assert bool(parts.test) == bool(shares[1])


@given(SIZES, SHARES, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_moves_none_of_them(sizes, shares, rng):
    rows = _rows(sizes)
    shuffled = rng.sample(rows, len(rows))
    one, other = _split(rows, shares), _split(shuffled, shares)
    assert (one is None) == (other is None)
    assume(one is not None)
    for name in ("train", "validation", "test"):
        part = getattr(one, name)
        assert [row for row in rows if row in part] == part
        assert [row for row in shuffled if row in part] == getattr(other, name)


@given(st.lists(st.integers(1, 5), min_size=60, max_size=120), st.integers(0, 20))
def test_shares_are_near_what_was_asked(sizes, seed):
    rows = _rows(sizes)
    parts = split(rows, _group, validation=0.2, test=0.1, seed=seed)
    for part, share in ((parts.validation, 0.2), (parts.test, 0.1)):
        assert share * len(rows) <= len(part) < share * len(rows) + max(sizes)


def test_another_seed_keeps_other_rows_apart():
    rows = _rows([1] * 100)
    kept = {tuple(split(rows, _group, validation=0.1, test=0, seed=seed).validation) for seed in range(5)}
    assert len(kept) == 5


def test_a_seed_keeps_the_same_rows_apart_in_every_process():
    # A fixed answer: `hash()` of a text differs from process to process.
    parts = split([f"row {n}" for n in range(20)], str, validation=0.1, test=0.1, seed=7)
    assert (parts.validation, parts.test) == (["row 1", "row 13"], ["row 0", "row 15"])


def test_rows_that_are_added_move_few_of_the_others():
    rows = _rows([1] * 200)
    before = split(rows, _group, validation=0.2, test=0, seed=1).validation
    more = [(f"more {n}", (1000 + n, 0)) for n in range(20)]
    after = split([*rows, *more], _group, validation=0.2, test=0, seed=1).validation
    assert len(set(before) & set(after)) >= 30


def test_a_group_that_is_much_too_large_is_left_to_training():
    rows = _rows([90, *[1] * 10])
    for seed in range(10):
        parts = split(rows, _group, validation=0.05, test=0, seed=seed)
        assert (len(parts.train), len(parts.validation)) == (95, 5)


@given(st.lists(st.text(max_size=5), min_size=1), st.randoms(use_true_random=False))
def test_a_planted_leak_is_found(texts, rng):
    planted = rng.choice(texts)
    one, other = [*texts, "only here"], ["only there", f" {planted.upper()}\n "]
    # Upper case is not always undone by folding, as for the dotless i; such a text is another one.
    assume(same(planted.upper()) == same(planted))
    assert leaked(one, other, str) == {same(planted)}


def test_without_a_leak_none_is_found():
    assert leaked(["a", "b"], ["c", "a b"], str) == set()


@pytest.mark.parametrize(
    ("sizes", "shares", "named"),
    [
        ([10], (0.1, 0), r"data\.validation: a share of 0\.1 of 1 separate texts is none"),
        ([5, 5], (0.05, 0), r"data\.validation: a share of 0\.05 of 2 separate texts is none"),
        ([4, 4], (0.5, 0.3), r"data\.test: a share of 0\.3 of 2 separate texts is none"),
        ([1], (0.9, 0), "leave no row to train on"),
        ([1, 1], (0.5, 0.4), "leave no row to train on"),
    ],
)
def test_a_part_that_would_be_empty_is_refused_by_name(sizes, shares, named):
    with pytest.raises(InputError, match=named):
        split(_rows(sizes), _group, validation=shares[0], test=shares[1], seed=1)


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), min_size=4, max_size=40), SHARES, st.integers(0, 3))
def test_groups_that_share_a_text_are_one(pairs, shares, seed):
    rows = [(f"group {group}", f"text {text}", number) for number, (group, text) in enumerate(pairs)]

    def text(row):
        return row[1]

    try:
        parts = split(rows, _group, validation=shares[0], test=shares[1], seed=seed, text=text)
    except InputError:
        assume(False)
    assert Counter(parts.train + parts.validation + parts.test) == Counter(rows)
    assert leaks(parts, text) == 0
    assert leaks(parts, _group) == 0


def test_without_a_shared_text_the_sides_are_those_of_the_groups():
    rows = [(f"group {number // 3}", f"text {number}", number) for number in range(60)]
    plain = split(rows, _group, validation=0.2, test=0.1, seed=1)
    assert split(rows, _group, validation=0.2, test=0.1, seed=1, text=lambda row: row[1]) == plain


def test_a_text_on_two_sides_is_a_refusal_that_counts_them():
    parts = Split(["One.", "Two.", "Three."], ["two. ", "Four."], ["three.", "one."])
    with pytest.raises(InputError, match=r"^data\.paths: 3 texts stand on two sides of the split, such as 'one\.'"):
        leaks(parts, str)
    assert leaks(Split(["One."], ["Two."], []), str) == 0

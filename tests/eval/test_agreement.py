"""Krippendorff's alpha: his own examples, a second implementation by pairs of ratings, properties, bad files."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.errors import InputError
from eval.agreement import METRICS, Ratings, krippendorff
from eval.agreement_file import measure_agreement
from eval.bootstrap import MOST_GROUPS

# Krippendorff (2011), C: twelve units, four observers, missing data. A row a unit.
FOUR = """A,B,C,D
1,1,,1
2,2,3,2
3,3,3,3
3,3,3,3
2,2,2,2
1,2,3,4
4,4,4,4
1,1,2,1
2,2,2,2
,5,5,5
,,1,1
,3,,
"""
# Krippendorff (2011), B: twelve units, two observers, five categories.
TWO = """Ben,Gerry
a,a
a,b
b,b
b,b
d,b
c,c
c,c
c,c
e,e
d,d
d,d
a,d
"""
TABLES = st.integers(2, 4).flatmap(
    lambda raters: st.lists(
        st.lists(st.none() | st.integers(-2, 2), min_size=raters, max_size=raters), min_size=1, max_size=12
    )
)


@pytest.fixture
def write(tmp_path):
    def table(text, encoding="utf-8"):
        path = tmp_path / "ratings.csv"
        path.write_text(text, encoding=encoding)
        return path

    return table


def ratings_of(table, clusters=None):
    """Ratings of a table of numbers, None where one is missing."""
    scale = sorted({value for row in table for value in row if value is not None})
    cells = [(item, scale.index(value)) for item, row in enumerate(table) for value in row if value is not None]
    items, values = np.array(cells, dtype=np.int64).reshape(-1, 2).T
    clusters = np.arange(len(table)) if clusters is None else np.array(clusters)
    return Ratings(items, values, clusters, np.array(scale, dtype=np.float64))


def by_pairs(table, metric):
    """Alpha from its definition: every pair of ratings of an item, and every pair of all ratings; None: undefined."""
    items = [[value for value in row if value is not None] for row in table]
    items = [item for item in items if len(item) > 1]
    pool = [value for item in items for value in item]

    def squared(c, k):
        if metric == "nominal":
            return float(c != k)
        if metric == "interval":
            return float(c - k) ** 2
        low, high = sorted((c, k))
        between = sum(low <= value <= high for value in pool)
        return (between - (pool.count(low) + pool.count(high)) / 2) ** 2

    observed = sum(squared(c, k) / (len(item) - 1) for item in items for c, k in itertools.permutations(item, 2))
    expected = sum(squared(c, k) for c, k in itertools.permutations(pool, 2))
    return 1 - (len(pool) - 1) * observed / expected if expected else None


def test_krippendorffs_example_with_missing_data(write):
    found = measure_agreement(write(FOUR)).as_dict()
    assert {name: round(alpha, 3) for name, alpha in found["alpha"].items()} == {
        "nominal": 0.743,
        "ordinal": 0.815,
        "interval": 0.849,
    }
    assert (found["raters"], found["items"], found["items_compared"], found["ratings"]) == (4, 12, 11, 41)
    for metric, (low, high) in found["ci"].items():
        assert low < found["alpha"][metric] < high <= 1
        assert "too narrow" in found["note"][metric]


def test_one_row_a_rating_is_the_same_as_one_row_an_item(write):
    raters, *rows = (line.split(",") for line in FOUR.splitlines())
    cells = [(f"unit {n}", rater, score) for n, row in enumerate(rows) for rater, score in zip(raters, row) if score]
    wide = measure_agreement(write(FOUR))
    assert measure_agreement(write("Item,rater,score\n" + "".join(",".join(cell) + "\n" for cell in cells))) == wide
    turned = "".join(f"{score},{item},{rater}\n" for item, rater, score in cells)
    assert measure_agreement(write("score,item,rater\n" + turned)) == wide


def test_krippendorffs_example_in_words(write):
    found = measure_agreement(write(TWO)).as_dict()
    assert round(found["alpha"]["nominal"], 3) == 0.692
    assert found["alpha"]["ordinal"] is found["alpha"]["interval"] is None
    assert "ratings.csv:2: column 'Ben': 'a' is not a number" in found["note"]["ordinal"]


@given(TABLES, st.sampled_from(METRICS))
@settings(max_examples=60, deadline=None)
def test_pairs_of_ratings_agree(table, metric):
    found, wanted = krippendorff(ratings_of(table), metric, 1), by_pairs(table, metric)
    assert (found.alpha is None) == (wanted is None)
    if wanted is None:
        assert found.ci is None
        assert found.note
    else:
        assert found.alpha == pytest.approx(wanted)


@pytest.mark.parametrize("metric", METRICS)
def test_many_values_go_another_way_to_the_same_alpha(metric):
    draw = np.random.default_rng(2)
    table = [[int(x), int(x) + int(draw.integers(-3, 4))] for x in draw.integers(0, 40, 60)]
    found = krippendorff(ratings_of(table), metric, 1)
    assert found.alpha == pytest.approx(by_pairs(table, metric))
    assert (found.ci is None) == (metric != "interval")


@given(TABLES)
@settings(max_examples=20, deadline=None)
def test_what_holds_of_any_ratings(table):
    there, mirrored = ratings_of(table), ratings_of([[None if v is None else -3 * v for v in row] for row in table])
    for metric in METRICS:
        one, other = krippendorff(there, metric, 1), krippendorff(mirrored, metric, 1)
        assert one.alpha == (None if other.alpha is None else pytest.approx(other.alpha))
        assert one.alpha is None or one.alpha <= 1 + 1e-12
        assert one.ci is None or one.ci[0] <= one.ci[1] <= 1 + 1e-12


def test_perfect_agreement_and_its_opposite():
    expected = 60 * 60 - 2 * 30 * 30
    for metric in METRICS:
        perfect = krippendorff(ratings_of([[n % 3, n % 3] for n in range(30)]), metric, 1)
        assert (perfect.alpha, perfect.ci) == (1, None)
        assert "all came out alike" in perfect.note
        assert krippendorff(ratings_of([[0, 1]] * 30), metric, 1).alpha == pytest.approx(1 - 59 * 60 / expected)


def test_the_interval_holds_the_true_alpha_as_often_as_it_says():
    """Raters who copy a fair coin with 80 %: two of them have alpha 0.36 = 0.6². 100 samples of 60 items."""
    held = 0
    for seed in range(100):
        draw = np.random.default_rng(seed)
        true = draw.integers(0, 2, 60)
        table = np.where(draw.random((60, 2)) < 0.8, true[:, None], 1 - true[:, None])
        low, high = krippendorff(ratings_of(table.tolist()), "nominal", seed).ci
        held += low <= 0.36 <= high
    assert 89 <= held <= 99


def test_items_of_a_cluster_are_drawn_together():
    table = [[n % 3, (n * n) % 3] for n in range(20)]
    alone, copied = ratings_of(table), ratings_of([*table, *table], [*range(20), *range(20)])
    low, high = krippendorff(alone, "nominal", 1).ci
    again = krippendorff(copied, "nominal", 1).ci
    assert again[1] - again[0] == pytest.approx(high - low, rel=0.1)
    apart = krippendorff(ratings_of([*table, *table]), "nominal", 1).ci
    assert apart[1] - apart[0] < 0.85 * (high - low)


def test_more_items_than_groups_have_the_interval_of_their_number():
    draw = np.random.default_rng(1)
    values = draw.integers(0, 2, (4 * MOST_GROUPS, 2))
    many = krippendorff(ratings_of(values.tolist()), "nominal", 1)
    few = krippendorff(ratings_of(values[:MOST_GROUPS].tolist()), "nominal", 1)
    ratio = (many.ci[1] - many.ci[0]) / (few.ci[1] - few.ci[0])
    assert ratio == pytest.approx(1 / 2, rel=0.08)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "the file is empty"),
        ("a,b\n", "no rating"),
        ("a,b\n,\n", "no rating"),
        ("a\n1\n", ":1: 1 column of ratings"),
        ("item,a\nx,1\n", ":1: 1 column of ratings"),
        ("a,b\n1,2\n1,NaN\n", ":3: column 'b': 'NaN' is not a rating"),
        ("a,b\n1,*\n", ":2: column 'b': '*' is not a rating"),
        ("a,b\n1,inf\n", ":2: column 'b': 'inf' is not a rating"),
        ("a,b\n1,2,3\n", ":2: 3 values where 2 belong (a,b)"),
        ("a,a\n1,2\n", ":1: two columns are called 'a'"),
        ("a,\n1,2\n", ":1: column 2 has no name"),
        ('a,b\n"1,2\n', ":2: not CSV"),
        ("item,a,b\nx,1,2\ny,1,2\nx,2,2\n", ":4: column 'item': 'x' stands in row 2 already; write one row an item"),
        ("item,rater,value\nx,1,2\nx,2,2\n", ":3: column 'item': 'x' stands in row 2 already"),
        ("item,rater,score\nx,ann,1\nx,bob,2\nx,ann,2\n", ":4: column 'rater': 'ann' rated 'x' in row 2 already"),
        ("item,rater,score\nx,ann,1\nx,,2\n", ":3: column 'rater': empty; every row needs item,rater,score"),
        ("item,rater,score\nx,ann,1\nx,bob,NA\n", ":3: column 'score': 'NA' is not a rating"),
        ("item,rater,score\nx,ann,1\ny,ann,2\n", "all ratings are of one rater"),
        ("item,rater,score\n", "no rating"),
        ("rater,score\nann,1\n", ":1: columns 'rater' and 'score' are those of one row a rating"),
        ("item,rater,system,aspect,score\nx,ann,a,b,1\n", "`footnote eval likert` reads systems and aspects too"),
    ],
)
def test_a_bad_file_is_named(write, text, named):
    with pytest.raises(InputError) as fault:
        measure_agreement(write(text))
    assert named in str(fault.value)


def test_files_that_cannot_be_read(tmp_path, write):
    with pytest.raises(InputError, match="cannot be read"):
        measure_agreement(tmp_path / "none.csv")
    with pytest.raises(InputError, match="not a text in UTF-8"):
        measure_agreement(write("a,b\nä,1\n", "latin-1"))


def test_what_cannot_be_said_is_not_said(write):
    same = measure_agreement(write("a,b\n1,1\n1,1\n")).as_dict()
    assert same["alpha"] == {"nominal": None, "ordinal": None, "interval": None}
    assert "all ratings are the same" in same["note"]["ordinal"]
    alone = measure_agreement(write("a,b\n1,\n,2\n")).as_dict()
    assert "no item has the ratings of two raters" in alone["note"]["nominal"]
    assert alone["items_compared"] == 0
    one = measure_agreement(write("a,b\n1,2\n")).as_dict()
    assert (one["alpha"]["nominal"], one["ci"]["nominal"]) == (0, None)


def test_names_of_items_marks_of_order_and_empty_lines_do_not_count(write):
    named = FOUR.splitlines()
    text = "\n\n".join([f"Item , {named[0]}", *(f'"unit 🚀, {n}", {row}' for n, row in enumerate(named[1:]))])
    assert measure_agreement(write(text, "utf-8-sig")).alpha == measure_agreement(write(FOUR)).alpha
    assert measure_agreement(write("1,2\n3,3\n4,3\n")).notes[0].startswith("the first row (1, 2) was taken for")


def test_the_unit_does_not_matter(write):
    rows = "a,b\n1,2\n2,2\n4,3\n3,3\n"
    large = rows.replace(",", "e307,").replace("\n", "e307\n").replace("ae307,be307", "a,b")
    assert measure_agreement(write(large)).alpha["interval"].alpha == pytest.approx(
        measure_agreement(write(rows)).alpha["interval"].alpha
    )

"""The two indexes by themselves."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.dense import DenseIndex
from retrieval.indexes import Change
from retrieval.segment import Segment
from retrieval.sparse import Entry, SparseIndex

UNIT = np.eye(4, dtype=np.float32)


def entry(id_, body, collection="c", document="d", title="name", language="en", heading=""):
    return Entry(id_, document, collection, collection, language, title, heading, body)


def ids(found):
    return [item.id for item in found]


@pytest.fixture(scope="module")
def sparse(tmp_path_factory):
    index = SparseIndex(tmp_path_factory.mktemp("sparse") / "keywords")
    bodies = {
        "The cats are running home.": "en",
        "Invoice SKU-4563 AND more.": "en",
        "佐藤太郎は東京に住む。": "",
        "Un café.": "fr",
        "To be.": "en",
        "Die Katzen laufen.": "de",
    }
    entries = (entry(number, body, language=bodies[body]) for number, body in enumerate(bodies, start=1))
    index.update(entries, (), "one")
    return index


@pytest.fixture
def dense(tmp_path):
    index = DenseIndex(tmp_path / "vectors", exact_up_to=100)
    for collection in ("a", "b"):
        index.load(collection, "one")
    return index


def test_dense_finds_inside_the_collection_only(dense):
    dense.add("a", "x", [1, 2], UNIT[:2])
    dense.add("b", "y", [3], UNIT[:1])
    assert ids(dense.search("a", UNIT[0], 10)) == [1, 2]
    assert ids(dense.search("b", UNIT[0], 10)) == [3]
    assert dense.search("a", UNIT[0], 10)[0].score == pytest.approx(1)


def test_dense_forgets(dense):
    dense.add("a", "x", [1], UNIT[:1])
    dense.add("a", "y", [2], UNIT[1:2])
    dense.remove("a", "x")
    dense.remove("a", "unknown")
    assert ids(dense.search("a", UNIT[0], 10)) == [2]
    assert (dense.holds([1]), dense.holds([1, 2])) == (False, True)
    dense.remove("a", "y")
    assert (len(dense), dense.documents("a"), dense.search("a", UNIT[0], 10)) == (0, set(), [])


def test_dense_breaks_ties_by_id_and_adds_no_document_twice(dense):
    for _ in range(2):
        dense.add("a", "x", [5, 3, 4], np.repeat(UNIT[:1], 3, axis=0))
    assert ids(dense.search("a", UNIT[0], 9)) == [3, 4, 5]


@settings(max_examples=30)
@given(
    st.integers(0, 2**32 - 1), st.integers(1, 40), st.sets(st.integers(0, 9)), st.none() | st.sets(st.integers(0, 9))
)
def test_a_segment_is_the_sorted_cosines_of_what_is_allowed(seed, k, gone, allowed):
    chance = np.random.default_rng(seed)
    vectors = chance.standard_normal((30, 8)).astype(np.float32)
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16).astype(np.float32)
    segment = Segment.exact(8)
    for number in range(10):
        segment.add(str(number), [100 + 3 * number + each for each in range(3)], vectors[3 * number : 3 * number + 3])
    for number in gone:
        segment.remove(str(number))
    question = vectors[0] * 0.9
    found = segment.search(question, k, None if allowed is None else {str(number) for number in allowed})
    open_ = [n for n in range(10) if n not in gone and (allowed is None or n in allowed)]
    scores = {100 + 3 * n + each: float(vectors[3 * n + each] @ question) for n in open_ for each in range(3)}
    best = sorted(scores.values(), reverse=True)[:k]
    assert [item.score for item in found] == pytest.approx(best, abs=1e-5)
    assert all(scores[item.id] == pytest.approx(item.score, abs=1e-5) for item in found)
    assert len(segment) == 30 - 3 * len(gone)


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("cat runs", 1),
        ("sku-4563", 2),
        ("東京", 3),
        ("CAFE", 4),
        ("to be", 5),
        ('"AND" (more: *', 2),
        ("eine Katze", 6),
    ],
)
def test_sparse_finds_by_words(sparse, query, first):
    assert ids(sparse.search("c", query, 3))[0] == first


@given(st.text() | st.text("\"'\\:()[]{}^~*?+-&|!<>/ ANDORT", max_size=40))
def test_any_query_is_text(sparse, query):
    assert set(ids(sparse.search("c", query, 10))) <= {1, 2, 3, 4, 5, 6}
    assert sparse.search("other", query, 10) == []


def test_a_score_is_the_share_of_what_bm25_can_give(tmp_path):
    index = SparseIndex(tmp_path)
    bodies = ["zebra zebra lion", "zebra bird fish", "moss grows here", "lion"]
    index.update((entry(n, body, title="") for n, body in enumerate(bodies, start=1)), (), "one")
    lengths = [len(body.split()) for body in bodies]
    frequency = {"zebra": 2, "lion": 2}
    idf = {word: math.log(1 + (4 - n + 0.5) / (n + 0.5)) for word, n in frequency.items()}

    def bm25(body):
        words = body.split()
        norm = 1.2 * (0.25 + 0.75 * len(words) / (sum(lengths) / 4))
        return sum(idf[w] * 2.2 * words.count(w) / (words.count(w) + norm) for w in idf)

    found = index.search("c", "lion zebras", 9)
    most = 2.2 * sum(idf.values())
    assert {item.id: item.score for item in found} == {
        n: pytest.approx(bm25(body) / most, rel=1e-5) for n, body in enumerate(bodies, start=1) if bm25(body)
    }
    assert index.scores("c", "lion zebras", [1, 3]) == {1: pytest.approx(found[0].score)}
    assert index.scores("c", "lion", []) == {}


def test_sparse_looks_into_the_given_documents_only(sparse, tmp_path):
    index = SparseIndex(tmp_path)
    index.update([entry(n, "alpha beta", document=f"d{n}") for n in range(1, 6)], (), "one")
    assert ids(index.search("c", "alpha", 9, {"d2", "d4", "unknown"})) == [2, 4]
    assert index.search("c", "alpha", 9, set()) == []


def test_sparse_title_and_heading_count_less_than_body(tmp_path):
    index = SparseIndex(tmp_path)
    entries = [
        entry(1, "nothing here", title="zebra"),
        entry(2, "zebra here", title="nothing"),
        entry(3, "nothing here", heading="Of zebras > Food", title="nothing"),
    ]
    index.update(entries, (), "one")
    assert ids(index.search("c", "zebra", 5))[0] == 2
    assert set(ids(index.search("c", "zebra", 5))) == {1, 2, 3}


def test_sparse_removes_documents_and_keeps_its_mark(tmp_path):
    index = SparseIndex(tmp_path / "k")
    index.update([entry(1, "alpha", document="x"), entry(2, "alpha", document="y")], (), "one")
    index.update([], ["x"], "two")
    assert ids(index.search("c", "alpha", 5)) == [2]
    assert index.documents() == {"y": ("c", 1)}
    assert (index.count("x"), index.count("y"), len(index)) == (0, 1, 1)
    assert SparseIndex(tmp_path / "k").mark() == "two"


@pytest.mark.parametrize("other", [False, True])
def test_what_was_asked_before_a_change_is_asked_anew_after_it(tmp_path, other):
    """Whether this process or another changes the index, and whatever the marks."""
    index = SparseIndex(tmp_path / "k")
    index.update([entry(1, "cats run"), entry(2, "dogs sit")], (), None)
    before = index.search("c", "laufende Katzen run", 9)
    more = [entry(3, "Katzen laufen", document="e", language="de"), entry(4, "we run", document="f")]
    (SparseIndex(tmp_path / "k") if other else index).update(more, (), None)
    index.reload()
    fresh = SparseIndex(tmp_path / "k")
    after = index.search("c", "laufende Katzen run", 9)
    assert ids(before) == [1]
    assert sorted(ids(after)) == [1, 3, 4]
    assert after == fresh.search("c", "laufende Katzen run", 9)
    assert index.scores("c", "laufende Katzen run", [4]) == fresh.scores("c", "laufende Katzen run", [4])


def test_a_damaged_sparse_index_begins_anew_without_a_mark(tmp_path):
    SparseIndex(tmp_path / "k").update([entry(1, "alpha")], (), "one")
    (tmp_path / "k" / "meta.json").write_text("{")
    index = SparseIndex(tmp_path / "k")
    assert index.mark() is None
    assert len(index) == 0


def test_changes_that_follow_each_other_are_one(open_tiny, folder):
    for name in ("a", "b"):
        (folder / f"{name}.txt").write_text(f"Text {name}.")
    with open_tiny() as library:
        library.ingest([folder])
        a, b = library.documents()
    both = Change("0", "1", added=(a,)).then(Change("1", "2", added=(b,), removed=(a,)))
    assert both == Change("0", "2", added=(b,), removed=(a,))
    assert Change("0", "1").then(Change("2", "3")) is None

"""The two indexes by themselves."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.dense import DenseIndex
from retrieval.sparse import Entry, SparseIndex

UNIT = np.eye(4, dtype=np.float32)


def entry(id_, body, collection="c", document="d", title="name"):
    return Entry(id_, document, collection, title, body)


@pytest.fixture(scope="module")
def sparse(tmp_path_factory):
    index = SparseIndex(tmp_path_factory.mktemp("sparse") / "keywords")
    bodies = [
        "The cats are running home.",
        "Invoice SKU-4563 AND more.",
        "佐藤太郎は東京に住む。",
        "Un café.",
        "To be.",
    ]
    index.update((entry(number, body) for number, body in enumerate(bodies, start=1)), (), "one")
    return index


def test_dense_finds_inside_the_collection_only():
    index = DenseIndex()
    index.add("a", [1, 2], UNIT[:2])
    index.add("b", [3], UNIT[:1])
    assert index.search("a", UNIT[0], 10) == [1, 2]
    assert index.search("b", UNIT[0], 10) == [3]
    assert index.search("none", UNIT[0], 10) == []


def test_dense_forgets():
    index = DenseIndex()
    index.add("a", [1, 2], UNIT[:2])
    index.remove("a", [1, 99])
    assert index.search("a", UNIT[0], 10) == [2]
    index.remove("a", [2])
    assert len(index) == 0


def test_dense_breaks_ties_by_id():
    index = DenseIndex()
    index.add("a", [5, 3, 4], np.repeat(UNIT[:1], 3, axis=0))
    assert index.search("a", UNIT[0], 3) == [3, 4, 5]


@pytest.mark.parametrize(
    ("query", "first"),
    [("cat runs", 1), ("sku-4563", 2), ("東京", 3), ("CAFE", 4), ("to be", 5), ('"AND" (more: *', 2)],
)
def test_sparse_finds_by_words(sparse, query, first):
    assert sparse.search("c", query, 3)[0] == first


@given(st.text() | st.text("\"'\\:()[]{}^~*?+-&|!<>/ ANDORT", max_size=40))
def test_any_query_is_text(sparse, query):
    assert set(sparse.search("c", query, 10)) <= {1, 2, 3, 4, 5}
    assert sparse.search("other", query, 10) == []


def test_sparse_title_counts_less_than_body(tmp_path):
    index = SparseIndex(tmp_path)
    index.update([entry(1, "nothing here", title="zebra"), entry(2, "zebra here", title="nothing")], (), "one")
    assert index.search("c", "zebra", 5) == [2, 1]


def test_sparse_removes_documents_and_keeps_its_mark(tmp_path):
    index = SparseIndex(tmp_path / "k")
    index.update([entry(1, "alpha", document="x"), entry(2, "alpha", document="y")], (), "one")
    index.update([], ["x"], "two")
    assert index.search("c", "alpha", 5) == [2]
    assert SparseIndex(tmp_path / "k").mark() == "two"


def test_a_damaged_sparse_index_begins_anew_without_a_mark(tmp_path):
    SparseIndex(tmp_path / "k").update([entry(1, "alpha")], (), "one")
    (tmp_path / "k" / "meta.json").write_text("{")
    index = SparseIndex(tmp_path / "k")
    assert index.mark() is None
    assert len(index) == 0

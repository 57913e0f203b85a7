import gzip
import lzma

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.errors import InputError
from eval.trec import read_qrels, read_run, write_qrels, write_run

RUN = b"q1 Q0 d2 1 9.5 tag\nq1 Q0 d1 2 -3 tag\nq2 Q0 d1 1 1e-3 tag\n"
QRELS = b"q1 0 d1 2\nq1 0 d2 -1\nq3 0 d1 0\n"
READ = {b"q1": {b"d2": 9.5, b"d1": -3.0}, b"q2": {b"d1": 0.001}}


@pytest.fixture
def written(tmp_path):
    """A file of these bytes."""

    def write(data, name="file.txt"):
        (tmp_path / name).write_bytes(data)
        return tmp_path / name

    return write


def test_columns_are_read_by_name(written):
    assert read_run(written(RUN)) == READ
    assert read_qrels(written(QRELS)) == {b"q1": {b"d1": 2, b"d2": -1}, b"q3": {b"d1": 0}}


def test_white_space_marks_and_compression_do_not_matter(written):
    loose = b"\xef\xbb\xbf\n" + RUN.replace(b" ", b" \t ").replace(b"\n", b"  \r\n\r\n")
    assert read_run(written(loose)) == READ
    assert read_run(written(b"\xef\xbb\xbf" + RUN)) == READ
    assert read_run(written(RUN.rstrip(b"\n"))) == READ
    assert read_run(written(gzip.compress(RUN), "run.gz")) == READ
    assert read_run(written(lzma.compress(RUN), "run.xz")) == READ


def test_ids_need_no_encoding(written):
    assert read_run(written(b"caf\xe9 Q0 \xff\xfe 1 1 tag")) == {b"caf\xe9": {b"\xff\xfe": 1.0}}


@pytest.mark.parametrize(
    ("read", "data", "named"),
    [
        (read_run, b"", "the file is empty"),
        (read_run, b" \n\t\n", "the file is empty"),
        (read_run, RUN + b"q2 Q0 d2 2 0.5", ":4: 5 columns where 6 belong: qid Q0 docid rank score tag"),
        (read_run, RUN + b"\nq2 Q0 d2 2 0.5 my tag", ":5: 7 columns where 6 belong"),
        (read_run, b"q Q0 d 1 high tag", ":1: the score 'high' is not a number"),
        (read_run, b"q Q0 d 1 nan tag", ":1: the score 'nan' is not a number"),
        (read_run, b"q Q0 d 1 -NaN tag", ":1: the score '-NaN' is not a number"),
        (read_run, RUN + b"q1 Q0 d2 3 0 tag", ":4: the document 'd2' stands a second time for the query 'q1'"),
        (read_qrels, b"", "the file is empty"),
        (read_qrels, RUN, ":1: 6 columns where 4 belong: qid iter docid relevance"),
        (read_qrels, b"q 0 d 1.0", ":1: the relevance '1.0' is not a whole number"),
        (read_qrels, b"q 0 d nan", ":1: the relevance 'nan' is not a whole number"),
        (read_qrels, b"q 0 d 1" + b"0" * 400, "is not a whole number of 32 bits"),
        (read_qrels, QRELS + b"q1 1 d1 0", ":4: the document 'd1' stands a second time"),
        (read_qrels, b"q 0 d 0\nq 0 e -1", "no document is relevant"),
        (read_run, "q Q0 d 1 2 t".encode("utf-16"), ":1: "),
    ],
)
def test_what_cannot_be_read_is_named_by_file_and_line(written, read, data, named):
    path = written(data)
    with pytest.raises(InputError) as caught:
        read(path)
    assert str(caught.value).startswith(str(path))
    assert named in str(caught.value)


@pytest.mark.parametrize(
    "data",
    [gzip.compress(RUN)[:-10], b"no gzip", gzip.compress(RUN)[:12] + b"\xff" * 30],
    ids=["cut short", "not gzip", "overwritten"],
)
def test_damaged_compression_is_named(written, data):
    with pytest.raises(InputError, match=r"run\.gz: cannot be read"):
        read_run(written(data, "run.gz"))


def test_what_is_no_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.run: cannot be read \(No such file"):
        read_run(tmp_path / "none.run")
    with pytest.raises(InputError, match="cannot be read"):
        read_qrels(tmp_path)


IDS = st.text("abc123-._", min_size=1, max_size=5)


@given(st.dictionaries(IDS, st.lists(IDS, min_size=1, unique=True), min_size=1))
def test_rankings_that_are_written_are_read_in_their_order(tmp_path_factory, rankings):
    folder = tmp_path_factory.mktemp("trec")
    write_run(folder / "run", rankings, "tag")
    write_qrels(folder / "qrels", {query: dict.fromkeys(ranking, 1) for query, ranking in rankings.items()})
    run, qrels = read_run(folder / "run"), read_qrels(folder / "qrels")
    assert list(run) == list(qrels) == [query.encode() for query in rankings]
    for query, ranking in rankings.items():
        scores = run[query.encode()]
        assert sorted(scores, key=scores.get, reverse=True) == [document.encode() for document in ranking]
        assert len(set(scores.values())) == len(ranking)

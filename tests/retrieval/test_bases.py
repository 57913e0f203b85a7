"""Large collections: the base on disk, what comes after it, and how both find back to SQLite."""

import json
import shutil
import subprocess
import sys
import threading
import zlib

import numpy as np
import pytest

from retrieval import held
from retrieval.base import Bases
from retrieval.compaction import Compaction
from retrieval.dense import DenseIndex
from retrieval.embed import Embedder
from retrieval.indexes import Change, Indexes
from retrieval.inverted import Inverted
from retrieval.library import Library
from retrieval.model_id import ModelId
from retrieval.segment import Segment

DIMENSIONS = 16
DOCUMENTS = 300
PER_DOCUMENT = 10


def unit(rows):
    rows = rows / np.linalg.norm(rows, axis=-1, keepdims=True)
    return rows.astype(np.float16).astype(np.float32)


def made(seed=0):
    """Vectors around 40 centres, shape (DOCUMENTS * PER_DOCUMENT, DIMENSIONS)."""
    chance = np.random.default_rng(seed)
    centres = chance.standard_normal((40, DIMENSIONS))
    return unit(centres[chance.integers(40, size=3000)] + 0.7 * chance.standard_normal((3000, DIMENSIONS)))


VECTORS = made()
QUESTIONS = unit(VECTORS[::30] + 0.3 * np.random.default_rng(1).standard_normal((100, DIMENSIONS)))


def parts(numbers=range(DOCUMENTS)):
    for number in numbers:
        first = number * PER_DOCUMENT
        yield str(number), list(range(first, first + PER_DOCUMENT)), VECTORS[first : first + PER_DOCUMENT]


def nearest(question, k, numbers):
    scores = {id_: float(row @ question) for _, ids, rows in parts(numbers) for id_, row in zip(ids, rows)}
    return sorted(scores, key=lambda id_: (-scores[id_], id_))[:k]


def never():
    """Nothing ends the work."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("bases") / "vectors"
    Bases(path).write("books", "one", 3000, parts, never)
    return path


def share_found(segment, numbers, documents=None):
    hits = [({item.id for item in segment.search(q, 10, documents)}, set(nearest(q, 10, numbers))) for q in QUESTIONS]
    return np.mean([len(found & right) / len(right) for found, right in hits])


def test_a_base_finds_what_comparing_with_all_finds(folder):
    base = Bases(folder).open("books", "one")
    manifest = Bases(folder).manifest("books")
    assert (len(base), manifest.passages) == (3000, 3000)
    assert manifest.recall >= 0.99
    assert 1 < manifest.probes < 110
    assert share_found(base, range(DOCUMENTS)) >= 0.98
    best = base.search(QUESTIONS[0], 10)
    assert [item.score for item in best] == pytest.approx([float(VECTORS[item.id] @ QUESTIONS[0]) for item in best])


@pytest.mark.parametrize("count", [1, 3, 30, 150])
def test_a_filter_looks_into_more_lists(folder, count):
    numbers = list(range(0, DOCUMENTS, DOCUMENTS // count))[:count]
    documents = {str(number) for number in numbers}
    base = Bases(folder).open("books", "one")
    assert share_found(base, numbers, documents) >= 0.98
    assert {item.id // PER_DOCUMENT for item in base.search(QUESTIONS[0], 50, documents)} <= set(numbers)
    assert base.search(QUESTIONS[0], 50, {"unknown"}) == []


def test_many_are_found_where_many_are_wanted(folder):
    assert len(Bases(folder).open("books", "one").search(QUESTIONS[0], 2_500)) == 2_500


def test_what_was_removed_is_passed_over(folder):
    base = Bases(folder).open("books", "one")
    for number in range(0, DOCUMENTS, 2):
        base.remove(str(number))
    assert (len(base), base.dead) == (1500, 1500)
    assert share_found(base, range(1, DOCUMENTS, 2)) >= 0.98
    assert not base.holds([0, 9, 20])
    assert base.holds([0, 10])


def damaged(path, how):
    manifest = path / f"{next(path.glob('*.faiss')).name.split('-')[0]}.json"
    index, places = next(path.glob("*.faiss")), next(path.glob("*.npz"))
    match how:
        case "cut":
            index.write_bytes(index.read_bytes()[:-100])
        case "gone":
            places.unlink()
        case "noise":
            manifest.write_bytes(b"\xff\xfe{")
        case "other keys":
            manifest.write_text('{"format": 1}')
        case "other index":
            fields = json.loads(manifest.read_text())
            index.write_bytes(b"x" * fields["sizes"][index.name])
        case "other places":
            places.write_bytes(b"x" * places.stat().st_size)
        case "other count":
            manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"passages": 7}))
        case "other format":
            manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"format": 0}))


@pytest.mark.parametrize(
    "how", ["cut", "gone", "noise", "other keys", "other index", "other places", "other count", "other format"]
)
def test_a_base_that_is_not_whole_is_none(tmp_path, how):
    bases = Bases(tmp_path)
    bases.write("books", "one", 200, lambda: parts(range(20)), never)
    assert len(bases.open("books", "one")) == 200
    damaged(tmp_path, how)
    assert bases.open("books", "one") is None
    bases.write("books", "one", 200, lambda: parts(range(20)), never)
    assert len(bases.open("books", "one")) == 200


def test_a_base_of_other_vectors_or_another_collection_is_none(folder):
    assert Bases(folder).open("books", "two") is None
    assert Bases(folder).open("letters", "one") is None


def test_a_new_base_takes_the_place_of_the_old_and_leaves_no_files(tmp_path):
    bases = Bases(tmp_path)
    for count in (20, 30):
        bases.write("books", "one", count * PER_DOCUMENT, lambda n=count: parts(range(n)), never)
    assert len(bases.open("books", "one")) == 300
    assert len(list(tmp_path.iterdir())) == 3
    bases.drop("books")
    assert list(tmp_path.iterdir()) == []


def test_a_reader_keeps_the_base_that_it_has(tmp_path):
    bases = Bases(tmp_path)
    bases.write("books", "one", 200, lambda: parts(range(20)), never)
    before = bases.open("books", "one")
    bases.write("books", "one", 200, lambda: parts(range(20, 40)), never)
    assert {item.id for item in before.search(QUESTIONS[0], 200)} == set(range(200))


class StoppedError(Exception):
    """The work was ended."""


def test_work_that_is_ended_leaves_the_base_as_it_was(tmp_path):
    bases = Bases(tmp_path)
    bases.write("books", "one", 200, lambda: parts(range(20)), never)
    before = sorted(tmp_path.iterdir())
    for step in range(0, 70, 3):
        left = iter(range(step))

        def check(left=left):
            if next(left, None) is None:
                raise StoppedError

        with pytest.raises(StoppedError):
            bases.write("books", "one", 300, lambda: parts(range(30)), check)
        assert sorted(tmp_path.iterdir()) == before
    assert len(bases.open("books", "one")) == 200


KILLED = """
import os, pathlib, signal, sys
import numpy as np
from retrieval import held
from retrieval.base import Bases
folder, step, where = sys.argv[1], int(sys.argv[2]), sys.argv[3]
vectors = np.eye(16, dtype=np.float32)
parts = lambda: ((str(n), [n], vectors[n % 16 : n % 16 + 1]) for n in range(2000))
left = iter(range(step))
def count():
    if next(left, None) is None:
        os.kill(os.getpid(), signal.SIGKILL)
def watch(event, arguments):
    if event in ("open", "os.rename", "os.remove") and str(arguments[0]).startswith(folder):
        count()
if where == "files":
    sys.addaudithook(watch)
Bases(pathlib.Path(folder)).write("books", "one", 2000, parts, count if where == "vectors" else int)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize(
    ("step", "where"),
    [(0, "vectors"), (7, "vectors"), (3000, "vectors"), *((step, "files") for step in range(1, 12, 2))],
)
def test_a_killed_build_leaves_the_old_base_or_the_new_one(tmp_path, step, where):
    bases = Bases(tmp_path)
    bases.write("books", "one", 200, lambda: parts(range(20)), never)
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), str(step), where], check=False)
    assert done.returncode == -9
    assert len(bases.open("books", "one")) in ((200,) if where == "vectors" else (200, 2000))
    bases.write("books", "one", 200, lambda: parts(range(20)), never)
    assert len(bases.open("books", "one")) == 200


def test_a_collection_searches_its_base_and_what_came_after(tmp_path):
    Bases(tmp_path).write("books", "one", 2000, lambda: parts(range(200)), never)
    index = DenseIndex(tmp_path, exact_up_to=100)
    index.load("books", "one")
    for document in parts(range(200, DOCUMENTS)):
        index.add("books", *document)
    for number in (3, 250):
        index.remove("books", str(number))
    numbers = [number for number in range(DOCUMENTS) if number not in (3, 250)]
    found = [
        len({item.id for item in index.search("books", question, 10)} & set(nearest(question, 10, numbers))) / 10
        for question in QUESTIONS
    ]
    assert np.mean(found) >= 0.98
    assert len(index) == 2980
    assert index.due() == {"books": 2980}


def test_a_base_is_due_when_too_much_came_or_went(tmp_path):
    Bases(tmp_path).write("books", "one", 400, lambda: parts(range(40)), never)
    index = DenseIndex(tmp_path, exact_up_to=100)
    index.load("books", "one")
    for number in range(10):
        index.remove("books", str(number))
    assert index.due() == {}
    index.remove("books", "10")
    assert index.due() == {"books": 290}


def test_what_is_removed_from_memory_leaves_it(tmp_path):
    index = DenseIndex(tmp_path)
    index.load("books", "one")
    for document in parts(range(20)):
        index.add("books", *document)
    for number in range(15):
        index.remove("books", str(number))
    (segment,) = index._shelves["books"].segments()
    assert segment.dead <= len(segment) == 50
    assert {item.id for item in index.search("books", QUESTIONS[0], 99)} == set(range(150, 200))


def test_lists_of_few_or_equal_vectors():
    for rows in (VECTORS[:3], np.repeat(VECTORS[:1], 300, axis=0)):
        inverted = Inverted.trained(len(rows), [rows], never)
        inverted.add(rows)
        inverted.finish()
        places = {str(n): (n, 1) for n in range(len(rows))}
        segment = Segment(inverted.index, np.arange(len(rows)), places)
        assert segment.search(rows[0], 1)[0].score == pytest.approx(1, abs=1e-3)


class Tiny(Embedder):
    """Vectors that depend on nothing but the bytes of the text."""

    def __init__(self, seed=0):
        super().__init__()
        self.id = ModelId(f"tiny {seed}")
        self._seed = seed

    dimensions = DIMENSIONS

    def encode(self, texts, progress=None):
        seeds = [zlib.crc32(text.encode(), self._seed) for text in texts]
        rows = [np.random.default_rng(seed).standard_normal(DIMENSIONS) for seed in seeds]
        return unit(np.array(rows).reshape(len(rows), DIMENSIONS))


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """The folder of a library of 120 documents of a sentence each."""
    root = tmp_path_factory.mktemp("many")
    (root / "files").mkdir()
    for number in range(120):
        (root / "files" / f"{number}.txt").write_text(f"Fact {number}: the word is w{number}x.")
    with Library.open(root / "library", Tiny()) as library:
        library.ingest([root / "files"])
    return root / "library"


@pytest.fixture
def shelf(tmp_path, many):
    """That library, and a folder for indexes to which more than 50 passages are many."""
    shutil.copytree(many, tmp_path / "library")
    with Library.open(tmp_path / "library", Tiny()) as library:
        yield library, tmp_path / "indexes"


def passage_of(library, name):
    (document,) = [each for each in library.documents() if each.name == name]
    (passage,) = library._store.passages_of(document)
    return passage


def opened(library, folder):
    indexes = Indexes(library._store, folder, exact_up_to=50)
    indexes.heal()
    return indexes


def found(indexes, text, k=1):
    return [item.id for item in indexes.nearest("default", Tiny().encode([text])[0], k)]


def test_large_collections_are_loaded_when_they_are_asked_for(shelf):
    library, folder = shelf
    indexes = opened(library, folder)
    assert len(indexes.dense) == 0
    passage = passage_of(library, "77.txt")
    assert found(indexes, passage.text) == [passage.id]
    assert (len(indexes.dense), indexes.dense.due()) == (120, {"default": 120})


def test_compaction_writes_a_base_that_the_next_opening_uses(shelf):
    library, folder = shelf
    indexes = opened(library, folder)
    indexes.load_all()
    indexes.compact(library._lock, never)
    assert indexes.dense.due() == {}
    again = opened(library, folder)
    again.load_all()
    (segment,) = again.dense._shelves["default"].segments()
    assert len(segment) == 120
    passage = passage_of(library, "77.txt")
    assert found(again, passage.text) == [passage.id]


def test_a_base_is_brought_up_to_what_sqlite_holds(shelf, tmp_path):
    library, folder = shelf
    indexes = opened(library, folder)
    indexes.load_all()
    indexes.compact(library._lock, never)
    gone = passage_of(library, "5.txt")
    library.remove("5.txt")
    (tmp_path / "new.txt").write_text("Fact of another kind: the word is novel.")
    library.ingest([tmp_path / "new.txt"])
    again = opened(library, folder)
    again.load_all()
    assert len(again.dense) == 120
    assert gone.id not in found(again, gone.text, 200)
    assert found(again, "Fact of another kind: the word is novel.")
    assert not again.dense.holds([gone.id])
    indexes.refresh()  # as another process that had it open
    assert found(indexes, gone.text, 200) == found(again, gone.text, 200)


def test_vectors_of_another_model_are_not_taken_for_ours(shelf):
    library, folder = shelf
    first = opened(library, folder)
    first.load_all()
    first.compact(library._lock, never)
    passage = passage_of(library, "77.txt")
    other = Tiny(1)
    other.id = ModelId("another")
    library._embedder = library._search._embedder = library._known._embedder = other
    library.reindex()
    for indexes in (first, opened(library, folder)):
        indexes.refresh()
        hit = indexes.nearest("default", Tiny(1).encode([passage.text])[0], 1)[0]
        assert (hit.id, hit.score) == (passage.id, pytest.approx(1, abs=1e-3))


def test_a_collection_that_became_small_drops_its_base(shelf):
    library, folder = shelf
    indexes = opened(library, folder)
    indexes.load_all()
    indexes.compact(library._lock, never)
    for number in range(80):
        library.remove(f"{number}.txt")
    indexes.refresh()
    indexes.compact(library._lock, never)
    assert list((folder / "vectors").iterdir()) == []
    assert (len(indexes.dense), indexes.dense.due()) == (40, {})


def test_a_thread_compacts_while_searches_go_on(shelf):
    library, folder = shelf
    indexes = opened(library, folder)
    lock = threading.RLock()
    compaction = Compaction(indexes, lock)
    compaction.soon()  # nothing is loaded, so nothing is due
    assert compaction._thread is None
    indexes.load_all()
    passage = passage_of(library, "77.txt")
    compaction.soon()
    while compaction._thread.is_alive():
        with lock:
            assert found(indexes, passage.text) == [passage.id]
    assert indexes.dense.due() == {}
    compaction.stop()


def test_a_base_that_cannot_be_written_is_logged_once_and_costs_no_answer(shelf, caplog):
    library, folder = shelf
    indexes = opened(library, folder)
    indexes.load_all()
    (folder / "vectors").write_text("")
    compaction = Compaction(indexes, threading.RLock())
    for _ in range(2):
        compaction.now()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    passage = passage_of(library, "77.txt")
    assert found(indexes, passage.text) == [passage.id]


def test_a_stopped_compaction_leaves_nothing(shelf):
    library, folder = shelf
    indexes = opened(library, folder)
    indexes.load_all()
    compaction = Compaction(indexes, threading.RLock())
    compaction.stop()
    compaction.now()
    assert indexes.dense.due() == {"default": 120}


def test_the_keyword_index_is_mended_where_it_differs(shelf, monkeypatch):
    library, folder = shelf
    indexes = opened(library, folder)
    assert len(indexes.sparse) == 120
    library.remove("5.txt")
    (document,) = [each for each in library.documents() if each.name == "7.txt"]
    library._store._all("UPDATE documents SET collection = 'other' WHERE id = ?", document.id)
    library._store.new_generation()
    monkeypatch.setattr(indexes.sparse, "rebuild", None)
    indexes.heal()
    assert indexes.sparse.mark() == library._store.generation()
    assert len(indexes.sparse) == 119
    assert indexes.sparse.search("default", "w5x w7x", 9) == []
    assert len(indexes.sparse.search("other", "w7x", 9)) == 1


def test_a_change_that_others_interrupted_is_shown_all_the_same(shelf):
    library, folder = shelf
    indexes = opened(library, folder)
    indexes.load_all()
    before = library._store.generation()
    document = library.remove("5.txt")
    middle = library._store.generation()
    library.remove("6.txt")
    indexes.apply(Change(before, middle, removed=(document,)))
    indexes.refresh()
    assert (len(indexes.dense), len(indexes.sparse)) == (118, 118)


@pytest.mark.parametrize("kind", [".idx", ".term", ".fast", ".fieldnorm"])
@pytest.mark.parametrize("how", ["cut", "gone"])
def test_a_keyword_index_with_damaged_files_is_built_anew(shelf, kind, how):
    library, folder = shelf
    opened(library, folder)
    path = next((folder / "keywords").glob(f"*{kind}"))
    path.unlink() if how == "gone" else path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    indexes = opened(library, folder)
    assert len(indexes.sparse.search("default", "w77x", 9)) == 1
    assert len(indexes.sparse) == 120


def test_a_collection_that_grew_without_a_search_gets_its_base(shelf):
    library, folder = shelf
    indexes = opened(library, folder)
    assert not indexes.dense.loaded()
    indexes.compact(library._lock, never)
    assert (indexes.dense._bases.size("default", held.epoch(library._store)), indexes.dense.due()) == (120, {})
    assert found(indexes, passage_of(library, "77.txt").text) == [passage_of(library, "77.txt").id]
    built = sorted((folder / "vectors").iterdir())
    opened(library, folder).compact(library._lock, never)
    assert sorted((folder / "vectors").iterdir()) == built  # nothing is due

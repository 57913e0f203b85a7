"""A library that was killed, damaged, shared or left by another model: what it says, and that nothing is lost."""

import resource
import shutil
import sqlite3
import subprocess
import sys
import threading

import pytest

from retrieval.errors import LibraryDamaged, LibraryError
from retrieval.library import Library
from retrieval.model_id import ModelId
from retrieval.store import Store


def test_the_keyword_index_is_built_anew_when_it_is_missing_or_behind(tmp_path, facts, embedder, everywhere):
    root = tmp_path / "l"
    with Library.open(root, embedder) as library:
        library.ingest([facts / "law.txt"])
        shutil.copytree(root / "keywords", tmp_path / "old")
        library.ingest([facts])
    for damage in ("missing", "behind"):
        shutil.rmtree(root / "keywords")
        if damage == "behind":
            shutil.copytree(tmp_path / "old", root / "keywords")
        with Library.open(root, embedder) as library:
            assert everywhere(library) == (3, 3, 3)
            assert library.search("flour")[0].sparse_rank == 1


KILLED = """
import os, signal, sys
from retrieval.library import Library
from retrieval.sparse import SparseIndex
SparseIndex.update = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
with Library.open(sys.argv[1]) as library:
    library.ingest([sys.argv[2]])
"""


def test_a_kill_between_the_two_commits_is_healed(tmp_path, facts, embedder, everywhere):
    with Library.open(tmp_path / "l", embedder) as library:
        library.ingest([facts / "law.txt"])
    command = [sys.executable, "-c", KILLED, str(tmp_path / "l"), str(facts / "cooking.txt")]
    assert subprocess.run(command, check=False, capture_output=True).returncode == -9
    with Library.open(tmp_path / "l", embedder) as library:
        assert everywhere(library) == (2, 2, 2)
        assert library.search("flour")[0].sparse_rank == 1


def test_two_libraries_on_one_folder_see_each_other(tmp_path, facts, embedder, everywhere):
    with Library.open(tmp_path / "l", embedder) as one, Library.open(tmp_path / "l", embedder) as two:
        one.ingest([facts / "law.txt"])
        two.ingest([facts / "cooking.txt"])
        assert {hit.document for hit in one.search("lease flour")} == {"law.txt", "cooking.txt"}
        two.remove("law.txt")
        assert {hit.document for hit in one.search("lease flour")} == {"cooking.txt"}
        assert everywhere(one) == (1, 1, 1)


def test_threads_ingest_and_search_at_once(library, folder, everywhere):
    for number in range(8):
        (folder / f"{number}.txt").write_text(f"Fact {number}: code word{number}x.")
    failures = []

    def work(number):
        try:
            library.ingest([folder / f"{number}.txt"])
            assert library.search(f"word{number}x")[0].document == f"{number}.txt"
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert everywhere(library) == (8, 8, 8)


def test_a_damaged_or_newer_database_is_named(tmp_path, embedder):
    Library.open(tmp_path / "newer", embedder).close()
    connection = sqlite3.connect(tmp_path / "newer" / "library.db")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(LibraryDamaged, match="newer version"):
        Library.open(tmp_path / "newer", embedder)
    (tmp_path / "noise").mkdir()
    (tmp_path / "noise" / "library.db").write_bytes(b"noise" * 1000)
    with pytest.raises(LibraryDamaged, match="is damaged"):
        Library.open(tmp_path / "noise", embedder)
    (tmp_path / "file").write_text("")
    with pytest.raises(LibraryError, match="cannot be used as a folder"):
        Library.open(tmp_path / "file", embedder)


def test_a_full_disk_is_named_and_loses_nothing(library, facts, folder):
    library.ingest([facts])
    before = library.documents(), library.search("bread", k=3)
    (connection,) = library._store.database._idle
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")
    (folder / "large.txt").write_text("The moss grows on the north side. " * 10_000)
    with pytest.raises(LibraryError, match=r"disk that holds .* is full; delete or move away") as caught:
        library.ingest([folder / "large.txt"])
    assert not isinstance(caught.value, LibraryDamaged)
    assert (library.documents(), library.search("bread", k=3)) == before
    connection.execute("PRAGMA max_page_count = 1000000")
    assert library.ingest([folder / "large.txt"])[0].state == "ready"


def test_a_disk_that_fails_is_not_called_damage(tmp_path):
    store = Store(tmp_path / "library.db")
    store.set_fact("model", "one")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def write() -> None:
        with store.transaction():
            store.set_fact("model", "x" * 1_000_000)

    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, limits[1]))
        with pytest.raises(LibraryError, match="cannot be read or written") as caught:
            write()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not isinstance(caught.value, LibraryDamaged)
    assert store.fact("model") == "one"
    write()
    store.close()


def test_a_keyword_index_that_could_not_be_written_catches_up_at_the_next_search(shelf, monkeypatch, caplog):
    def fail(*_):
        raise OSError(28, "No space left on device")

    for write in ("update", "rebuild"):
        monkeypatch.setattr(shelf._indexes.sparse, write, fail)
    job = shelf.submit(b"The heron eats frogs.", "heron.txt")
    shelf.worker.run_until_idle()
    assert shelf.job(job.id).state == "ready"
    assert "the keyword index cannot be written" in caplog.text
    assert shelf.search("heron")[0].sparse_rank is None
    monkeypatch.undo()
    assert shelf.search("heron")[0].sparse_rank == 1


def test_files_of_a_commit_that_was_killed_are_not_in_the_way(tmp_path, facts, embedder, everywhere):
    keywords = tmp_path / "l" / "keywords"
    with Library.open(tmp_path / "l", embedder) as library:
        library.ingest([facts])
        before = {name: (keywords / name).read_bytes() for name in ("meta.json", "generation")}
        library.remove("cooking.txt")
    assert list(keywords.glob("*.del"))
    for name, data in before.items():  # as if it had not come to its end
        (keywords / name).write_bytes(data)
    with Library.open(tmp_path / "l", embedder) as library:
        assert everywhere(library) == (2, 2, 2)
        assert library.search("bread") == [] or library.search("bread")[0].document != "cooking.txt"


def test_a_file_in_the_place_of_the_keyword_index_is_named(tmp_path, facts, embedder, everywhere):
    root = tmp_path / "l"
    with Library.open(root, embedder) as library:
        library.ingest([facts])
    shutil.rmtree(root / "keywords")
    (root / "keywords").write_text("")
    with pytest.raises(LibraryDamaged, match=r"keywords is not a folder.*move it away"):
        Library.open(root, embedder)
    (root / "keywords").unlink()
    with Library.open(root, embedder) as library:
        assert everywhere(library) == (3, 3, 3)


def test_another_model_needs_a_reindex(tmp_path, facts, embedder, everywhere):
    class Renamed(type(embedder)):
        def __init__(self):
            super().__init__()
            self.id = ModelId("renamed")

        dimensions = 384

        def encode(self, texts, progress=None):
            return embedder.encode(texts, progress)

    with Library.open(tmp_path / "l", embedder) as library:
        library.ingest([facts])
    with Library.open(tmp_path / "l", Renamed()) as library:
        with pytest.raises(LibraryError, match="run: footnote reindex"):
            library.search("bread")
        library.reindex()
        assert library.search("bread")[0].document == "cooking.txt"
        assert everywhere(library) == (3, 3, 3)


def test_a_closed_library_says_so(tmp_path, embedder):
    library = Library.open(tmp_path / "l", embedder)
    library.close()
    library.close()
    with pytest.raises(LibraryError, match="is closed"):
        library.documents()

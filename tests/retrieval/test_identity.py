"""What a document is: its name and its bytes; versions, moving, and that what is deleted is gone."""

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from retrieval.errors import LibraryError

ROOT = Path(__file__).parents[2]


def put(library, name, text, collection="default"):
    library.submit(text.encode(), name, collection)
    library.worker.run_until_idle()
    return next(document for document in library.documents(collection) if document.name == name)


def test_a_replaced_version_is_neither_found_nor_listed_but_its_citations_resolve(shelf, everywhere):
    old = put(shelf, "lease.txt", "The lease ends in 2027.")
    put(shelf, "other.txt", "Bread needs flour.")
    new = put(shelf, "lease.txt", "The lease was prolonged to 2031.")
    assert new.id != old.id
    assert [document.id for document in shelf.documents() if document.name == "lease.txt"] == [new.id]
    assert {hit.document_id for hit in shelf.search("lease 2027", k=10)} == {new.id, *(d.id for d in shelf.documents())}
    assert everywhere(shelf) == (2, 2, 2)
    assert shelf.text(old.id)[14:22] == " in 2027"
    retired = shelf.document(old.id)
    assert (retired.name, retired.collection, bool(retired.retired_at)) == ("lease.txt", "default", True)
    assert shelf.document(new.id).retired_at is None
    with pytest.raises(LibraryError, match="no document"):
        shelf.remove(old.id)


def test_replaced_texts_are_kept(open_tiny):
    with open_tiny() as library:
        versions = [put(library, "a.txt", f"Version {number}.") for number in range(4)]
    with open_tiny() as library:
        assert [library.text(version.id) for version in versions] == [f"Version {number}." for number in range(4)]
        assert [document.id for document in library.documents()] == [versions[3].id]


def test_removing_a_document_removes_its_earlier_versions_too(shelf, everywhere):
    old, _ = put(shelf, "a.txt", "One."), put(shelf, "a.txt", "Two.")
    elsewhere_old, elsewhere = put(shelf, "a.txt", "Three.", "b"), put(shelf, "a.txt", "Four.", "b")
    shelf.remove("a.txt", collection="default")
    assert shelf.document(old.id) is None
    assert shelf.text(elsewhere_old.id) == "Three."
    assert shelf.documents() == [elsewhere]
    assert everywhere(shelf) == (1, 1, 1)


def test_deleted_words_are_nowhere_in_the_database(open_tiny, tmp_path):
    with open_tiny() as library:
        put(library, "secret.txt", "The password of the vault is xylophone-4711. " * 50)
        put(library, "other.txt", "Nothing of note.")
        library.remove("secret.txt")
    assert not [path for path in (tmp_path / "library").glob("library.db*") if b"xylophone" in path.read_bytes()]


@pytest.mark.parametrize("store", ["the vector index", "the keyword index"])
def test_a_removal_that_left_something_is_told(shelf, monkeypatch, store):
    put(shelf, "a.txt", "Text.")
    assert len(shelf.search("text")) == 1
    half = shelf._indexes.dense if store == "the vector index" else shelf._indexes.sparse
    original = type(half).remove if store == "the vector index" else type(half).update
    monkeypatch.setattr(half, original.__name__, lambda *_: None)
    with pytest.raises(LibraryError, match=rf"{store} still held parts of a.txt; run: footnote reindex"):
        shelf.remove("a.txt")
    monkeypatch.undo()
    shelf.reindex()
    assert shelf.search("text") == []


def test_a_new_name_with_known_bytes_is_skipped_but_a_known_name_gets_the_new_bytes(shelf, folder):
    (folder / "a.txt").write_text("Alpha.")
    (folder / "b.txt").write_text("Alpha.")
    reports = shelf.ingest([folder])
    assert [(report.document, report.state) for report in reports] == [("a.txt", "ready"), ("b.txt", "skipped")]
    assert reports[1].reason == "Its content is already in the collection default, as a.txt."
    assert reports[1].document_id == reports[0].document_id
    assert shelf.ingest([folder / "b.txt"], collection="other")[0].state == "ready"
    (folder / "b.txt").write_text("Beta.")
    assert shelf.ingest([folder / "b.txt"])[0].state == "ready"
    (folder / "b.txt").write_text("Alpha.")
    report = shelf.ingest([folder / "b.txt"])[0]
    assert (report.state, report.reason) == ("ready", "Took the place of the earlier version of b.txt.")
    assert shelf.text(report.document_id) == "Alpha."


def test_unicode_forms_are_one_name_and_cases_are_two(shelf):
    put(shelf, "caf\xe9.txt", "One.")
    shelf.submit(b"Two.", "cafe\u0301.txt")
    shelf.submit(b"Three.", "Caf\xe9.txt")
    shelf.worker.run_until_idle()
    assert {document.name: shelf.text(document.id) for document in shelf.documents()} == {
        "caf\xe9.txt": "Two.",
        "Caf\xe9.txt": "Three.",
    }
    assert shelf.submit(b"Four.", "x.txt", "cafe\u0301").collection == "caf\xe9"


def test_a_moved_document_keeps_its_id_and_is_found_in_its_new_place_only(open_tiny, everywhere):
    with open_tiny() as library, open_tiny() as other:
        old = put(library, "lease.txt", "The lease ends in 2026.")
        lease = put(library, "lease.txt", "The lease ends in 2027.")
        put(library, "bread.txt", "Bread needs flour.")
        assert len(other.search("lease", collection="default")) == 2
        moved = library.move("lease.txt", "law")
        assert (moved.id, moved.collection) == (lease.id, "law")
        assert library.documents("law") == [moved]
        assert library.job(lease.id).collection == "law"
        for each in (library, other):
            assert [hit.document for hit in each.search("lease ends", collection="law")] == ["lease.txt"]
            assert [hit.document for hit in each.search("lease ends", collection="default")] == ["bread.txt"]
            assert each.search("lease ends", collection="law")[0].sparse_rank == 1
            assert everywhere(each) == (2, 2, 2)
        assert library.text(old.id) == "The lease ends in 2026."
        assert library.move(lease.id, "law") == moved
        library.remove("lease.txt")
        assert library.document(old.id) is None


def test_a_document_does_not_move_onto_another(shelf):
    put(shelf, "a.txt", "One.")
    put(shelf, "a.txt", "Two.", "b")
    with pytest.raises(LibraryError, match=r"the collection b already has a document called a\.txt"):
        shelf.move("a.txt", "b", collection="default")
    with pytest.raises(LibraryError, match=r"several collections \(b, default\)"):
        shelf.move("a.txt", "c")
    with pytest.raises(LibraryError, match="cannot name a collection"):
        shelf.move("a.txt", "", collection="b")


def test_a_removed_document_is_gone_for_another_library_at_its_next_search(open_tiny):
    with open_tiny() as one, open_tiny() as two:
        put(one, "a.txt", "Text.")
        assert len(two.search("text")) == 1
        one.remove("a.txt")
        assert two.search("text") == []


def test_the_same_file_from_many_threads_at_once_is_ready_once(shelf, folder, everywhere):
    (folder / "a.txt").write_text("The same text for all.")
    reports = []
    threads = [threading.Thread(target=lambda: reports.extend(shelf.ingest([folder]))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(report.state for report in reports) == ["ready"] + ["skipped"] * 5
    assert len({report.document_id for report in reports}) == 1
    assert everywhere(shelf) == (1, 1, 1)


INGEST = """
import json, sys
sys.path[:0] = sys.argv[1:3]
from tiny import TinyEmbedder
from retrieval.library import Library
with Library.open(sys.argv[3], TinyEmbedder()) as library:
    sys.stdin.readline()
    print(json.dumps([[report.document, report.state] for report in library.ingest([sys.argv[4]])]))
"""


def test_the_same_files_from_two_processes_at_once_are_ready_once(open_tiny, tmp_path, folder, everywhere):
    for number in range(20):
        (folder / f"{number:02}.txt").write_text(f"Text of file {number}.")
    open_tiny().close()
    command = [sys.executable, "-c", INGEST, ROOT, Path(__file__).parent, tmp_path / "library", folder]
    options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    children = [subprocess.Popen(command, **options) for _ in range(2)]
    for child in children:
        child.stdin.write("go\n")
        child.stdin.flush()
    reports = [json.loads(child.communicate(timeout=60)[0]) for child in children]
    for one, two in zip(*reports, strict=True):
        assert one[0] == two[0]
        assert sorted([one[1], two[1]]) == ["ready", "skipped"]
    with open_tiny() as library:
        assert everywhere(library) == (20, 20, 20)


def test_the_words_of_a_removed_document_are_nowhere_on_the_disk(open_tiny, tmp_path, folder):
    (folder / "a.txt").write_text("The zebra tariff is secret.")
    with open_tiny() as library:
        library.ingest([folder])
        library.remove("a.txt")
        files = [path for path in (tmp_path / "library").rglob("*") if path.is_file()]
        assert not [path for path in files if b"zebra tariff" in path.read_bytes()]

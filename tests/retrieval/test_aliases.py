"""Bytes that were given under several names: none of the names is lost, whatever becomes of the others."""

import hashlib
import sqlite3

import pytest

from retrieval.errors import LibraryError
from retrieval.migrations import MIGRATIONS, migrate
from retrieval.types import Alias, Document


def give(library, folder, name, text, collection="default"):
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    (report,) = library.ingest([folder / name], collection=collection)
    return report


@pytest.fixture
def given(shelf, folder):
    """A library to which the same bytes were given as a.md and b.md; and the id of their document."""
    report = give(shelf, folder, "a.md", "The heron eats frogs.")
    give(shelf, folder, "b.md", "The heron eats frogs.")
    return shelf, report.document_id


def names(library):
    return {document.name: (document.id, document.aliases) for document in library.documents()}


def test_the_other_name_is_listed(given, folder):
    library, id_ = given
    assert names(library) == {"a.md": (id_, ("b.md",))}
    report = give(library, folder, "b.md", "The heron eats frogs.")
    assert (report.state, report.reason) == ("skipped", "Its content is already in the collection default, as a.md.")
    assert names(library) == {"a.md": (id_, ("b.md",))}


def test_where_the_document_is_replaced_it_stays_under_its_other_name(given, folder, tiny, everywhere):
    library, id_ = given
    encoded = library._embedder.encoded
    report = give(library, folder, "a.md", "The stork eats fish.")
    assert report.reason == (
        "Took the place of the earlier version of a.md, which stays as b.md: its content was given under that name too."
    )
    assert names(library) == {"a.md": (report.document_id, ()), "b.md": (id_, ())}
    assert library._embedder.encoded == encoded + 1
    hit = library.search("heron frogs", k=1)[0]
    assert (hit.document, hit.document_id) == ("b.md", id_)
    assert library.text(id_) == "The heron eats frogs."
    assert library.document(id_).retired_at is None
    assert everywhere(library) == (2, 2, 2)
    give(library, folder, "b.md", "The crane eats corn.")
    assert library.document(id_).retired_at


def test_more_names_than_one(given, folder):
    library, id_ = given
    give(library, folder, "c.md", "The heron eats frogs.")
    give(library, folder, "a.md", "Stork.")
    assert names(library)["b.md"] == (id_, ("c.md",))
    give(library, folder, "b.md", "Crane.")
    assert names(library)["c.md"] == (id_, ())


def test_another_name_that_gets_bytes_of_its_own_is_a_document(given, folder):
    library, id_ = given
    report = give(library, folder, "b.md", "The stork eats fish.")
    assert (report.state, report.reason) == ("ready", None)
    assert names(library) == {"a.md": (id_, ()), "b.md": (report.document_id, ())}
    give(library, folder, "a.md", "The crane eats corn.")
    assert library.document(id_).retired_at


def test_another_name_goes_over_to_the_document_whose_bytes_it_gets(given, folder):
    library, id_ = given
    other = give(library, folder, "c.md", "The stork eats fish.").document_id
    assert give(library, folder, "b.md", "The stork eats fish.").state == "skipped"
    assert names(library) == {"a.md": (id_, ()), "c.md": (other, ("b.md",))}


def test_a_document_goes_with_all_its_names(given, folder):
    library, id_ = given
    removed = library.remove("a.md")
    assert (removed.id, removed.aliases) == (id_, ("b.md",))
    assert library._store.rows("SELECT * FROM aliases") == []
    assert give(library, folder, "b.md", "The heron eats frogs.").state == "ready"


def test_one_name_alone_is_forgotten(given, folder):
    library, id_ = given
    assert library.remove("b.md") == Alias("b.md", "default", "a.md", id_)
    assert names(library) == {"a.md": (id_, ())}
    with pytest.raises(LibraryError, match=r"no document called b\.md"):
        library.remove("b.md")


def test_a_document_moves_with_its_names(given, folder):
    library, id_ = given
    give(library, folder, "b.md", "Elsewhere.", "other")
    with pytest.raises(LibraryError, match=r"a document called b\.md, which is another name of a\.md; remove one"):
        library.move("a.md", "other")
    with pytest.raises(LibraryError, match="several collections"):
        library.remove("b.md")
    assert library.move("b.md", "third", collection="default").name == "a.md"
    assert names(library)["a.md"] == (id_, ("b.md",))
    give(library, folder, "a.md", "New.", "third")
    assert {document.name for document in library.documents("third")} == {"a.md", "b.md"}


def uploaded(library, name, text):
    job = library.submit(text.encode(), name)
    library.worker.run_until_idle()
    return library.job(job.id)


def test_what_uploads_say_stays_true(shelf):
    first, other, again = (uploaded(shelf, name, "Heron.") for name in ("a.md", "b.md", "a.md"))
    assert (other.state, other.document_id) == ("skipped", first.id)
    uploaded(shelf, "a.md", "Stork.")
    assert shelf.document(first.id).name == shelf.job(first.id).name == "b.md"
    assert shelf.job(other.id).reason == "Its content is in the collection default, as b.md."
    assert shelf.job(again.id) is None  # What it was skipped for has another name now, and its own another content.
    shelf.move("b.md", "law")
    assert shelf.job(other.id).reason == "Its content is in the collection law, as b.md."
    assert shelf.job(other.id).collection == "law"
    shelf.remove("b.md")
    assert shelf.job(other.id) is shelf.job(first.id) is None


def test_an_upload_that_was_skipped_can_be_removed_and_its_name_with_it(shelf):
    first, other = (uploaded(shelf, name, "Heron.") for name in ("a.md", "b.md"))
    assert shelf.remove(other.id) == Alias("b.md", "default", "a.md", first.id)
    assert shelf.document(first.id).aliases == ()
    other = uploaded(shelf, "b.md", "Heron.")
    shelf.forget(other.id)  # To dismiss the line is not to delete the file.
    assert shelf.document(first.id).aliases == ("b.md",)


def test_a_skipped_upload_takes_the_document_with_it_that_its_name_is_now_of(shelf, everywhere):
    first, other = (uploaded(shelf, name, "The heron eats frogs.") for name in ("pp.txt", "qq.txt"))
    newer = uploaded(shelf, "pp.txt", "The stork eats fish.")
    assert names(shelf)["qq.txt"] == (first.id, ())
    assert shelf.remove(other.id).id == first.id
    assert names(shelf) == {"pp.txt": (newer.id, ())}
    assert [hit.document for hit in shelf.search("heron frogs qq.txt", k=10)] == ["pp.txt"]
    assert everywhere(shelf) == (1, 1, 1)
    assert shelf.job(other.id) is shelf.document(first.id) is None


def test_an_upload_that_was_given_twice_is_gone_with_either(shelf, everywhere):
    uploaded(shelf, "a.md", "Heron.")
    again = uploaded(shelf, "a.md", "Heron.")
    shelf.remove(again.id)
    assert everywhere(shelf) == (0, 0, 0)


def test_a_skipped_upload_does_not_take_a_newer_document_of_its_name_with_it(shelf):
    first, other, newer = (
        uploaded(shelf, name, text) for name, text in (("a.md", "Heron."), ("b.md", "Heron."), ("b.md", "Stork."))
    )
    shelf.remove(other.id)
    assert names(shelf) == {"a.md": (first.id, ()), "b.md": (newer.id, ())}


def test_the_words_of_the_new_name_are_found_after_a_kill_too(open_tiny, folder, monkeypatch):
    with open_tiny() as library:
        for name in ("alpha.md", "omega.md"):
            give(library, folder, name, "The heron eats frogs.")
        monkeypatch.setattr(library._ingest, "flush", lambda: None)
        monkeypatch.setattr(library._showing, "flush", lambda: None)
        give(library, folder, "alpha.md", "The stork eats fish.")
    with open_tiny() as library:
        assert [hit.document for hit in library.search("omega", leg="sparse")] == ["omega.md"]
        assert [hit.passage for hit in library.search("alpha", leg="sparse")] == ["The stork eats fish."]


@pytest.fixture
def earlier(tmp_path, open_tiny, folder, monkeypatch):
    """A library as the program before the third step left it: files of a folder without their path."""
    (folder / "x").mkdir()
    (folder / "y").mkdir()
    (folder / "x" / "readme.md").write_text("The heron eats frogs.")
    (tmp_path / "library").mkdir()
    with sqlite3.connect(tmp_path / "library" / "library.db", isolation_level=None) as connection:
        migrate(connection, MIGRATIONS[:2])
        text = "The heron eats frogs."
        values = ("old", "readme.md", "default", "text/markdown", digest(text), text, 21, "[]", 1, "2026-01-02")
        connection.execute(
            "INSERT INTO documents (id, name, collection, media_type, sha256, text, characters, page_spans, passages,"
            " added_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            values,
        )
        connection.execute(
            "INSERT INTO jobs (id, name, collection, bytes, state, document_id, submitted_at, changed_at)"
            " VALUES ('j', 'copy.md', 'default', 21, 'skipped', 'old', '2026-01-02', '2026-01-02')"
        )
    connection.close()


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


def test_a_document_named_without_its_path_is_renamed(earlier, open_tiny, folder):
    with open_tiny() as library:
        assert names(library) == {"readme.md": ("old", ("copy.md",))}
        (report,) = library.ingest([folder])
        assert (report.document, report.state) == ("x/readme.md", "skipped")
        assert report.reason == ("It is in the collection default already; it was called readme.md, now x/readme.md.")
        assert names(library) == {"x/readme.md": ("old", ("copy.md",))}
        assert library.job("j").reason == "Its content is in the collection default, as x/readme.md."
        (folder / "y" / "readme.md").write_text("The heron eats frogs.")
        (folder / "x" / "readme.md").write_text("The stork eats fish.")
        assert {report.document: report.state for report in library.ingest([folder])} == {
            "x/readme.md": "ready",
            "y/readme.md": "skipped",
        }
        assert "readme.md" not in names(library)


def test_a_document_that_may_be_a_file_of_its_own_is_not_renamed(earlier, open_tiny, folder):
    (folder / "readme.md").write_text("The heron eats frogs.")
    with open_tiny() as library:
        assert {report.state for report in library.ingest([folder])} == {"skipped"}
        assert names(library) == {"readme.md": ("old", ("copy.md", "x/readme.md"))}


def test_names_of_a_folder_do_not_depend_on_its_other_files(shelf, folder):
    give(shelf, folder, "x/readme.md", "Heron.")
    shelf.ingest([folder])
    (folder / "y").mkdir()
    (folder / "y" / "readme.md").write_text("Stork.")
    shelf.remove("readme.md")
    for _ in range(2):
        shelf.ingest([folder])
        assert isinstance(shelf.documents()[0], Document)
        assert set(names(shelf)) == {"x/readme.md", "y/readme.md"}

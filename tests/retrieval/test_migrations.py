"""Libraries of every earlier form open, with everything that was in them."""

import sqlite3

import numpy as np
import pytest

from retrieval.errors import LibraryDamaged
from retrieval.migrations import MIGRATIONS, migrate

TEXTS = {
    "moons.txt": "The moon Europa orbits Jupiter. Its ocean lies under ice.",
    "lease.txt": "The lease ends on 31 March 2027.",
}


@pytest.fixture
def of_form_1(tmp_path, tiny):
    """The database of a library as the first release wrote it."""
    folder = tmp_path / "library"
    folder.mkdir()
    connection = sqlite3.connect(folder / "library.db", isolation_level=None)
    connection.executescript(MIGRATIONS[0])
    for number, (name, text) in enumerate(TEXTS.items()):
        document = (f"id{number}", name, "default", "text/plain", "ab" * 32, text, len(text), f"[[1, 0, {len(text)}]]")
        connection.execute(
            "INSERT INTO documents VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1, 1, '2026-01-02T03:04:05+00:00')", document
        )
        vector = tiny.encode([text])[0].astype("<f2").tobytes()
        connection.execute(
            "INSERT INTO passages (document_id, page, start, stop, vector) VALUES (?, 1, 0, ?, ?)",
            (document[0], len(text), vector),
        )
    connection.execute("INSERT INTO facts VALUES ('model', 'tiny'), ('generation', 'g')")
    connection.execute("PRAGMA user_version = 1")
    yield connection
    connection.close()


def test_a_library_of_form_1_keeps_everything(of_form_1, open_tiny, everywhere):
    before = of_form_1.execute("SELECT id, document_id, page, start, stop, vector FROM passages ORDER BY id").fetchall()
    with open_tiny() as library:
        now = library._store._all("SELECT id, document_id, page, start, stop, vector FROM passages ORDER BY id")
        assert now == before
        documents = {document.name: document for document in library.documents()}
        assert {name: library.text(document.id) for name, document in documents.items()} == TEXTS
        moons = documents["moons.txt"]
        assert (moons.id, moons.pages, moons.passages, moons.added_at) == ("id0", 1, 1, "2026-01-02T03:04:05+00:00")
        assert (moons.language, moons.bytes, moons.retired_at) == (None, None, None)
        assert everywhere(library) == (2, 2, 2)
        assert library.search("Europa ocean")[0].document == "moons.txt"
        assert library._store._all("PRAGMA foreign_key_check") == []
        assert library._store._all("PRAGMA integrity_check") == [("ok",)]
    assert of_form_1.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)


def test_a_library_of_form_1_can_be_changed_afterwards(of_form_1, open_tiny, tiny, folder, everywhere):
    (folder / "lease.txt").write_text("The lease was prolonged to 2031.")
    with open_tiny(tiny) as library:
        library.ingest([folder])
        assert library.text("id1") == TEXTS["lease.txt"]
        assert library._store._all("SELECT max(id) FROM passages") == [(3,)]  # No id is given twice.
        library.remove("lease.txt")
        library.reindex()
        assert np.isin([0, 2], library._store._all("SELECT count(*) FROM passages WHERE digest IS NULL")[0]).any()
        assert everywhere(library) == (1, 1, 1)


def test_a_step_that_fails_leaves_the_form_before(of_form_1):
    of_form_1.execute("CREATE TABLE jobs (in_the_way)")
    with pytest.raises(sqlite3.OperationalError, match="already exists"):
        migrate(of_form_1)
    assert of_form_1.execute("PRAGMA user_version").fetchone() == (1,)
    assert of_form_1.execute("SELECT name FROM documents ORDER BY name").fetchall() == [("lease.txt",), ("moons.txt",)]
    assert "retired_at" not in of_form_1.execute("SELECT sql FROM sqlite_master WHERE name = 'documents'").fetchone()[0]


def test_a_library_of_a_newer_form_is_refused(of_form_1, open_tiny):
    of_form_1.execute("PRAGMA user_version = 99")
    with pytest.raises(LibraryDamaged, match="newer version"):
        open_tiny()


def test_what_came_from_an_uploaded_archive_is_known_as_its_own(tmp_path, open_tiny):
    (tmp_path / "library").mkdir()
    with sqlite3.connect(tmp_path / "library" / "library.db", isolation_level=None) as connection:
        migrate(connection, MIGRATIONS[:3])
        for id_, name in (("one", "pk.zip/a.txt"), ("two", "pk.zipped/a.txt")):
            connection.execute(
                "INSERT INTO documents (id, name, collection, media_type, sha256, text, characters, page_spans,"
                " passages, added_at) VALUES (?, ?, 'default', 'text/plain', ?, 'Text.', 5, '[]', 0, '2026-01-02')",
                (id_, name, id_ * 16),
            )
        connection.execute(
            "INSERT INTO jobs (id, name, collection, bytes, state, reason, submitted_at, changed_at)"
            " VALUES ('j', 'pk.zip', 'default', 9, 'skipped',"
            " 'It was unpacked; the files in it, 1 in all, are taken in one by one.',"
            " '2026-01-02', '2026-01-02')"
        )
    connection.close()
    with open_tiny() as library:
        assert [document.id for document in library.remove("j").documents] == ["one"]
        assert [document.id for document in library.documents()] == ["two"]

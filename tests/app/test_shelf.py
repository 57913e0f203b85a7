"""The handlers of the documents over a real library and its real worker, without a browser."""

import zipfile
from pathlib import Path

import gradio as gr
from hypothesis import given
from hypothesis import strategies as st

from app.faults import FAULT
from app.shelf import BUSY_SECONDS, IDLE_SECONDS, MOST
from app.uploads import named, safe_name

SKIPPED = (gr.skip(),) * 4


def uploaded(folder, name, text, original=None):
    path = folder / name
    path.write_text(text)
    return {"path": str(path), "orig_name": original}


def add(shelf, *files, password="", collection="default"):
    """What the page says of an upload, and shows after it."""
    files_, word, said, listing, *_ = shelf.add(list(files), password, collection, "", MOST)
    assert (files_, word) == (None, "")
    return said, listing


def preview(shelf, **asked):
    return shelf.preview(gr.EventData(None, asked))


def test_an_upload_is_queued_at_once_and_ready_when_the_worker_is_done(shelf, library, tmp_path):
    said, listing = add(shelf, uploaded(tmp_path, "stripped.txt", "The otter eats fish.", 'What? "Otters" <b>.txt'))
    assert said == ""
    assert '<span class="fn-state">queued</span>' in listing
    assert "No documents yet · 1 on the way" in listing
    assert "Cancel What? &quot;Otters&quot; &lt;b&gt;.txt" in listing
    library.worker.run_until_idle()
    assert [document.name for document in library.documents("default")] == ['What? "Otters" <b>.txt']
    listing, *_ = shelf.look("default", "", MOST)
    assert "Delete What? &quot;Otters&quot; &lt;b&gt;.txt" in listing
    assert "fn-state" not in listing


def test_nothing_is_sent_where_nothing_changed(shelf, library):
    listing, seen, timer, _ = shelf.look("default", "", MOST)
    assert "No documents yet." in listing
    assert timer["value"] == IDLE_SECONDS
    assert shelf.look("default", seen, MOST) == SKIPPED
    job = library.submit(b"One.", "one.txt")
    listing, busy, timer, offered = shelf.look("default", seen, MOST)
    assert timer["value"] == BUSY_SECONDS
    assert offered == gr.skip()
    assert shelf.look("default", busy, MOST) == SKIPPED
    library.cancel(job.id)
    _, after, timer, _ = shelf.look("default", busy, MOST)
    assert timer["value"] == IDLE_SECONDS
    library.submit(b"Two.", "two.txt", "law")
    listing, _, _, offered = shelf.look("default", after, MOST)
    assert offered["choices"] == ["default", "law"]
    assert "two.txt" not in listing


def test_how_much_is_done_stands_in_the_row(shelf, library):
    job = library.submit(b"One.", "one.txt")
    library._queue.jobs.claim()
    with library.worker._locked():
        assert '<progress max="100" aria-label="one.txt: extracting">' in shelf.look("default", "", MOST)[0]
        library._queue.jobs.advance(job.id, "embedding", 0.43)
        listing = shelf.look("default", "", MOST)[0]
    assert '<progress max="100" value="43" aria-label="one.txt: embedding">' in listing
    assert "embedding 43 %" in listing


def test_uploads_of_one_name_are_all_kept_and_a_later_one_replaces(shelf, library, tmp_path):
    texts = ["The otter eats fish.", "The beaver eats bark.", "The owl eats mice."]
    originals = ["caf\xe9.txt", "cafe\u0301.txt", "x/caf\xe9.txt"]
    add(shelf, *(uploaded(tmp_path, f"{n}.txt", text, name) for n, (text, name) in enumerate(zip(texts, originals))))
    library.worker.run_until_idle()
    kept = {document.name: library.text(document.id) for document in library.documents("default")}
    assert kept == dict(zip(["caf\xe9.txt", "caf\xe9 (2).txt", "caf\xe9 (3).txt"], texts))
    add(shelf, uploaded(tmp_path, "new.txt", "It sleeps.", "caf\xe9.txt"))
    library.worker.run_until_idle()
    assert "Took the place of the earlier version of caf\xe9.txt." in shelf.look("default", "", MOST)[0]


def test_a_file_too_large_is_refused_by_its_own_name_and_the_others_are_taken(shelf, library, tmp_path):
    huge = uploaded(tmp_path, "stripped.txt", "x" * 250_000, "<huge>.txt")
    said, _ = add(shelf, huge, uploaded(tmp_path, "a.txt", "One."))
    assert "&lt;huge&gt;.txt is too large" in said
    assert said.count("<li") == 1
    assert [job.name for job in library.jobs()] == ["a.txt"]


def test_a_fault_is_told_in_one_line_and_its_trace_is_logged(shelf, tmp_path, caplog):
    said, _ = add(shelf, {"path": str(tmp_path / "gone.txt"), "orig_name": None})
    assert FAULT in said
    assert "FileNotFoundError" in caplog.text


def test_a_password_can_come_with_the_upload(shelf, library, locked):
    add(shelf, {"path": str(locked), "orig_name": None}, password="xylophone")
    library.worker.run_until_idle()
    assert [document.name for document in library.documents()] == ["locked.pdf"]


def test_members_of_an_archive_are_rows_of_their_own(shelf, library, tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("a.txt", "Alpha.")
        archive.writestr("../b.txt", "Beta.")
    add(shelf, {"path": str(tmp_path / "x.zip"), "orig_name": "x.zip"})
    library.worker.run_until_idle()
    listing = shelf.look("default", "", MOST)[0]
    assert "Delete x.zip/a.txt" in listing
    assert "has a path that leads out of the archive" in listing
    # There is nothing that could be tried again.
    assert "Try again" not in listing


def test_a_collection_is_chosen_by_a_name_that_can_be_one(shelf, library):
    library.submit(b"One.", "one.txt", "law")
    kept, said, most, listing, _, _, box = shelf.choose(" law ", "default")
    assert (kept, said, most) == ("law", "", MOST)
    assert "one.txt" in listing
    assert (box["value"], box["choices"]) == ("law", ["default", "law"])
    kept, said, _, listing, _, _, box = shelf.choose("x" * 201, "law")
    assert (kept, box["value"]) == ("law", "law")
    assert "use 1 to 200 visible characters" in said
    assert "one.txt" in listing
    assert shelf.restore({"not": "a name"})[3]["value"] == "default"
    assert shelf.restore("law")[3]["value"] == "law"


def test_many_rows_come_by_and_by(shelf, library):
    library.ingest([], collection="default")
    for number in range(MOST + 1):
        library.submit(b"%d" % number, f"{number}.txt")
    listing = shelf.look("default", "", MOST)[0]
    assert listing.count("<li") == MOST
    assert "and 1 more" in listing
    most, listing, *_ = shelf.more("default", "", MOST)
    assert listing.count("<li") == MOST + 1
    assert "more <button" not in listing
    assert most == 2 * MOST


def test_a_preview_shows_the_text_and_says_where_there_is_none(shelf, library):
    library.submit(b"<b>One</b> & two.", "one.txt")
    library.worker.run_until_idle()
    (document,) = library.documents()
    shown, said = preview(shelf, id=document.id, part=1, turn=7)
    assert said == ""
    assert "&lt;b&gt;One&lt;/b&gt; &amp; two." in shown
    assert 'data-turn="7"' in shown
    library.remove(document.id)
    shown, said = preview(shelf, id=document.id, part=1, turn=8)
    assert shown == gr.skip()
    assert "already deleted" in said
    library.close()
    assert "is closed; open it again" in preview(shelf, id=document.id, part=1, turn=9)[1]


def test_equal_files_in_one_upload_are_two_names_of_one_path():
    # Gradio stores equal files once: both entries are one path.
    file = {"path": "/tmp/stored.txt", "orig_name": "heron.txt"}  # noqa: S108
    assert [name for _, name in named([file, file])] == ["heron.txt", "heron (2).txt"]


@given(
    st.text(max_size=300)
    | st.sampled_from(["..", ".", "", "../../etc/passwd", "C:\\temp\\x.txt", "a/b\0c.txt", "\xa1" * 101])
)
def test_a_name_never_leaves_its_folder(name):
    safe = safe_name(name)
    assert Path("folder", safe).parent == Path("folder")
    assert safe not in {"", ".", ".."}
    assert "\0" not in safe
    assert len(safe.encode()) <= 200

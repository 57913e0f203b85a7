"""What the buttons of the list do, over a real library and its real worker, without a browser."""

import gradio as gr
import pytest

from app.faults import FAULT
from app.shelf import MOST


def act(shelf, act, id_="", collection="default", **more):
    """What the page says of a button, and shows after it."""
    said, listing, *_ = shelf.act(collection, "", MOST, gr.EventData(None, {"act": act, "id": id_, **more}))
    return said, listing


def test_a_document_is_deleted_while_its_replacement_waits(shelf, library):
    library.submit(b"One.", "a.txt")
    library.worker.run_until_idle()
    (document,) = library.documents()
    library.submit(b"Two.", "a.txt")
    said, listing = act(shelf, "delete", document.id)
    assert "Deleted a.txt." in said
    assert "No documents yet · 1 on the way" in listing
    library.worker.run_until_idle()
    assert [library.text(document.id) for document in library.documents()] == ["Two."]
    said, _ = act(shelf, "delete", document.id)
    assert "already deleted" in said


def test_a_failed_file_tells_why_and_is_dismissed(shelf, library):
    library.submit(b"", "empty.txt")
    library.worker.run_until_idle()
    listing = shelf.look("default", "", MOST)[0]
    assert '<span class="fn-state">failed</span>' in listing
    assert "0 bytes" in listing
    said, listing = act(shelf, "dismiss", library.jobs()[0].id)
    assert "Dismissed empty.txt." in said
    assert "empty.txt" not in listing


def test_cancelling_ends_a_file_and_dismissing_all_leaves_what_waits(shelf, library):
    ids = [library.submit(b"%d" % number, f"{number}.txt").id for number in range(3)]
    said, listing = act(shelf, "cancel", ids[0])
    assert "Cancelled 0.txt." in said
    assert '<span class="fn-state">cancelled</span>' in listing
    assert "Try 0.txt again" not in listing
    act(shelf, "cancel", ids[1])
    said, _ = act(shelf, "dismiss-all")
    assert "Dismissed 2 uploads." in said
    assert [job.id for job in library.jobs()] == [ids[2]]


def test_a_password_is_asked_for_until_it_is_right(shelf, library, locked):
    library.submit(locked, "locked.pdf")
    library.worker.run_until_idle()
    (job,) = library.jobs()
    assert job.needs_password
    for word, reason in (("", "is encrypted; give its password."), ("wrong", "the password given does not open it")):
        said, _ = act(shelf, "retry", job.id, password=word)
        assert "is tried again" in said
        library.worker.run_until_idle()
        listing = shelf.look("default", "", MOST)[0]
        assert reason in listing
        assert '<input type="password" autocomplete="off" required' in listing
        assert "wrong" not in listing
    act(shelf, "retry", job.id, password="xylophone")
    library.worker.run_until_idle()
    assert library.text(job.id) == "A secret."


def test_a_document_moves_to_another_collection(shelf, library):
    library.submit(b"One.", "one.txt")
    library.worker.run_until_idle()
    (document,) = library.documents()
    said, _ = act(shelf, "move", document.id, to=" \t")
    assert "cannot name a collection" in said
    said, listing = act(shelf, "move", document.id, to="law")
    assert "Moved one.txt to law." in said
    assert "No documents yet." in listing
    assert [(each.id, each.collection) for each in library.documents()] == [(document.id, "law")]


@pytest.mark.parametrize("what", ["retry", "cancel", "dismiss", "delete", "move", "nonsense", None])
def test_what_the_page_would_never_send_is_refused_in_a_line(shelf, what):
    said, _ = act(shelf, what, "../../etc/passwd", to="law")
    assert said.startswith('<p class="fn-warning"')
    assert FAULT not in said

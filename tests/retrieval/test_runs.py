"""What a program takes in by itself, as `footnote ingest` does, is seen by all others, and its end too."""

import io
import os
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from retrieval import run
from retrieval.errors import LibraryError

HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr(run, "_WRITE_SECONDS", 0.005)


@pytest.fixture
def three(folder):
    for name in "abc":
        (folder / f"{name}.txt").write_text(f"Text of {name}.")
    return folder


def states(library):
    return {job.name: job.state for job in library.jobs()}


def until(true):
    for _ in range(2000):
        if true():
            return
        run.threading.Event().wait(0.01)
    raise AssertionError("it did not come to that")


def test_files_are_seen_while_they_are_taken_in(open_tiny, tiny, three):
    seen = []
    with open_tiny() as other, open_tiny(tiny) as library:

        def watch(texts):
            if "Text of b." in texts:
                until(lambda: states(other)["b.txt"] == "embedding")
                seen.append((states(other), [document.name for document in other.documents()]))
                other.worker.run_until_idle()  # They are not the worker's.

        tiny.watch = watch
        reports = library.ingest([three])
        assert [report.state for report in reports] == ["ready"] * 3
        assert seen == [({"b.txt": "embedding", "c.txt": "queued"}, ["a.txt"])]
        assert states(other) == {}
        assert library.ingest([three])[0].state == "skipped"
        assert states(other) == {}
        assert list((library._queue._incoming._folder.parent / "running").iterdir()) == []


def test_what_failed_is_listed_until_it_is_taken_in_or_dismissed(shelf, three):
    (three / "b.txt").write_bytes(bytes(range(256)))
    (three / "c.txt").write_bytes(b"")
    reports = {report.document: report for report in shelf.ingest([three])}
    failed = {job.name: job for job in shelf.jobs()}
    assert {name: job.reason for name, job in failed.items()} == {
        name: reports[name].reason for name in ("b.txt", "c.txt")
    }
    found = [(job.state, job.bytes, job.is_kept) for job in failed.values()]
    assert found == [("failed", 256, False), ("failed", 0, False)]
    shelf.ingest([three / "b.txt"])
    assert sorted(job.name for job in shelf.jobs()) == ["b.txt", "c.txt"]
    (three / "b.txt").write_text("Text of b.")
    shelf.ingest([three / "b.txt"])
    assert states(shelf) == {"c.txt": "failed"}
    with pytest.raises(LibraryError, match="add the file again"):
        shelf.retry(failed["c.txt"].id)
    shelf.forget(failed["c.txt"].id)
    assert states(shelf) == {}


def test_what_failed_is_forgotten_where_it_is_uploaded_later(shelf, three):
    (three / "b.txt").write_bytes(b"")
    (three / "pk.zip").write_bytes(b"PK no more")
    shelf.ingest([three])
    shelf.ingest([three / "b.txt"], collection="other")
    shelf.submit(b"Text of b.", "b.txt")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.txt", "Text of a member.")
    shelf.submit(packed.getvalue(), "pk.zip")
    shelf.worker.run_until_idle()
    assert [(job.name, job.collection) for job in shelf.jobs() if job.state == "failed"] == [("b.txt", "other")]


def test_members_of_archives_are_seen_by_their_own_names(open_tiny, tiny, folder):
    with zipfile.ZipFile(folder / "all.zip", "w") as archive:
        archive.writestr("a.txt", "Text of a.")
        archive.writestr("b.txt", "")
        archive.writestr("../c.txt", "Text of c.")
    with open_tiny() as other, open_tiny(tiny) as library:
        seen = []

        def watch(_):
            until(lambda: states(other).get("all.zip/a.txt") == "embedding")
            seen.append(states(other)["all.zip"])

        tiny.watch = watch
        library.ingest([folder])
        assert seen == ["extracting"]
        assert states(other) == {"all.zip/b.txt": "failed", "all.zip/../c.txt": "failed"}
        assert [document.name for document in other.documents()] == ["all.zip/a.txt"]
        library.ingest([folder])
        assert len(other.jobs()) == 2


def test_another_program_cancels_what_waits_and_what_is_at_hand(open_tiny, tiny, three):
    with open_tiny() as other, open_tiny(tiny) as library:

        def watch(texts):
            if "Text of a." in texts:
                jobs = {job.name: job for job in other.jobs()}
                other.cancel(jobs["b.txt"].id)
                other.remove("c.txt")
            if "Text of d." in texts:
                until(lambda: states(other).get("d.txt") == "embedding")
                other.cancel(other.jobs()[-1].id)

        tiny.watch = watch
        (three / "d.txt").write_text("Text of d.")
        reports = library.ingest([three])
        assert [(report.document, report.state, report.reason) for report in reports] == [
            ("a.txt", "ready", None),
            ("b.txt", "skipped", "b.txt was cancelled."),
            ("c.txt", "skipped", "c.txt was cancelled."),
            ("d.txt", "skipped", "d.txt was cancelled."),
        ]
        assert [document.name for document in other.documents()] == ["a.txt"]
        assert states(other) == {"b.txt": "cancelled", "d.txt": "cancelled"}
        tiny.watch = lambda _: None
        library.ingest([three])
        assert states(other) == {}
        assert len(other.documents()) == 4


@pytest.mark.parametrize(
    ("fault", "left"), [(KeyboardInterrupt, {}), (LibraryError, "no room"), (RuntimeError, "ended")]
)
def test_what_ends_a_call_is_told_of_what_it_left_undone(open_tiny, tiny, three, fault, left):
    def end(texts):
        if "Text of b." in texts:
            raise fault("there is no room.")

    tiny.watch = end
    with open_tiny(tiny) as library:
        with pytest.raises(fault):
            library.ingest([three])
        assert [document.name for document in library.documents()] == ["a.txt"]
        reasons = {job.name: job.reason for job in library.jobs()}
        assert set(reasons) == ({"b.txt", "c.txt"} if left else set())
        assert all(left in reason for reason in reasons.values())


INGEST = """
import sys, time
sys.path[:0] = sys.argv[1:3]
from tiny import TinyEmbedder
from retrieval.library import Library
tiny = TinyEmbedder()
def wait(texts):
    if "Text of b." in texts:
        print("embedding", flush=True)
        time.sleep(60)
tiny.watch = wait
with Library.open(sys.argv[3], tiny) as library:
    library.ingest([sys.argv[4]])
"""


def test_files_of_a_program_that_was_killed_have_failed(open_tiny, tmp_path, three):
    with open_tiny() as library:
        command = [sys.executable, "-c", INGEST, HERE.parents[1], HERE, tmp_path / "library", three]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout.readline() == "embedding\n"
            until(lambda: states(library) == {"b.txt": "embedding", "c.txt": "queued"})
            with open_tiny() as another:
                assert states(another) == {"b.txt": "embedding", "c.txt": "queued"}
            jobs = {job.name: job for job in library.jobs()}
            assert jobs["b.txt"].owner.startswith(f"{child.pid}-")
            os.kill(child.pid, signal.SIGKILL)
            child.wait()
        job = library.job(jobs["b.txt"].id)
        assert (job.state, job.reason) == (
            "failed",
            "The program that was taking it in ended before it was done; add the file again.",
        )
        assert states(library) == {"b.txt": "failed", "c.txt": "failed"}
        assert list((tmp_path / "library" / "running").iterdir()) == []
        library.ingest([three])
        assert states(library) == {}
        assert len(library.documents()) == 3

"""Files handed over to be added later: their states, and that each state is true."""

import io
import threading
import time
import zipfile

import pytest

from retrieval.errors import DocumentError, LibraryError
from retrieval.extract import Limits
from retrieval.files import Source
from retrieval.library import Library

LONG = " ".join(f"Sentence {number} tells of the word{number}." for number in range(6000)).encode()


def kept(library):
    """Names of the jobs whose bytes are in the library's folder."""
    return {path.name for path in library.worker._lock.with_name("incoming").iterdir() if not path.name.startswith(".")}


def wait_for(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.01)


def test_a_submitted_file_becomes_a_document_of_the_same_id(shelf):
    job = shelf.submit(b"The moon Europa orbits Jupiter.", "moons.txt", "space")
    assert (job.state, job.bytes, job.document_id, job.ended) == ("queued", 31, None, False)
    assert shelf.jobs() == shelf.jobs("space") == [job]
    assert shelf.documents() == shelf.jobs("other") == []
    assert kept(shelf) == {job.id}
    shelf.worker.run_until_idle()
    done = shelf.job(job.id)
    assert (done.state, done.share, done.reason, done.document_id, done.ended) == ("ready", 1, None, job.id, True)
    (document,) = shelf.documents("space")
    assert (document.id, document.name, document.bytes) == (job.id, "moons.txt", 31)
    assert shelf.jobs() == []
    assert kept(shelf) == set()
    assert shelf.search("Europa", collection="space")[0].document_id == job.id


def test_the_states_on_the_way(open_tiny, tiny, monkeypatch):
    monkeypatch.setattr("retrieval.worker._LOOK_SECONDS", 0.001)
    with open_tiny(tiny) as library:
        job = library.submit(LONG, "long.txt")
        seen = []
        tiny.watch = lambda _: seen.append(library.job(job.id))
        claimed = library._queue.jobs.claim()
        assert (claimed.id, claimed.state) == (job.id, "extracting")
        assert library._queue.jobs.claim() is None
        library._queue.jobs.put_back(job.id)
        library.worker.run_until_idle()
        assert {step.state for step in seen} == {"embedding"}
        assert [step.share for step in seen] == sorted(step.share for step in seen)
        assert 0 == seen[0].share < seen[-1].share < 1
        assert library.job(job.id).state == "ready"


def test_jobs_are_done_in_order(shelf):
    jobs = [shelf.submit(b"Version %d." % number, "same.txt") for number in range(3)]
    shelf.worker.run_until_idle()
    assert shelf.text(jobs[2].id) == "Version 2."
    assert [document.id for document in shelf.documents()] == [jobs[2].id]
    assert shelf.job(jobs[2].id).reason == "Took the place of the earlier version of same.txt."


def test_what_fails_says_why_and_can_be_tried_again_or_forgotten(shelf):
    job = shelf.submit(bytes(range(256)), "noise.bin")
    shelf.worker.run_until_idle()
    (failed,) = shelf.jobs()
    assert (failed.id, failed.state, failed.document_id) == (job.id, "failed", None)
    assert failed.reason.startswith("noise.bin is neither a known kind of document")
    assert kept(shelf) == {job.id}
    assert shelf.retry(job.id).state == "queued"
    with pytest.raises(LibraryError, match=r"noise.bin is queued; only an upload that failed"):
        shelf.retry(job.id)
    shelf.worker.run_until_idle()
    assert shelf.job(job.id).state == "failed"
    assert shelf.forget(job.id).name == "noise.bin"
    assert shelf.jobs() == []
    assert kept(shelf) == set()
    assert shelf.job(job.id) is None
    for ask in (shelf.cancel, shelf.retry, shelf.forget):
        with pytest.raises(LibraryError, match="no upload with the id"):
            ask(job.id)


def test_the_same_file_twice_is_skipped_and_said_so(shelf):
    first = shelf.submit(b"Once.", "a.txt")
    again = shelf.submit(b"Once.", "a.txt")
    other = shelf.submit(b"Once.", "b.txt")
    shelf.worker.run_until_idle()
    states = [shelf.job(job.id) for job in (first, again, other)]
    assert [job.state for job in states] == ["ready", "skipped", "skipped"]
    assert [job.document_id for job in states] == [first.id] * 3
    assert states[1].reason == "a.txt is already in the collection default, with the same content."
    assert states[2].reason == "Its content is already in the collection default, as a.txt."
    assert kept(shelf) == set()


def test_cancelled_in_the_queue(shelf):
    job = shelf.submit(b"Text.", "a.txt")
    assert shelf.cancel(job.id).state == "cancelled"
    assert kept(shelf) == set()
    shelf.worker.run_until_idle()
    assert shelf.job(job.id).state == "cancelled"
    assert shelf.documents() == []


def test_cancelled_while_it_is_extracted(shelf):
    job = shelf.submit(b"Text.", "a.txt")
    claimed = shelf._queue.jobs.claim()
    shelf.cancel(job.id)
    shelf.worker._work(claimed)
    assert shelf.job(job.id).state == "cancelled"
    assert shelf.documents() == []


@pytest.mark.parametrize("by_another_process", [False, True])
def test_cancelled_while_it_is_embedded(open_tiny, tiny, by_another_process):
    with open_tiny(tiny) as library, open_tiny() as other:
        job = library.submit(LONG, "long.txt")
        canceller = other if by_another_process else library
        tiny.watch = lambda _: tiny.encoded and canceller.cancel(job.id)
        library.worker.run_until_idle()
        assert library.job(job.id).state == "cancelled"
        assert library.documents() == []
        assert library._store._all("SELECT count(*) FROM vectors_in_work") == [(0,)]
        assert kept(library) == set()
        assert library.search("word1") == []


def test_cancelled_in_the_moment_of_being_stored(shelf):
    job = shelf.submit(b"Text.", "a.txt")
    claimed = shelf._queue.jobs.claim()
    path, order = shelf._queue.begin(claimed)
    (content,) = shelf._ingest.contents(Source(path, "a.txt"), order)

    def settle(report):
        shelf._queue.jobs.cancel(job.id)
        shelf._queue.settle(job.id, report)

    with pytest.raises(LibraryError, match=r"a\.txt was cancelled"):
        shelf._ingest.add(content, order, job.id, lambda stage, share: None, settle)
    assert shelf.documents() == []
    assert shelf.search("text") == []


def test_what_has_ended_cannot_be_cancelled_any_more(shelf):
    job = shelf.submit(b"Text.", "a.txt")
    shelf.worker.run_until_idle()
    assert shelf.cancel(job.id).state == "ready"
    assert len(shelf.documents()) == 1
    with pytest.raises(LibraryError, match="is ready; remove the document instead"):
        shelf.forget(job.id)
    waiting = shelf.submit(b"More.", "b.txt")
    with pytest.raises(LibraryError, match="is queued; cancel it first"):
        shelf.forget(waiting.id)


def test_removing_by_name_takes_what_is_on_its_way_too(shelf):
    shelf.submit(b"Old.", "a.txt")
    shelf.worker.run_until_idle()
    shelf.submit(b"New.", "a.txt")
    other = shelf.submit(b"Other.", "b.txt")
    assert shelf.remove("a.txt").passages == 1
    assert shelf.jobs() == [other]
    assert shelf.remove(other.id) == other
    assert (shelf.documents(), shelf.jobs(), kept(shelf)) == ([], [], set())


def test_removing_by_id_leaves_the_next_version_on_its_way(shelf):
    old = shelf.submit(b"Old.", "a.txt")
    shelf.worker.run_until_idle()
    new = shelf.submit(b"New.", "a.txt")
    shelf.remove(old.id)
    shelf.worker.run_until_idle()
    assert [document.id for document in shelf.documents()] == [new.id]
    assert shelf.job(old.id) is None


def test_sources_of_every_kind_and_names_are_cleaned(shelf, folder):
    (folder / "e\u0301.txt").write_bytes(b"From a path.")
    jobs = [
        shelf.submit(folder / "e\u0301.txt", "e\u0301.txt"),
        shelf.submit(io.BytesIO(b"From a stream."), "x/" + "long " * 100 + ".txt"),
        shelf.submit(b"From bytes.", "\x00..\n"),
    ]
    shelf.worker.run_until_idle()
    assert [shelf.job(job.id).state for job in jobs] == ["ready"] * 3
    assert (jobs[0].name, jobs[2].name) == ("\xe9.txt", "..")
    assert jobs[1].name.startswith("x/long long ")
    assert len(jobs[1].name) <= 200


def test_files_that_are_not_taken_in_at_all(open_tiny, folder):
    with open_tiny(limits=Limits(max_bytes=10)) as library:
        for source in (b"x" * 11, io.BytesIO(b"x" * 11)):
            with pytest.raises(DocumentError, match=r"big.txt is too large"):
                library.submit(source, "big.txt")
        with pytest.raises(DocumentError, match=r"absent\.txt does not exist"):
            library.submit(folder / "absent.txt", "absent.txt")
        with pytest.raises(LibraryError, match="cannot name a collection"):
            library.submit(b"x", "x.txt", " ")
        assert (library.jobs(), kept(library)) == ([], set())
        empty = library.submit(b"", "empty.txt")
        library.worker.run_until_idle()
        assert "empty.txt is empty" in library.job(empty.id).reason


def test_a_worker_takes_what_comes_and_stops_between(open_tiny, tiny):
    with open_tiny(tiny) as library:
        library.worker.start()
        job = library.submit(b"Text.", "a.txt")
        wait_for(lambda: library.job(job.id).ended)
        reached, go_on = threading.Event(), threading.Event()

        def hold(texts):
            if len(texts) > 1:  # not the query
                reached.set()
                go_on.wait(20)

        tiny.watch = hold
        job = library.submit(LONG, "long.txt")
        assert reached.wait(20)
        assert [hit.document for hit in library.search("text")] == ["a.txt"]
        go_on.set()
        library.worker.stop()
        assert library.job(job.id).state == "queued"
    with open_tiny(tiny) as library:
        library.worker.run_until_idle()
        assert library.job(job.id).state == "ready"


def test_what_a_killed_worker_left_is_taken_up_and_its_vectors_are_not_made_again(open_tiny, tiny):
    class Killed(BaseException):
        pass

    def kill_at_the_second(_):
        if tiny.encoded:
            raise Killed

    with open_tiny(tiny) as library:
        job = library.submit(LONG, "long.txt")
        tiny.watch = kill_at_the_second
        with pytest.raises(Killed):
            library.worker.run_until_idle()
        assert library.job(job.id).state == "embedding"
    tiny.watch = lambda _: None
    with open_tiny(tiny) as library:
        library.worker.run_until_idle()
        assert library.job(job.id).state == "ready"
        (document,) = library.documents()
        assert tiny.encoded == document.passages > 64
        assert library._store._all("SELECT count(*) FROM vectors_in_work") == [(0,)]


def test_a_file_that_ends_the_program_again_and_again_fails_and_the_next_gets_its_turn(shelf):
    bad = shelf.submit(b"Text.", "bad.txt")
    good = shelf.submit(b"Other text.", "good.txt")
    for _ in range(3):
        assert shelf._queue.jobs.claim().id == bad.id
        shelf._queue.jobs.take_up()
    shelf.worker.run_until_idle()
    assert "Reading it ended the program 3 times" in shelf.job(bad.id).reason
    assert shelf.job(good.id).state == "ready"


def test_what_was_skipped_or_cancelled_is_forgotten_after_a_month_but_no_failure(shelf):
    for name, data in (("a.txt", b"One."), ("b.txt", b"One."), ("noise.bin", bytes(range(256)))):
        shelf.submit(data, name)
    shelf.worker.run_until_idle()
    shelf.cancel(shelf.submit(b"Two.", "c.txt").id)
    shelf.worker.run_until_idle()
    assert [job.state for job in shelf.jobs()] == ["skipped", "failed", "cancelled"]
    shelf._store._all("UPDATE jobs SET changed_at = '2020-01-01T00:00:00+00:00'")
    shelf.worker.run_until_idle()
    assert [job.state for job in shelf.jobs()] == ["failed"]
    assert len(shelf.documents()) == 1


def test_lost_bytes_are_told(shelf):
    job = shelf.submit(b"Text.", "a.txt")
    shelf._queue._incoming.remove(job.id)
    shelf.worker.run_until_idle()
    assert "its bytes are no longer in the library's folder; add the file again" in shelf.job(job.id).reason
    with pytest.raises(LibraryError, match="its bytes are no longer"):
        shelf.retry(job.id)


def test_a_password_is_kept_in_memory_alone(open_tiny, write, tmp_path, caplog):
    data = write.encrypted_pdf(tmp_path / "locked.pdf", "xylophone-4711").read_bytes()
    with open_tiny() as library, open_tiny() as other:
        bare = library.submit(data, "bare.pdf", "third")
        given = library.submit(data, "given.pdf", password="xylophone-4711")
        elsewhere = other.submit(data, "elsewhere.pdf", "other", password="xylophone-4711")
        library.worker.run_until_idle()
        assert library.job(given.id).state == "ready"
        for job in (bare, elsewhere):  # The other process knows a password that this one, which works, does not.
            assert library.job(job.id).state == "failed"
            assert "is encrypted; " in library.job(job.id).reason
            assert library.job(job.id).needs_password
        assert library.job(bare.id).reason == "bare.pdf is encrypted; give its password."
        assert library.job(elsewhere.id).reason == (
            "elsewhere.pdf is encrypted; the password that came with it is known only to the server that it was given "
            "to; to the one that works on the uploads, give its password."
        )
        library.retry(bare.id, password="wrong")
        library.worker.run_until_idle()
        assert "is encrypted" in library.job(bare.id).reason
        assert library.retry(bare.id).reason is None
        library.retry(elsewhere.id, password="xylophone-4711")
        library.worker.run_until_idle()
        assert library.job(elsewhere.id).state == "ready"
        written = [path.read_bytes() for path in (tmp_path / "library").rglob("*") if path.is_file()]
    assert not [data for data in written if b"xylophone" in data]
    assert "xylophone" not in caplog.text


def test_a_password_for_a_call_that_waits(shelf, write, folder):
    write.encrypted_pdf(folder / "locked.pdf", "key")
    assert shelf.ingest([folder])[0].state == "failed"
    assert shelf.ingest([folder], password="key")[0].state == "ready"
    assert shelf.search("secret")[0].page == 1


@pytest.fixture
def archive():
    pytest.importorskip("retrieval.archives")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("a.txt", "First.")
        file.writestr("b/noise.bin", bytes(range(256)))
        file.writestr("../c.txt", "Third.")
        file.writestr("d.txt", "Fourth.")
    return packed.getvalue()


def test_the_files_of_an_archive_are_taken_in_one_by_one(shelf, archive):
    job = shelf.submit(archive, "my.zip", "box")
    shelf.worker.run_until_idle()
    assert shelf.job(job.id).state == "skipped"
    assert shelf.job(job.id).reason == "It was unpacked: of its 4 files, 3 taken in one by one, 1 refused."
    assert [document.name for document in shelf.documents("box")] == ["my.zip/a.txt", "my.zip/d.txt"]
    assert {each.name: each.state for each in shelf.jobs("box") if each.id != job.id} == {
        **{"my.zip/b/noise.bin": "failed", "my.zip/../c.txt": "failed"}
    }
    assert len(kept(shelf)) == 1  # the bytes of what failed and may be tried again
    shelf.remove("my.zip/b/noise.bin")
    assert kept(shelf) == set()


def test_an_archive_that_was_interrupted_takes_each_of_its_files_in_once(shelf, archive):
    job = shelf.submit(archive, "my.zip")
    claimed = shelf._queue.jobs.claim()
    path, order = shelf._queue.begin(claimed)
    shelf.worker._unpacked(claimed, path, order)  # killed after this
    half = {each.name for each in shelf.jobs()}
    shelf.worker.run_until_idle()
    assert {each.name for each in shelf.jobs()} | {document.name for document in shelf.documents()} == half
    assert [each.state for each in shelf.jobs()] == ["skipped", "failed", "failed"]
    assert shelf.job(job.id).reason.endswith("of its 4 files, 3 taken in one by one, 1 refused.")


def test_what_a_killed_worker_was_at_waits_for_the_next(shelf, open_tiny):
    job = shelf.submit(b"Text.", "a.txt")
    shelf._queue.jobs.claim()
    shelf._queue.jobs.advance(job.id, "embedding", 0.5)
    assert [(each.state, each.share) for each in shelf.jobs()] == [("queued", 0.0)]
    with open_tiny() as other, other.worker._locked():
        assert [(each.state, each.share) for each in shelf.jobs()] == [("embedding", 0.5)]


def test_an_archive_that_is_cancelled_leaves_none_of_its_files(shelf, archive):
    job = shelf.submit(archive, "my.zip")
    submit = shelf._queue.submit

    def submit_and_cancel(*arguments):
        shelf.cancel(job.id)
        return submit(*arguments)

    shelf._queue.submit = submit_and_cancel
    shelf.worker.run_until_idle()
    assert [each.state for each in shelf.jobs()] == ["cancelled"]
    assert (shelf.documents(), kept(shelf)) == ([], set())


def test_leftovers_of_killed_submissions_are_removed_but_nothing_that_is_being_submitted(open_tiny, tmp_path):
    incoming = tmp_path / "library" / "incoming"
    with open_tiny() as library:
        job = library.submit(b"Text.", "a.txt")
        (incoming / "left").mkdir()
        (incoming / "left" / "x.txt").write_bytes(b"half")
        with library._queue._incoming.receiving(), open_tiny():
            assert kept(library) == {job.id, "left"}
        with open_tiny():
            assert kept(library) == {job.id}


class Broken(io.BytesIO):
    def read(self, *_):
        raise OSError(5, "Input/output error")


def test_bytes_that_cannot_be_read_leave_nothing(shelf):
    with pytest.raises(LibraryError, match="Input/output error"):
        shelf.submit(Broken(), "a.txt")
    assert (shelf.jobs(), kept(shelf)) == ([], set())


def test_a_fault_of_the_program_is_told_and_logged_and_the_next_gets_its_turn(open_tiny, tiny, caplog):
    def fail(texts):
        if "first" in texts[0]:
            raise ZeroDivisionError

    tiny.watch = fail
    with open_tiny(tiny) as library:
        jobs = [library.submit(b"The first.", "a.txt"), library.submit(b"The second.", "b.txt")]
        library.worker.run_until_idle()
        assert [library.job(job.id).state for job in jobs] == ["failed", "ready"]
        assert library.job(jobs[0].id).reason.startswith("a fault of the program kept a.txt out")
    assert "ZeroDivisionError" in caplog.text


def test_only_one_worker_and_the_second_is_told(open_tiny):
    with open_tiny() as one, open_tiny() as two:
        one.worker.start()
        with pytest.raises(LibraryError, match=r"another program \(process \d+\) already works on the uploads of"):
            two.worker.start()
        two.worker.stand_by()
        one.worker.stop()
        job = two.submit(b"Text.", "a.txt")
        wait_for(lambda: two.job(job.id).ended)
        assert isinstance(one, Library)
        assert one.job(job.id).state == "ready"

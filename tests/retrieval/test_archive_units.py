"""An archive is one thing: it is removed as a whole, and its new version takes the place of the one before."""

import io
import tarfile
import zipfile
from email.message import EmailMessage

import pytest

from retrieval.errors import LibraryError
from retrieval.extract import Limits
from retrieval.types import Archive, Document


def zipped(**files):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in files.items():
            archive.writestr(name.replace("_", "."), data)
    return packed.getvalue()


@pytest.fixture(params=["command line", "queue"])
def give(request, shelf, folder):
    """A function that takes a file in, in one of both ways."""

    def by_command(name, data, collection="default"):
        (folder / name).write_bytes(data)
        return shelf.ingest([folder / name], collection=collection)

    def by_queue(name, data, collection="default"):
        job = shelf.submit(data, name, collection)
        shelf.worker.run_until_idle()
        return job

    return by_command if request.param == "command line" else by_queue


def names(library, collection="default"):
    return {document.name: library.text(document.id) for document in library.documents(collection)}


def test_an_archive_is_removed_by_its_name(give, shelf, everywhere):
    give("pk.zip", zipped(a_txt="Heron.", b_txt="Stork.", bad_bin=b"\0\1\2\3"))
    give("pk.zip", zipped(a_txt="Egret."), "other")
    give("pk.zip2", b"Crane.")
    removed = shelf.remove("pk.zip", collection="default")
    assert isinstance(removed, Archive)
    assert [document.name for document in removed.documents] == ["pk.zip/a.txt", "pk.zip/b.txt"]
    assert names(shelf) == {"pk.zip2": "Crane."}
    assert names(shelf, "other") == {"pk.zip/a.txt": "Egret."}
    assert everywhere(shelf) == (2, 2, 2)
    assert shelf.jobs("default") == []
    assert [hit.document for hit in shelf.search("heron stork", k=10)] == ["pk.zip2"]
    with pytest.raises(LibraryError, match=r"there is no document called pk\.zip; did you mean pk\.zip2"):
        shelf.remove("pk.zip", collection="default")


def test_an_archive_in_several_collections_must_be_told_apart(give, shelf):
    for collection in ("one", "two"):
        give("pk.zip", zipped(a_txt="Heron."), collection)
    with pytest.raises(LibraryError, match=r"pk\.zip is in several collections \(one, two\)"):
        shelf.remove("pk.zip")


def test_an_archive_is_removed_by_the_id_of_its_upload(shelf, everywhere):
    job = shelf.submit(zipped(a_txt="Heron.", b_txt="Stork."), "pk.zip")
    shelf.worker.run_until_idle()
    assert len(shelf.remove(job.id).documents) == 2
    assert everywhere(shelf) == (0, 0, 0)
    assert shelf.job(job.id) is None


def test_an_archive_whose_members_wait_is_removed_with_them(shelf):
    job = shelf.submit(zipped(a_txt="Heron.", b_txt="Stork."), "pk.zip")
    claimed = shelf._queue.jobs.claim()
    shelf.worker._work(claimed)
    shelf.worker._next()
    assert list(names(shelf)) == ["pk.zip/a.txt"]
    shelf.remove(job.id)
    shelf.worker.run_until_idle()
    assert names(shelf) == {}


def test_what_was_given_apart_too_stays_under_that_name(give, shelf, everywhere):
    give("pk.zip", zipped(a_txt="Heron.", b_txt="Stork."))
    give("own.txt", b"Heron.")
    give("first.txt", b"Crane.")
    give("more.zip", zipped(c_txt="Crane."))
    removed = shelf.remove("pk.zip")
    assert [document.name for document in removed.documents] == ["pk.zip/b.txt"]
    assert [(document.name, document.aliases) for document in removed.kept] == [("own.txt", ())]
    assert [document.name for document in shelf.remove("more.zip").kept] == ["first.txt"]
    assert {document.name: document.aliases for document in shelf.documents()} == {"own.txt": (), "first.txt": ()}
    assert [hit.document for hit in shelf.search("own", leg="sparse")] == ["own.txt"]
    assert everywhere(shelf) == (2, 2, 2)


def test_a_mail_goes_with_its_attachments(give, shelf):
    mail = EmailMessage()
    mail["Subject"] = "Plans"
    mail.set_content("See the plan.")
    give("m.eml", mail.as_bytes())
    assert isinstance(shelf.remove("m.eml"), Document)
    mail.add_attachment("The plan.", filename="plan.txt")
    give("m.eml", mail.as_bytes())
    assert set(names(shelf)) == {"m.eml", "m.eml/plan.txt"}
    assert len(shelf.remove("m.eml").documents) == 2
    assert names(shelf) == {}


def test_a_file_of_a_folder_that_is_called_like_an_archive_is_none_of_its_members(shelf, folder, tmp_path):
    (folder / "pk.zip").mkdir()
    (folder / "pk.zip" / "own.txt").write_text("Crane.")
    shelf.ingest([folder])
    (tmp_path / "pk.zip").write_bytes(zipped(a_txt="Heron."))
    shelf.ingest([tmp_path / "pk.zip"])
    (tmp_path / "pk.zip").write_bytes(zipped(b_txt="Stork."))
    shelf.ingest([tmp_path / "pk.zip"])
    assert set(names(shelf)) == {"pk.zip/own.txt", "pk.zip/b.txt"}
    shelf.remove("pk.zip")
    assert set(names(shelf)) == {"pk.zip/own.txt"}


def test_a_new_version_takes_the_place_of_the_one_before(give, shelf, everywhere):
    give("pk.zip", zipped(a_txt="Heron.", b_txt="Stork.", c_txt="Crane."))
    give("pk.zipper.zip", zipped(a_txt="Wren."))
    give("pk.zip", zipped(a_txt="Other."), "other")
    old = {document.name: document.id for document in shelf.documents("default")}
    give("pk.zip", zipped(a_txt="Egret.", c_txt="Crane.", d_txt="Stilt."))
    assert names(shelf) == {
        **{"pk.zip/a.txt": "Egret.", "pk.zip/c.txt": "Crane.", "pk.zip/d.txt": "Stilt."},
        "pk.zipper.zip/a.txt": "Wren.",
    }
    assert names(shelf, "other") == {"pk.zip/a.txt": "Other."}
    assert everywhere(shelf) == (5, 5, 5)
    retired = old["pk.zip/b.txt"]
    assert (shelf.text(retired), bool(shelf.document(retired).retired_at)) == ("Stork.", True)
    shelf.remove("pk.zip", collection="default")
    assert shelf.document(retired) is None  # What is removed is gone with all that was before it.
    assert everywhere(shelf) == (2, 2, 2)


def test_the_same_bytes_again_change_nothing(give, shelf):
    data = zipped(a_txt="Heron.", b_txt="Stork.")
    give("pk.zip", data)
    before = shelf.documents()
    give("pk.zip", data)
    assert shelf.documents() == before


def test_a_member_that_only_got_another_name_is_the_same_document(give, shelf):
    give("pk.zip", zipped(a_txt="Heron."))
    (before,) = shelf.documents()
    give("pk.zip", zipped(b_txt="Heron."))
    (after,) = shelf.documents()
    assert (after.name, after.id, after.aliases) == ("pk.zip/b.txt", before.id, ())


@pytest.mark.parametrize("data", [b"PK\3\4 and no more", b"\0\1\2", zipped()])
def test_an_archive_that_cannot_be_read_replaces_nothing(give, shelf, data):
    give("pk.zip", zipped(a_txt="Heron.", b_txt="Stork."))
    give("pk.zip", data)
    assert names(shelf) == {"pk.zip/a.txt": "Heron.", "pk.zip/b.txt": "Stork."}
    assert [job.state for job in shelf.jobs() if job.name == "pk.zip"][-1] == "failed"


def tarred(**files):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, data in files.items():
            item = tarfile.TarInfo(name.replace("_", "."))
            item.size = len(data)
            archive.addfile(item, io.BytesIO(data))
    return packed.getvalue()


def test_an_archive_that_passes_a_limit_on_the_way_replaces_only_what_was_read(open_tiny, folder):
    with open_tiny(limits=Limits(max_members=2)) as library:
        (folder / "pk.tar").write_bytes(tarred(a_txt=b"Heron.", c_txt=b"Crane."))
        library.ingest([folder])
        (folder / "pk.tar").write_bytes(tarred(a_txt=b"Egret.", b_txt=b"Stork.", d_txt=b"Stilt."))
        library.ingest([folder])
        assert names(library) == {"pk.tar/a.txt": "Egret.", "pk.tar/b.txt": "Stork.", "pk.tar/c.txt": "Crane."}


def test_a_member_that_cannot_be_read_keeps_its_version_of_before(give, shelf):
    inner = zipped(deep_txt="Crane.")
    give("pk.zip", zipped(a_txt="Heron.", b_txt="Stork.", in_zip=inner))
    give("pk.zip", zipped(a_txt="", b_txt=b"\0\1\2", in_zip=inner[:40]))
    assert names(shelf) == {"pk.zip/a.txt": "Heron.", "pk.zip/b.txt": "Stork.", "pk.zip/in.zip/deep.txt": "Crane."}
    reasons = {job.name: job.reason for job in shelf.jobs() if job.state == "failed"}
    assert reasons["pk.zip/a.txt"].endswith(" Its earlier version stays.")
    assert reasons["pk.zip/b.txt"].endswith(" Its earlier version stays.")


def test_a_mail_that_has_no_attachments_any_more_loses_them_here_too(give, shelf):
    mail = EmailMessage()
    mail.set_content("See the plan.")
    plain = mail.as_bytes()
    mail.add_attachment("The plan.", filename="plan.txt")
    give("m.eml", mail.as_bytes())
    give("m.eml", plain)
    assert list(names(shelf)) == ["m.eml"]


def test_the_old_members_stay_until_all_new_ones_are_in(shelf):
    shelf.submit(zipped(a_txt="Heron.", b_txt="Stork."), "pk.zip")
    shelf.worker.run_until_idle()
    shelf.submit(zipped(c_txt="Crane.", d_txt="Stilt."), "pk.zip")
    seen = []
    while shelf.worker._next():
        seen.append(sorted(name.removeprefix("pk.zip/") for name in names(shelf)))
    assert seen == [["a.txt", "b.txt"], ["a.txt", "b.txt", "c.txt"], ["c.txt", "d.txt"]]


def test_a_version_that_was_waiting_is_overtaken_by_the_next(shelf):
    shelf.submit(zipped(a_txt="Heron.", b_txt="Stork."), "pk.zip")
    shelf.submit(zipped(a_txt="Egret."), "pk.zip")
    shelf.worker.run_until_idle()
    assert names(shelf) == {"pk.zip/a.txt": "Egret."}


def test_members_that_moved_to_another_collection_stay_there(give, shelf):
    give("pk.zip", zipped(a_txt="Heron.", b_txt="Stork."))
    shelf.move("pk.zip/b.txt", "kept")
    give("pk.zip", zipped(a_txt="Egret."))
    assert names(shelf, "kept") == {"pk.zip/b.txt": "Stork."}
    assert len(shelf.remove("pk.zip", collection="kept").documents) == 1

"""What a file given to the library holds: itself, or the members of an archive, unpacked in a process of its own."""

import gzip
import io
import threading
import zipfile

import pytest

from retrieval.contents import Content, Refused, contents
from retrieval.errors import Cancelled
from retrieval.files import Source
from retrieval.limits import Limits


@pytest.fixture
def archive(folder):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("a.txt", "First.")
        file.writestr("../b.txt", "Second.")
        file.writestr("c/d.html", "<p>Third.")
    path = folder / "a.zip"
    path.write_bytes(packed.getvalue())
    return Source(path, "my/a.zip")


def test_contents_of_an_archive_come_one_by_one(archive):
    found = list(contents(archive, Limits()))
    assert [item.name for item in found] == ["my/a.zip/a.txt", "my/a.zip/../b.txt", "my/a.zip/c/d.html"]
    assert [type(item) for item in found] == [Content, Refused, Content]
    assert (found[0].data, found[2].path.name) == (b"First.", "d.html")


def test_contents_of_any_other_file_are_itself(folder):
    path = folder / "x.txt"
    path.write_text("Words.")
    assert list(contents(Source(path, "n.txt"), Limits())) == [Content("n.txt", path, b"Words.")]
    (refused,) = contents(Source(folder / "none.txt", "none.txt"), Limits())
    assert (refused.name, refused.reason) == ("none.txt", "none.txt does not exist; check the path.")


def test_unpacking_is_cancelled_limited_and_ended_with_the_iteration(archive):
    cancel = threading.Event()
    found = contents(archive, Limits(), cancel=cancel)
    next(found)
    cancel.set()
    with pytest.raises(Cancelled):
        list(found)
    found = contents(archive, Limits())
    next(found)
    found.close()
    archive.path.with_suffix(".gz").write_bytes(gzip.compress(bytes(90_000_000)))
    slow = Source(archive.path.with_suffix(".gz"), "a.gz")
    (refused,) = contents(slow, Limits(max_seconds=0.05, max_expansion=1e6))
    assert refused.reason == "a.gz takes longer than 0.05 seconds to read; split it and add the parts."

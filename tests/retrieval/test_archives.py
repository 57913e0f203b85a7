"""Members of archives: each by name, in order, under limits, whatever the archive says of itself."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from email.message import EmailMessage

import pytest

from retrieval.archives import Member, Refused, members
from retrieval.limits import Limits

ZIP, TAR, GZIP = "application/zip", "application/x-tar", "application/gzip"


def zipped(files, method=zipfile.ZIP_DEFLATED):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return packed.getvalue()


def tarred(files, mode="w"):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode) as archive:
        for name, data in files.items():
            item = tarfile.TarInfo(name)
            item.size = len(data)
            archive.addfile(item, io.BytesIO(data))
    return packed.getvalue()


def read(data, kind=ZIP, name="a.zip", limits=None, password=None):
    """What is found, as texts by name; a refusal begins with an exclamation mark."""
    found = list(members(data, name, limits or Limits(), kind, password))
    names = [member.name for member in found]
    assert len(set(names)) == len(names), names
    for member in found:
        if isinstance(member, Refused):
            assert member.reason.endswith(".")
            assert "\n" not in member.reason
    return {
        member.name: member.data.decode("latin-1") if isinstance(member, Member) else "!" + member.reason
        for member in found
    }


FILES = {"one.txt": b"First.", "inner/two.txt": b"Second.", "inner/deep/three.txt": b"Third."}
EXPECTED = {"a.zip/one.txt": "First.", "a.zip/inner/two.txt": "Second.", "a.zip/inner/deep/three.txt": "Third."}


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_zip(method):
    assert read(zipped(FILES, method)) == EXPECTED


@pytest.mark.parametrize(
    ("mode", "kind"),
    [("w", TAR), ("w:gz", GZIP), ("w:bz2", "application/x-bzip2"), ("w:xz", "application/x-xz")],
)
def test_tar(mode, kind):
    assert read(tarred(FILES, mode), kind) == EXPECTED


@pytest.mark.parametrize(
    ("pack", "kind", "name", "inner"),
    [
        (gzip.compress, GZIP, "notes.txt.gz", "notes.txt"),
        (bz2.compress, "application/x-bzip2", "notes.md.BZ2", "notes.md"),
        (lzma.compress, "application/x-xz", "notes", "notes"),
    ],
)
def test_a_single_file_compressed(pack, kind, name, inner):
    assert read(pack(b"Some words."), kind, name) == {f"{name}/{inner}": "Some words."}


def test_archives_in_archives():
    inner = zipped({"b.txt": b"Inner."})
    outer = tarred({"x/in.zip": inner, "c.txt.gz": gzip.compress(b"Third.")}, "w:gz")
    assert read(outer, GZIP, "o.tgz") == {
        "o.tgz/x/in.zip/b.txt": "Inner.",
        "o.tgz/c.txt.gz/c.txt": "Third.",
    }


def test_an_office_file_is_a_document_not_an_archive(folder, write):
    docx = write.docx(folder / "a.docx", "Words.").read_bytes()
    assert list(members(zipped({"a.docx": docx}), "z.zip", Limits(), ZIP)) == [Member("z.zip/a.docx", docx)]


def test_a_mail_and_its_attachments():
    mail = EmailMessage()
    mail["Subject"] = "Plans"
    mail.set_content("See the plan.")
    mail.add_attachment("The plan.", filename="plan.txt")
    mail.add_attachment(zipped({"in.txt": b"Inside."}), maintype="application", subtype="zip", filename="x.zip")
    mail.add_attachment(b"logo", maintype="image", subtype="png", filename="logo.png", disposition="inline")
    forwarded = EmailMessage()
    forwarded.set_content("An older mail.")
    mail.add_attachment(forwarded)
    data = mail.as_bytes()
    found = read(data, "message/rfc822", "m.eml")
    assert list(found) == ["m.eml", "m.eml/plan.txt", "m.eml/x.zip/in.txt", "m.eml/attachment 4.eml"]
    assert found["m.eml"] == data.decode("latin-1")
    assert found["m.eml/plan.txt"] == "The plan.\n"
    assert found["m.eml/x.zip/in.txt"] == "Inside."
    assert "An older mail." in found["m.eml/attachment 4.eml"]


@pytest.mark.parametrize(
    "path", ["../up.txt", "a/../../up.txt", "/etc/x.txt", "C:/x.txt", "c:x.txt", "..\\up.txt", "\\\\server\\x.txt"]
)
@pytest.mark.parametrize(("pack", "kind"), [(zipped, ZIP), (tarred, TAR)])
def test_no_path_leads_out(path, pack, kind):
    found = read(pack({path: b"Bad.", "good.txt": b"Good."}), kind)
    bad, good = found.values()
    assert "leads out of the archive" in bad
    assert good == "Good."


@pytest.mark.parametrize("path", ["", ".", "./.", " ", "\u200b"])
def test_a_member_without_a_name_is_refused_for_its_path(path):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        item = zipfile.ZipInfo("x")
        item.filename = path
        with archive.open(item, "w") as member:
            member.write(b"Bad.")
        archive.writestr("good.txt", b"Good.")
    assert read(packed.getvalue()) == {
        "a.zip/": "!a.zip/ has a path that ends without a name; it was not unpacked.",
        "a.zip/good.txt": "Good.",
    }


def test_links_and_devices_are_refused_by_name():
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, kind in (
            ("l", tarfile.SYMTYPE),
            ("h", tarfile.LNKTYPE),
            ("d", tarfile.CHRTYPE),
            ("f", tarfile.FIFOTYPE),
        ):
            item = tarfile.TarInfo(name)
            item.type, item.linkname = kind, "/etc/passwd"
            archive.addfile(item)
    found = read(packed.getvalue(), TAR)
    assert ["is a link" in reason for reason in found.values()] == [True, True, False, False]
    assert ["is a device" in reason for reason in found.values()] == [False, False, True, True]

    item = zipfile.ZipInfo("link.txt")
    item.external_attr = 0o120777 << 16
    assert "is a link" in read(zipped({item: b"/etc/passwd"}))["a.zip/link.txt"]


def test_hidden_members_and_folders_are_passed_over():
    files = {".git/config": b"x", "__MACOSX/._a.txt": b"x", ".DS_Store": b"x", "a/": b"", "./a.txt": b"Words."}
    assert read(zipped(files)) == {"a.zip/a.txt": "Words."}


def test_an_archive_without_files_says_so():
    assert "holds no files" in read(zipped({}))["a.zip"]


def test_empty_and_twice_named_members():
    data = zipped({"e.txt": b"", "x.txt": b"One.", "y.txt": b"Two."}).replace(b"y.txt", b"x.txt")
    found = list(members(data, "a.zip", Limits(), ZIP))
    assert [type(member) for member in found] == [Refused, Member, Refused]
    assert "is empty" in found[0].reason
    assert "twice" in found[2].reason


def test_long_names_keep_their_end_and_stay_apart():
    names = [f"{'long ' * 60}\n\x07/{number}.txt" for number in range(3)]
    found = read(zipped(dict.fromkeys(names, b"x")))
    assert [name[-6:] for name in found] == ["/0.txt", "/1.txt", "/2.txt"]
    assert all(len(name) <= 200 and name.startswith("a.zip/") and name.isprintable() for name in found)


def test_names_that_differ_in_case_are_two_and_in_unicode_form_one():
    assert list(read(zipped({"A.txt": b"1", "a.txt": b"2"}))) == ["a.zip/A.txt", "a.zip/a.txt"]
    found = list(members(zipped({"e\u0301.txt": b"1", "\xe9.txt": b"2"}), "a.zip", Limits(), ZIP))
    assert isinstance(found[0], Member)
    assert isinstance(found[1], Refused)
    assert found[0].name == found[1].name == "a.zip/\xe9.txt"


def test_names_in_utf8_that_do_not_say_so():
    data = zipped({"n\xe4me.txt": b"x"}).replace(b"\x00\x08", b"\x00\x00")  # the flag of UTF-8
    assert list(read(data)) == ["a.zip/n\xe4me.txt"]

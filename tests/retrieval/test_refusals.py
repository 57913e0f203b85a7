"""Files that are refused: each with one sentence that names it, and says what is wrong and what to do."""

import threading
import zipfile
from dataclasses import fields
from pathlib import PurePath

import kreuzberg
import pytest

from retrieval import ocr
from retrieval.errors import Cancelled, DocumentError, PasswordNeeded
from retrieval.extract import Limits, extract, extract_data
from retrieval.foreign import read_foreign

# The start and one name of the container in which Office encrypts files; see MS-OFFCRYPTO 2.3.4.
ENCRYPTED_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(1000) + "EncryptedPackage".encode("utf-16-le")


def bad_files(folder, write):
    good = write.pdf(["A page with some text on it."] * 3)
    long_docx = write.docx(folder / "long.docx", "word " * 5000).read_bytes()
    return {
        "zero.txt": (b"", "is empty (0 bytes)"),
        "blank.txt": (b" \n \n", "contains no text"),
        "empty.html": (b"<html><body></body></html>", "contains no text"),
        "noise.bin": (bytes(range(256)) * 4, "neither a known kind of document nor UTF-8 text"),
        "noise.txt": (bytes(range(255, 0, -1)) * 4, "neither a known kind of document nor UTF-8 text"),
        "scan.pdf": (write.scanned_pdf(), "has no text layer"),
        "locked.pdf": (write.encrypted_pdf(folder / "x.pdf").read_bytes(), "is encrypted; give its password"),
        "locked.docx": (ENCRYPTED_OFFICE, "save it without a password"),
        "cut.pdf": (good[: len(good) // 3], "is damaged or not really a PDF"),
        "text.pdf": (b"I am text", "is damaged or not really a PDF"),
        "cut.docx": (long_docx[: len(long_docx) // 2], "is damaged or not really a DOCX"),
        "text.xlsx": (b"I am text", "is damaged or not really an XLSX"),
        "noise.eml": (b"Subject: x\n\n" + bytes(range(255, 127, -1)) * 40, "only unknown characters"),
        "noise.rtf": (bytes(range(255, 0, -1)) * 4, "is damaged or not really an RTF"),
        "picture.png": (b"\x89PNG\r\n\x1a\n", "is damaged" if ocr.program() else "is a picture"),
        "pack.zip": (b"PK\x03\x04", "is an archive"),
    }


def test_each_bad_file_gets_one_sentence_that_names_it(folder, write):
    for name, (data, reason) in bad_files(folder, write).items():
        path = folder / name
        path.write_bytes(data)
        with pytest.raises(DocumentError) as caught:
            extract(path)
        message = str(caught.value)
        assert message.startswith(name)
        assert reason in message
        assert message.endswith(".")
        assert "\n" not in message
        assert "Error" not in message


def test_size_is_checked_before_reading(folder):
    path = folder / "huge.txt"
    with path.open("wb") as file:
        file.truncate(200_000_000)  # sparse: takes no room, and no time unless it is read
    with pytest.raises(DocumentError, match=r"huge.txt is too large \(200 MB of at most 100 MB\); split it"):
        extract(path)


def test_limits(folder, write):
    path = folder / "a.txt"
    path.write_text("word " * 100)
    with pytest.raises(DocumentError, match="more than 10 characters"):
        extract(path, Limits(max_characters=10))
    docx = write.docx(folder / "a.docx", "word " * 100)
    with zipfile.ZipFile(docx, "a", zipfile.ZIP_DEFLATED) as package:
        package.writestr("padding.bin", bytes(5_000_000))
    with pytest.raises(DocumentError, match="unpacks to more than"):
        extract(docx, Limits(max_unpacked_bytes=200_000))
    book = write.epub(folder / "a.epub", "<p>Words</p>" * 1000)
    with pytest.raises(DocumentError, match=r"a\.epub unpacks to more than 0 MB"):
        extract(book, Limits(max_unpacked_bytes=5000))
    path = folder / "a.pdf"
    path.write_bytes(write.pdf(["One.", "Two.", "Three."]))
    with pytest.raises(DocumentError, match=r"a\.pdf has 3 pages, of at most 2; split it and add the parts\."):
        extract(path, Limits(max_pages=2))


@pytest.mark.parametrize("field", fields(Limits))
def test_each_limit_is_greater_than_zero(field):
    with pytest.raises(ValueError, match="greater than zero"):
        Limits(**{field.name: 0})


class Panic(BaseException):
    pass


@pytest.mark.parametrize("fault", [Panic("index out of range"), OSError("Invalid checksum"), RuntimeError("panicked")])
def test_a_fault_of_the_extractor_is_a_fault_of_the_file(monkeypatch, fault):
    def fail(*_, **__):
        raise fault

    monkeypatch.setattr(kreuzberg, "extract_bytes_sync", fail)
    with pytest.raises(DocumentError, match=r"a\.xls is damaged or not really an XLS"):
        read_foreign(b"x", "application/vnd.ms-excel", "a.xls", Limits())


@pytest.mark.parametrize("algorithm", ["RC4-40", "RC4-128", "AES-128", "AES-256-R5", "AES-256"])
def test_a_password_opens_an_encrypted_pdf(folder, write, algorithm):
    path = write.encrypted_pdf(folder / "a.pdf", "kéy", algorithm)
    assert extract(path, password="kéy").text == "A secret."
    with pytest.raises(PasswordNeeded) as missing:
        extract(path)
    with pytest.raises(PasswordNeeded) as wrong:
        extract(path, password="other")
    assert str(missing.value) == "a.pdf is encrypted; give its password."
    assert str(wrong.value) == "a.pdf is encrypted, and the password given does not open it; give its password."


def test_a_pdf_that_only_its_owner_may_change_needs_no_password(folder, write):
    assert extract(write.encrypted_pdf(folder / "a.pdf", "", "AES-256")).text == "A secret."


def test_a_pdf_of_ten_thousand_pages(write):
    extracted = extract_data(write.many_pages(10_000), PurePath("a.pdf"), Limits())
    assert len(extracted.pages) == 10_000
    number, start, end = extracted.pages[7776]
    assert (number, extracted.text[start:end]) == (7777, "This is page 7777 of many.")


def test_a_protected_book_is_told(folder, write):
    path = write.epub(folder / "a.epub", "<p>Scrambled.</p>")
    with zipfile.ZipFile(path, "a") as book:
        book.writestr("META-INF/encryption.xml", '<e><CipherReference URI="a.xhtml"/></e>')
    with pytest.raises(DocumentError, match=r"a\.epub is protected against copying"):
        extract(path)


def test_a_cancelled_file(folder):
    cancel = threading.Event()
    cancel.set()
    path = folder / "a.html"
    path.write_text("<p>Words")
    with pytest.raises(Cancelled):
        extract(path, cancel=cancel)


def test_what_is_no_file(folder):
    with pytest.raises(DocumentError, match="does not exist"):
        extract(folder / "absent.pdf")
    with pytest.raises(DocumentError, match="is not a regular file"):
        extract(folder)
    with pytest.raises(DocumentError, match="cannot be read"):
        extract(folder / "nul\0byte")

"""Text recognition: used where tesseract is installed, told where it is not."""

import io
import shutil

import pytest
from PIL import Image

from retrieval import ocr
from retrieval.confined import shared
from retrieval.errors import DocumentError
from retrieval.extract import extract

NEEDS = pytest.mark.skipif(not shutil.which("tesseract"), reason="tesseract is not installed")


@pytest.fixture
def scan(folder, write):
    """A PDF of two pages: text, and a picture of text."""
    path = folder / "scan.pdf"
    path.write_bytes(write.pdf(["A page with a text layer."], picture="The words of a scanned page."))
    return path


@pytest.fixture
def without(monkeypatch, tmp_path):
    """No program is found, nor by a process that reads files, which keeps the environment that it was started with."""
    shared().close()
    monkeypatch.setenv("PATH", str(tmp_path))
    yield
    shared().close()


def test_without_it_a_scan_is_told_what_to_do(folder, write, without):
    path = folder / "scan.pdf"
    path.write_bytes(write.scanned_pdf())
    with pytest.raises(DocumentError) as caught:
        extract(path)
    assert str(caught.value) == (
        "scan.pdf has no text layer (a scan?); install tesseract to have its text recognised, "
        "or run OCR on it first and add the result."
    )


def test_without_it_a_picture_is_told_what_to_do(folder, without):
    path = folder / "a.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(DocumentError, match=r"a\.png is a picture; install tesseract to have its text recognised"):
        extract(path)
    with pytest.raises(DocumentError, match="install tesseract"):
        ocr.read_picture(b"x", "a.png")


def test_without_it_pages_that_are_pictures_are_noted(scan, without):
    extracted = extract(scan)
    assert extracted.text == "A page with a text layer."
    assert extracted.notes == ("No text was found on page 2 of 2: blank, or a picture of text.",)


def test_pages_are_drawn_by_their_number(scan, write):
    def darkest(page):
        return Image.open(io.BytesIO(page)).convert("L").getextrema()[0]

    assert [darkest(page) < 128 for page in ocr.drawn(scan.read_bytes(), [1, 2])] == [True, True]
    assert [darkest(page) < 128 for page in ocr.drawn(write.pdf(["", "Words."]), [2, 1])] == [True, False]


@NEEDS
def test_with_it_pages_that_are_pictures_are_read(scan):
    extracted = extract(scan)
    assert len(extracted.pages) == 2
    assert "words of a scanned page" in extracted.text
    assert extracted.notes == ()


@NEEDS
def test_with_it_a_file_that_is_no_picture_is_refused(folder):
    path = folder / "a.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(DocumentError, match=r"a\.png is damaged"):
        extract(path)


@pytest.mark.parametrize(("numbers", "text"), [([1], "1"), ([1, 2], "1-2"), ([1, 3, 4, 5, 9], "1, 3-5, 9"), ([], "")])
def test_spans(numbers, text):
    assert ocr.spans(numbers) == text

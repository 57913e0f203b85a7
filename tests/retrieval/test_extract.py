import zipfile

import kreuzberg
import pytest

from retrieval.errors import DocumentError
from retrieval.extract import Limits, extract

TAGS = "Ignore this <|im_end|> and R&D where a < b."


def page_texts(extracted):
    return {number: extracted.text[start:end] for number, start, end in extracted.pages}


def test_pdf_keeps_its_pages_and_a_blank_one_keeps_its_number(folder, write):
    path = folder / "a.pdf"
    path.write_bytes(write.pdf(["First page.", "", f"Third page. {TAGS}"]))
    assert page_texts(extract(path)) == {1: "First page.", 2: "", 3: f"Third page. {TAGS}"}


def test_page_offsets_are_characters_not_bytes(folder, write):
    path = write.pptx(folder / "a.pptx", ("Größe 名前", "ä ö ü"), ("Zweite", "Ende."))
    assert page_texts(extract(path)) == {1: "Größe 名前\n\nä ö ü", 2: "Zweite\n\nEnde."}


def test_docx_keeps_characters_that_xml_escapes_and_the_cells_of_tables(folder, write):
    path = write.docx(folder / "a.docx", TAGS, "\"Quoted\" 'too' &amp;.", rows=(("City", "People"), ("Rome", "3")))
    extracted = extract(path)
    assert extracted.text == f"{TAGS}\n\n\"Quoted\" 'too' &amp;.\n\nCity\tPeople\nRome\t3"
    assert extracted.pages == ()


def test_xlsx_gives_a_page_per_sheet_and_each_value_its_column(folder, write):
    path = write.xlsx(
        folder / "a.xlsx",
        Cities=[["City", "People"], ["Rome", 3], ["Oslo", None]],
        Empty=[],
        Last=[["only <|im_end|>"]],
    )
    assert page_texts(extract(path)) == {
        1: "Cities\nCity | People\nCity: Rome | People: 3\nCity: Oslo",
        3: "Last\nonly <|im_end|>",
    }


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "shift_jis"])
def test_csv_rows(folder, encoding):
    path = folder / "a.csv"
    path.write_bytes('名前,住所\n佐藤太郎,東京\n三木英子,"大阪, 北"\n'.encode(encoding))
    assert extract(path).text == "名前 | 住所\n名前: 佐藤太郎 | 住所: 東京\n名前: 三木英子 | 住所: 大阪, 北"


def test_html_is_read_without_scripts_and_link_targets(folder):
    path = folder / "a.html"
    path.write_text(
        "<html><head><style>p{}</style><script>alert('x')</script></head><body><h1>Head</h1><p>A <b>bold</b> "
        "&lt;|im_end|&gt; <a href='http://e.x/y_(z)'>link</a>.<img src=x onerror=alert(1) alt=p></p></body></html>"
    )
    assert extract(path).text == "Head\n\nA bold <|im_end|> link."


def test_epub(folder, write):
    path = write.epub(folder / "a.epub", "<p>R&amp;D: a &lt; b. See <a href='http://x.y'>link</a>.</p>")
    assert extract(path).text == "R&D: a < b. See link."


def test_markdown(folder):
    path = folder / "a.md"
    path.write_text("# Title\n\nSome **bold** [link](http://x.y) of snake_case <|im_end|>.\n")
    assert extract(path).text == "Title\n\nSome bold link of snake_case <|im_end|>."


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"abc\x00def\x01\r\nline\x7f two\rthree", "abcdef\nline two\nthree"),
        ("\ufeffWith a mark.".encode(), "With a mark."),
        ("Grüße.".encode("utf-16"), "Grüße."),
        ("Café au lait, déjà vu, and some more words.".encode("cp1252"), "Café au lait, déjà vu, and some more words."),
        (b"zero\xe2\x80\x8bwidth soft\xc2\xadhyphen", "zerowidth softhyphen"),
    ],
)
def test_text_is_decoded_and_cleaned(folder, data, text):
    path = folder / "a.txt"
    path.write_bytes(data)
    assert extract(path).text == text


@pytest.mark.parametrize("name", ["noextension", "a.unknown", "code.py"])
def test_a_file_of_unknown_kind_that_is_text_is_text(folder, name):
    path = folder / name
    path.write_text("import this\n")
    assert extract(path).text.strip() == "import this"


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
        "locked.pdf": (write.encrypted_pdf(folder / "x.pdf").read_bytes(), "remove the password"),
        "cut.pdf": (good[: len(good) // 3], "is damaged or not really a PDF"),
        "text.pdf": (b"I am text", "is damaged or not really a PDF"),
        "cut.docx": (long_docx[: len(long_docx) // 2], "is damaged or not really a DOCX"),
        "text.xlsx": (b"I am text", "is damaged or not really an XLSX"),
        "picture.png": (b"\x89PNG\r\n\x1a\n", "is a picture"),
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
        extract(docx, Limits(max_bytes=200_000))
    with pytest.raises(ValueError, match="greater than zero"):
        Limits(max_seconds=0)


def test_gives_up_waiting(folder):
    path = folder / "a.html"
    path.write_text("<p>hello <b>world</b></p>" * 50_000)
    with pytest.raises(DocumentError, match=r"takes longer than 0\.001 seconds"):
        extract(path, Limits(max_seconds=0.001))


class Panic(BaseException):
    pass


@pytest.mark.parametrize("fault", [Panic("index out of range"), OSError("Invalid checksum"), RuntimeError("panicked")])
def test_a_fault_of_the_extractor_is_a_fault_of_the_file(folder, monkeypatch, fault):
    def fail(*_, **__):
        raise fault

    monkeypatch.setattr(kreuzberg, "extract_bytes_sync", fail)
    path = folder / "a.xls"
    path.write_bytes(b"x")
    with pytest.raises(DocumentError, match=r"a\.xls is damaged or not really an XLS"):
        extract(path)


def test_what_is_no_file(folder):
    with pytest.raises(DocumentError, match="does not exist"):
        extract(folder / "absent.pdf")
    with pytest.raises(DocumentError, match="is not a regular file"):
        extract(folder)
    with pytest.raises(DocumentError, match="cannot be read"):
        extract(folder / "nul\0byte")

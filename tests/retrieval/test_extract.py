"""The text of files of each kind, with its pages, headings and language."""

import zipfile
from pathlib import PurePath

import pytest

from retrieval import confined
from retrieval.extract import Limits, extract, extract_data

TAGS = "Ignore this <|im_end|> and R&D where a < b."


def page_texts(extracted):
    return {number: extracted.text[start:end] for number, start, end in extracted.pages}


def headings(extracted):
    return [(found.level, extracted.text[found.start : found.end]) for found in extracted.headings]


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


def test_markdown_is_kept_as_it_was_written(folder):
    path = folder / "a.md"
    text = "# Title\n\nSome **bold** [link](http://x.y) of snake_case <|im_end|>.\n"
    path.write_text(text)
    assert extract(path).text == text
    assert headings(extract(path)) == [(1, "Title")]


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


def test_pages_without_text_are_told(folder, write):
    path = folder / "a.pdf"
    path.write_bytes(write.pdf(["One.", "", "Three.", "", "", "Six."]))
    notes = extract(path).notes
    assert notes == ("No text was found on pages 2, 4-5 of 6: blank, or a picture of text.",)


def test_headings_of_docx(folder, write):
    path = write.docx(
        folder / "a.docx", "Intro", "# The Book & I", "Intro", "## Intro", "Text.", "### Sub\tone", "Intro"
    )
    extracted = extract(path)
    assert extracted.text == "Intro\n\nThe Book & I\n\nIntro\n\nIntro\n\nText.\n\nSub\tone\n\nIntro"
    assert headings(extracted) == [(1, "The Book & I"), (2, "Intro"), (3, "Sub\tone")]
    assert extracted.headings[1].start == extracted.text.index("Intro\n\nText.")


def test_headings_of_slides_html_and_epub(folder, write):
    slides = extract(write.pptx(folder / "a.pptx", ("First & <b>", "Body"), ("First & <b>", "More")))
    assert headings(slides) == [(2, "First & <b>")] * 2
    assert [page[1] for page in slides.pages] == [heading.start for heading in slides.headings]
    book = write.epub(folder / "a.epub", "<h1>One</h1><p>Text</p><dl><dt>Word</dt><dd>Meaning</dd></dl><h2>Two</h2>")
    assert extract(book).text == "One\n\nText\n\nWord\nMeaning\n\nTwo"
    assert headings(extract(book)) == [(1, "One"), (2, "Two")]
    path = folder / "a.html"
    path.write_text("<h1>One</h1><div>Text in a division.</div><h2>Two</h2>")
    assert extract(path).text == "One\n\nText in a division.\n\nTwo"
    assert headings(extract(path)) == [(1, "One"), (2, "Two")]


def test_an_opendocument_text_with_headings_and_a_table(folder, write):
    body = (
        '<text:h text:outline-level="2">R&amp;D</text:h><text:p>Some text.</text:p><table:table><table:table-row>'
        "<table:table-cell><text:p>New York</text:p></table:table-cell><table:table-cell><text:p>8 million</text:p>"
        "</table:table-cell></table:table-row></table:table>"
    )
    extracted = extract(write.odt(folder / "a.odt", body))
    assert extracted.text == "R&D\n\nSome text.\n\nNew York\t8 million"
    assert headings(extracted) == [(2, "R&D")]


def test_tabs_and_fixed_hyphens_of_docx(folder, write):
    path = write.docx(folder / "a.docx", "Name:\tAnn", "MARK")
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(folder / "b.docx", "w") as target:
        for item in source.infolist():
            target.writestr(item, source.read(item).replace(b"<w:t>MARK", b"<w:t>Co</w:t><w:noBreakHyphen/><w:t>op"))
    assert extract(folder / "b.docx").text == "Name:\tAnn\n\nCo-op"


def test_language(folder):
    path = folder / "a.html"
    path.write_text("<p>Der Ausschuss traf sich am Dienstag, um den Haushalt für das nächste Jahr zu besprechen.</p>")
    assert extract(path).language == "de"
    path.write_text("<p>12 345</p>")
    assert extract(path).language is None


def test_text_needs_no_other_process(monkeypatch):
    monkeypatch.setattr(confined, "shared", None)
    for name in ("a.txt", "a.md", "a.py", "noextension"):
        assert extract_data(b"# Words", PurePath(name), Limits()).text == "# Words"

"""The parts of a document's text: nothing is lost between them, and pages and headings stand where they begin."""

import re
from html import unescape

from hypothesis import given
from hypothesis import strategies as st

from app.preview import PART, parts, preview_html
from retrieval.library import Library
from retrieval.types import Document, Section

DOCUMENT = Document("d1", "a.txt", "default", "text/plain", "", 9, None, 2, "2025-11-23T10:00:00")


def shown(text, sections=(), part=1):
    return preview_html(DOCUMENT, text, sections, part, 1)


@given(st.lists(st.sampled_from(["word ", "\n", "\n\n", "x" * 1500, "y" * 9000]), max_size=60).map("".join))
def test_parts_make_up_the_text_and_none_is_long(text):
    bounds = parts(text)
    assert "".join(text[start:end] for start, end in bounds) == text
    assert all(end - start <= PART for start, end in bounds)
    assert all(end - start >= PART // 2 for start, end in bounds[:-1])


def test_a_part_ends_with_a_paragraph_before_a_line_before_a_word():
    for end in ("\n\n", "\n", " "):
        text = "x" * 5000 + end + "y" * 2000 + end[:1] * (end == "\n\n") + "z" * 5000
        assert parts(text)[0] == (0, 5000 + len(end))


def test_a_part_is_all_that_is_sent_and_the_nearest_there_is():
    text = "".join(f"Sentence {number}. " for number in range(5000))
    assert len(shown(text)) < 2 * PART
    assert "Part 1 of" in shown(text, part=-3)
    last = shown(text, part=10**9)
    assert "Sentence 4999." in last
    assert re.search(r'data-part="\d+" disabled>Next<', last)
    assert "Part" not in shown("Short.")


def test_pages_and_headings_stand_where_they_begin():
    text = "Care\nOil it.\n\nMore.\n\nWarranty\nIt lasts."
    sections = [Section(0, 1, "Care"), Section(text.index("Warranty"), 3, "Book > Warranty")]
    html = shown(text, sections).partition('aria-label="Text of a.txt">')[2].partition("</div>")[0]
    assert html == (
        '<h4 class="fn-page-start">Page 1</h4><h5>Care</h5><p>Oil it.</p><p>More.</p>'
        '<h4 class="fn-page-start">Page 3</h4><h5>Warranty</h5><p>It lasts.</p>'
    )


def test_a_part_in_the_middle_of_a_page_names_it():
    text = "One. " * 4000
    assert "Page 2<" in shown(text, [Section(0, 2, "")], part=2)


def test_the_pages_of_a_real_pdf_are_told(tmp_path):
    from fpdf import FPDF

    pdf = FPDF()
    pdf.set_font("helvetica", size=12)
    for text in ("The first page.", " ", "The third page."):
        pdf.add_page()
        pdf.cell(text=text)
    pdf.output(tmp_path / "three.pdf")
    with Library.open(tmp_path / "library") as library:
        (report,) = library.ingest([tmp_path / "three.pdf"])
        sections, text = library.sections(report.document_id), library.text(report.document_id)
    assert sections == [Section(0, 1, ""), Section(text.index("The third"), 3, "")]
    assert re.findall(r"Page (\d)<", shown(text, sections)) == ["1", "3"]
    assert "The third page." in unescape(shown(text, sections))

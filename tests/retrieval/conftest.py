"""Real documents, written here, and the real embedding model, loaded once."""

import io
import zipfile
from pathlib import Path

import docx
import openpyxl
import pypdf
import pytest
from fpdf import FPDF
from pptx import Presentation

from retrieval.embed import Embedder
from retrieval.library import Library


@pytest.fixture(scope="session")
def embedder():
    return Embedder()


@pytest.fixture
def library(tmp_path, embedder):
    with Library.open(tmp_path / "library", embedder) as opened:
        yield opened


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "documents"
    path.mkdir()
    return path


@pytest.fixture(scope="session")
def write():
    return Write


class Write:
    """Writers of small documents of each kind."""

    @staticmethod
    def pdf(pages: list[str]) -> bytes:
        pdf = FPDF()
        pdf.set_font("helvetica", size=12)
        for text in pages:
            pdf.add_page()
            pdf.multi_cell(0, 8, text)
        return bytes(pdf.output())

    @staticmethod
    def encrypted_pdf(path: Path) -> Path:
        writer = pypdf.PdfWriter(clone_from=io.BytesIO(Write.pdf(["A secret."])))
        writer.encrypt("key", algorithm="AES-256")
        writer.write(path)
        return path

    @staticmethod
    def scanned_pdf() -> bytes:
        pdf = FPDF()
        pdf.add_page()
        pdf.rect(20, 20, 100, 100, style="F")
        return bytes(pdf.output())

    @staticmethod
    def docx(path: Path, *paragraphs: str, rows: tuple[tuple[str, ...], ...] = ()) -> Path:
        document = docx.Document()
        for paragraph in paragraphs:
            document.add_paragraph(paragraph)
        if rows:
            table = document.add_table(len(rows), len(rows[0]))
            for row, values in zip(table.rows, rows, strict=True):
                for cell, value in zip(row.cells, values, strict=True):
                    cell.text = value
        document.save(str(path))
        return path

    @staticmethod
    def pptx(path: Path, *slides: tuple[str, str]) -> Path:
        presentation = Presentation()
        for title, body in slides:
            slide = presentation.slides.add_slide(presentation.slide_layouts[1])
            slide.shapes.title.text = title
            slide.placeholders[1].text = body
        presentation.save(str(path))
        return path

    @staticmethod
    def xlsx(path: Path, **sheets: list[list[object]]) -> Path:
        workbook = openpyxl.Workbook()
        workbook.remove(workbook.active)
        for name, rows in sheets.items():
            sheet = workbook.create_sheet(name)
            for row in rows:
                sheet.append(row)
        workbook.save(path)
        return path

    @staticmethod
    def epub(path: Path, body: str) -> Path:
        opf = (
            '<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="i"><metadata '
            'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:identifier id="i">x</dc:identifier><dc:title>T</dc:title>'
            '<dc:language>en</dc:language></metadata><manifest><item id="a" href="a.xhtml" '
            'media-type="application/xhtml+xml"/></manifest><spine><itemref idref="a"/></spine></package>'
        )
        container = (
            '<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
            '<rootfile full-path="c.opf" media-type="application/oebps-package+xml"/></rootfiles></container>'
        )
        with zipfile.ZipFile(path, "w") as book:
            book.writestr("mimetype", "application/epub+zip")
            book.writestr("META-INF/container.xml", container)
            book.writestr("c.opf", opf)
            book.writestr("a.xhtml", f'<html xmlns="http://www.w3.org/1999/xhtml"><body>{body}</body></html>')
        return path


FACTS = {
    "astronomy.txt": "The moon Europa orbits Jupiter. Its ocean lies under ice.",
    "cooking.txt": "Bread needs flour, water and salt. Let the dough rest overnight.",
    "law.txt": "The lease ends on 31 March 2027. Form ZX-8841 must be signed by the tenant.",
}


@pytest.fixture
def facts(folder):
    """A folder of three short documents on different matters."""
    for name, text in FACTS.items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture(scope="session")
def everywhere():
    """A function that counts a library's passages in each of its three stores."""

    def count(library):
        library._indexes.load_all()
        rows = library._store._all("SELECT count(*) FROM passages")
        return rows[0][0], len(library._indexes.dense), len(library._indexes.sparse)

    return count

"""Real documents, written here, and the real embedding model, loaded once."""

import io
import runpy
import zipfile
from pathlib import Path

import docx
import openpyxl
import pypdf
import pytest
from fpdf import FPDF
from PIL import Image, ImageDraw, ImageFont
from pptx import Presentation
from transformers import AutoTokenizer

from retrieval.embed import Embedder, bundled_folder
from retrieval.library import Library


@pytest.fixture(scope="session")
def embedder():
    return Embedder()


TinyEmbedder = runpy.run_path(str(Path(__file__).with_name("tiny.py")))["TinyEmbedder"]


@pytest.fixture
def tiny():
    return TinyEmbedder()


@pytest.fixture
def open_tiny(tmp_path):
    """A function that opens the library of the test with an embedder that costs nothing."""

    def open_one(embedder=None, **options):
        return Library.open(tmp_path / "library", embedder or TinyEmbedder(), **options)

    return open_one


@pytest.fixture
def shelf(open_tiny):
    """A library whose embedder costs nothing."""
    with open_tiny() as opened:
        yield opened


@pytest.fixture
def library(tmp_path, embedder):
    with Library.open(tmp_path / "library", embedder) as opened:
        yield opened


@pytest.fixture(scope="session")
def tokenizer():
    """The bundled embedding model's, as transformers has it."""
    return AutoTokenizer.from_pretrained(bundled_folder())


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
    def pdf(pages: list[str], picture: str = "") -> bytes:
        """Pages of text, and after them one that is a picture of the words `picture`."""
        pdf = FPDF()
        pdf.set_font("helvetica", size=12)
        for text in pages:
            pdf.add_page()
            pdf.multi_cell(0, 8, text)
        if picture:
            drawn = Image.new("RGB", (1000, 100), "white")
            ImageDraw.Draw(drawn).text((20, 20), picture, fill="black", font=ImageFont.load_default(40))
            pdf.add_page()
            pdf.image(drawn, w=180)
        return bytes(pdf.output())

    @staticmethod
    def encrypted_pdf(path: Path, password: str = "key", algorithm: str = "AES-256") -> Path:
        writer = pypdf.PdfWriter(clone_from=io.BytesIO(Write.pdf(["A secret."])))
        writer.encrypt(password, "the owner's", algorithm=algorithm)
        writer.write(path)
        return path

    @staticmethod
    def many_pages(count: int) -> bytes:
        """A PDF written by hand: the library takes a minute for ten thousand pages."""
        kids = b" ".join(b"%d 0 R" % (4 + 2 * page) for page in range(count))
        objects = [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Count %d/Kids[%s]>>" % (count, kids),
            b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        ]
        for page in range(count):
            words = b"BT /F 12 Tf 20 200 Td (This is page %d of many.) Tj ET" % (page + 1)
            objects += (
                b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 300]/Resources<</Font<</F 3 0 R>>>>/Contents %d 0 R>>"
                % (5 + 2 * page),
                b"<</Length %d>>stream\n%s\nendstream" % (len(words), words),
            )
        data, places = bytearray(b"%PDF-1.4\n"), []
        for number, body in enumerate(objects, start=1):
            places.append(len(data))
            data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
        table = b"".join(b"%010d 00000 n \n" % place for place in places)
        size = len(objects) + 1
        tail = b"xref\n0 %d\n0000000000 65535 f \n%strailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF"
        return bytes(data) + tail % (size, table, size, len(data))

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
            level = len(paragraph) - len(paragraph.lstrip("#"))
            if level:
                document.add_heading(paragraph[level:].strip(), level)
            else:
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
    def odt(path: Path, body: str) -> Path:
        space = "urn:oasis:names:tc:opendocument:xmlns:"
        names = " ".join(f'xmlns:{name}="{space}{name}:1.0"' for name in ("office", "text", "table"))
        with zipfile.ZipFile(path, "w") as file:
            file.writestr("mimetype", "application/vnd.oasis.opendocument.text")
            file.writestr(
                "content.xml",
                f"<office:document-content {names}><office:body><office:text>{body}"
                "</office:text></office:body></office:document-content>",
            )
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

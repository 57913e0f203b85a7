"""Files cut short, random bytes under every extension, and strange names: each ends as a text or as one sentence.

A few hundred inputs by default; HOSTILE_FILES=20000 in the environment tries so many.
"""

import os
import random
import unicodedata
import zipfile
from email.message import EmailMessage
from pathlib import PurePath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.confined import shared
from retrieval.contents import Content, contents_of
from retrieval.errors import DocumentError
from retrieval.extract import Limits, extract_data
from retrieval.files import Source
from retrieval.kinds import EXTENSIONS

TRIES = int(os.environ.get("HOSTILE_FILES", "400"))
LIMITS = Limits(max_seconds=20.0, max_memory_bytes=1_000_000_000)
RANDOM = random.Random(20)
FACT = "The lighthouse of Skerryvore was lit in 1844, and its builder was Alan Stevenson. "
TABLE = "<table><tr><th>Name</th><th>Lit</th></tr><tr><td>Skerryvore</td><td>1844</td></tr></table>"
HTML = f"<h1>Lights</h1><p>{FACT}</p>{TABLE}"


def outcome(data, path):
    """What becomes of a file: a text, or the sentence that refuses it. Any other error fails the test."""
    try:
        extracted = extract_data(data, PurePath(path), LIMITS)
    except DocumentError as error:
        sentence = str(error)
        assert sentence.endswith(".")
        assert not any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in sentence)
        assert "fault of this program" not in sentence, sentence
        return sentence
    assert extracted.text.strip()
    for _, start, end in extracted.pages:
        assert 0 <= start <= end <= len(extracted.text)
    for heading in extracted.headings:
        assert extracted.text[heading.start : heading.end].strip()
    return extracted


@pytest.fixture(scope="session")
def documents(tmp_path_factory, write):
    """One small document of each kind that can be written here."""
    folder = tmp_path_factory.mktemp("whole")
    mail = EmailMessage()
    mail["Subject"] = "Lights"
    mail.set_content(FACT)
    mail.add_alternative(HTML, subtype="html")
    rows = (("Name", "Lit"), ("Skerryvore", "1844"))
    found = {
        "a.pdf": write.pdf([FACT * 5, "", FACT], picture="Lit"),
        "locked.pdf": write.encrypted_pdf(folder / "locked.pdf").read_bytes(),
        "a.docx": write.docx(folder / "a.docx", "# Lights", FACT, rows=rows).read_bytes(),
        "a.pptx": write.pptx(folder / "a.pptx", ("Lights", FACT)).read_bytes(),
        "a.xlsx": write.xlsx(folder / "a.xlsx", Lights=[["Name", "Lit"], ["Skerryvore", 1844]]).read_bytes(),
        "a.epub": write.epub(folder / "a.epub", HTML).read_bytes(),
        "a.odt": write.odt(folder / "a.odt", f"<text:h>Lights</text:h><text:p>{FACT}</text:p>").read_bytes(),
        "a.eml": mail.as_bytes(),
        "a.html": HTML.encode(),
        "a.rtf": rb"{\rtf1\ansi {\b Lights\par} The lighthouse of Skerryvore.\par}",
        "a.csv": "Name,Lit\nSkerryvore,1844\n名前,1\n".encode("shift_jis"),
        "a.json": b'{"name": "Skerryvore", "lit": [1844, {"by": "Alan Stevenson"}]}',
        "a.xml": b'<?xml version="1.0"?><lights><light lit="1844">Skerryvore &amp; others</light></lights>',
        "a.ipynb": b'{"cells": [{"cell_type": "markdown", "metadata": {}, "source": ["# Lights"]}], "nbformat": 4}',
        "a.md": f"# Lights\n\n{FACT}".encode(),
        "a.txt": FACT.encode("utf-16"),
    }
    for name, data in found.items():
        if name != "locked.pdf":
            assert not isinstance(outcome(data, name), str), name
    return found


def test_documents_cut_short(documents):
    for name, data in documents.items():
        for _ in range(max(10, TRIES // len(documents) // 3)):
            outcome(data[: RANDOM.randrange(len(data))], name)


def test_documents_with_damaged_bytes(documents):
    for name, data in documents.items():
        for _ in range(max(5, TRIES // len(documents) // 3)):
            damaged = bytearray(data)
            for _ in range(RANDOM.randint(1, 20)):
                damaged[RANDOM.randrange(len(damaged))] = RANDOM.randrange(256)
            outcome(bytes(damaged), name)


@pytest.mark.parametrize("extension", sorted(EXTENSIONS))
def test_random_bytes_under_every_extension(extension):
    for _ in range(max(1, TRIES // len(EXTENSIONS) // 3)):
        size = RANDOM.choice([100, 1000, 10_000])
        assert isinstance(outcome(RANDOM.randbytes(size), f"a.{extension}"), str)
    assert isinstance(outcome(b"", f"a.{extension}"), str)


def test_a_document_under_the_name_of_another_kind(documents):
    for name, data in documents.items():
        for extension in RANDOM.sample(sorted(EXTENSIONS), 5):
            outcome(data, f"{name}.{extension}")


@given(st.text(max_size=320), st.sampled_from(["", ".txt", ".html", ".PDF", ".docx", ".zip"]))
def test_names(stem, ending):
    found = outcome(b"<p>Some words.", stem + ending)
    assert not isinstance(found, str) or len(found) < 600


def test_names_of_three_hundred_control_characters():
    for name in ("\x00\x07\n\r\x1b\u202e" * 50, "\ud800" * 300, " " * 300, "x" * 300 + ".docx"):
        found = outcome(b"Some words.", name)
        assert not isinstance(found, str) or "docx" in found


def test_names_that_differ_in_case_or_form_are_read_alike():
    names = ["Größe.txt", "GRÖSSE.TXT", unicodedata.normalize("NFD", "Größe.txt")]
    assert {outcome(b"Some words.", name).text for name in names} == {"Some words."}


def test_archives_cut_short_and_damaged(documents, tmp_path):
    packed = tmp_path / "a.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in documents.items():
            archive.writestr(name, data)
    data = packed.read_bytes()
    for _ in range(3):
        damaged = bytearray(data[: RANDOM.randrange(len(data) // 2, len(data) + len(data) // 2)])
        damaged[RANDOM.randrange(len(damaged))] ^= 0xFF
        for found in contents_of(bytes(damaged), Source(packed, "a.zip"), LIMITS):
            if isinstance(found, Content):
                outcome(found.data, found.path)
            else:
                assert found.reason.endswith(".")


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="tells its memory on Linux only")
def test_the_reading_process_has_not_grown(documents):
    outcome(documents["a.pdf"], "a.pdf")
    with open(f"/proc/{shared().pid}/statm") as file:
        assert int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") < 500_000_000

"""Kinds of files, by name and by bytes."""

from pathlib import PurePath

import kreuzberg
import pytest

from retrieval.kinds import ARCHIVES, EXTENSIONS, MARKDOWN, PLAIN, media_type

FOREIGN = sorted(name for name, kind in EXTENSIONS.items() if kind not in {PLAIN, MARKDOWN, *ARCHIVES})


@pytest.mark.parametrize("extension", FOREIGN)
def test_kreuzberg_calls_them_the_same(tmp_path, extension):
    path = tmp_path / f"a.{extension}"
    path.touch()
    assert kreuzberg.detect_mime_type_from_path(path) == EXTENSIONS[extension]


@pytest.mark.parametrize(
    ("data", "name", "kind"),
    [
        (b"Some words.", "a.txt", PLAIN),
        (b"Some words.", "README", None),
        (b"Some words.", "a.unknown", None),
        (b"Some words.", "A.PDF", "application/pdf"),
        (b"%PDF-1.7\n", "a", "application/pdf"),
        (b"%PDF-1.7\n", "a.txt", "application/pdf"),
        (b"\x89PNG\r\n\x1a\n", "a.txt", "image/png"),
        (b"<?xml version='1.0'?><a/>", "a.txt", PLAIN),
        (b"<html>", "a.py", PLAIN),
        (b'{"a": 1}', "a.log", PLAIN),
        (b"", "a.txt", PLAIN),
        (b"", "", None),
    ],
)
def test_media_type(data, name, kind):
    assert media_type(data, PurePath(name)) == kind


def test_an_office_file_without_its_name(folder, write):
    data = write.docx(folder / "a.docx", "Words.").read_bytes()
    assert media_type(data, PurePath("a")) == EXTENSIONS["docx"]

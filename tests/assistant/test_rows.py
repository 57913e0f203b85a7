import gzip
import json
import lzma
from pathlib import Path

import pytest

from assistant.errors import InputError
from assistant.rows import data_files, read_rows

ROW = {"text": "one"}


@pytest.mark.parametrize(("ending", "opener"), [("jsonl", open), ("jsonl.gz", gzip.open), ("jsonl.xz", lzma.open)])
def test_reads_plain_and_compressed(tmp_path, ending, opener):
    path = tmp_path / f"rows.{ending}"
    with opener(path, "wt", encoding="utf-8") as file:
        file.write(json.dumps(ROW) + "\n\n" + json.dumps({"text": "é"}) + "\n")
    rows = list(read_rows(path))
    assert [row.text("text") for row in rows] == ["one", "é"]
    assert [row.line for row in rows] == [1, 3]


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b'{"text": "a"}\n{oops\n', r"rows\.jsonl:2: not JSON"),
        (b"[1]\n", r":1: a row must"),
        (b"\xff\xfe\n", "cannot"),
        (rb'{"text": "a", "more": ["\ud83d"]}', r"rows\.jsonl:1: holds half of a character \(a lone surrogate\)"),
        (rb'{"\ude00": 1}', r"rows\.jsonl:1: holds half of a character"),
    ],
)
def test_a_bad_row_is_named_by_file_and_line(tmp_path, content, named):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(content)
    with pytest.raises(InputError, match=named):
        list(read_rows(path))


def test_both_halves_are_a_character(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text(r'{"text": "\ud83d\ude00"}')
    assert [row.text("text") for row in read_rows(path)] == ["\N{GRINNING FACE}"]


@pytest.mark.parametrize("ending", ["gz", "xz"])
def test_a_truncated_file_is_named(tmp_path, ending):
    path = tmp_path / f"rows.jsonl.{ending}"
    whole = {"gz": gzip.compress, "xz": lzma.compress}[ending](json.dumps(ROW).encode() * 1000)
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"rows\.jsonl"):
        list(read_rows(path))


def test_a_damaged_gzip_file_is_named(tmp_path):
    path = tmp_path / "rows.jsonl.gz"
    whole = bytearray(gzip.compress(json.dumps(ROW).encode() * 1000))
    whole[10:20] = b"\xff" * 10  # the deflate stream, right after the header
    path.write_bytes(whole)
    with pytest.raises(InputError, match=r"rows\.jsonl\.gz"):
        list(read_rows(path))


@pytest.mark.parametrize("ending", ["jsonl", "jsonl.gz", "jsonl.xz"])
def test_a_file_that_cannot_be_opened_is_named(tmp_path, ending):
    path = tmp_path / f"rows.{ending}"
    path.mkdir()
    with pytest.raises(InputError, match=rf"rows\.{ending}"):
        list(read_rows(path))


def test_a_folder_that_cannot_be_listed_is_named(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(InputError, match=rf"data\.paths: {tmp_path} cannot be read \(Permission denied\)"):
        data_files([str(tmp_path)])


def test_a_missing_value_is_named(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": " "}\n')
    with pytest.raises(InputError, match="'text'"):
        next(read_rows(path)).text("text")


def test_folders_are_expanded_and_empty_ones_refused(tmp_path):
    (tmp_path / "b.jsonl").write_text("{}")
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(b"{}"))
    assert [path.name for path in data_files([str(tmp_path)])] == ["a.jsonl.gz", "b.jsonl"]
    with pytest.raises(InputError, match="does not exist"):
        data_files([str(tmp_path / "none")])
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no "):
        data_files([str(tmp_path / "empty")])


@pytest.mark.parametrize("paths", [[], ["no-such-file"]])
def test_the_setting_that_names_no_file_is_named(paths):
    with pytest.raises(InputError, match=r"^data\.plain_text: "):
        data_files(paths, "data.plain_text")


def test_a_row_nested_beyond_reading_is_named(tmp_path):
    path = tmp_path / "deep.jsonl"
    path.write_text("[" * 100_000 + "\n")
    with pytest.raises(InputError, match=r"deep\.jsonl:1: not a row"):
        list(read_rows(path))

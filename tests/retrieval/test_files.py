"""The names that the files of one ingest get."""

import os

import pytest

from retrieval.files import expand
from retrieval.names import distinct


@pytest.fixture
def tree(tmp_path):
    """Makes empty files and returns the folder that they are in."""

    def make(*paths):
        for path in paths:
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).touch()
        return tmp_path

    return make


@pytest.mark.parametrize(
    ("files", "given", "names"),
    [
        (["a/x/r.txt"], ["a"], ["x/r.txt"]),
        (["a/x/r.txt", "a/s.txt", "t.txt"], ["a", "t.txt"], ["s.txt", "x/r.txt", "t.txt"]),
        (["a/r.txt", "b/r.txt", "b/s.txt"], ["a", "b"], ["a/r.txt", "b/r.txt", "s.txt"]),
        (["a/r.txt", "b/r.txt"], ["a/r.txt", "b/r.txt"], ["a/r.txt", "b/r.txt"]),
        (["x/a/r.txt", "y/a/r.txt"], ["x/a/r.txt", "y/a"], ["x/a/r.txt", "y/a/r.txt"]),
        (["a/x/r.txt", "a/y/r.txt", "b/x/r.txt"], ["a", "b"], ["a/x/r.txt", "y/r.txt", "b/x/r.txt"]),
        (["x/a/r.txt", "y/a/r.txt"], ["x", "y"], ["x/a/r.txt", "y/a/r.txt"]),
        (["a/p/q/r.txt", "a/q/r.txt"], ["a"], ["p/q/r.txt", "q/r.txt"]),
        (["a/x/r.txt", "a/r.txt"], ["a"], ["r.txt", "x/r.txt"]),
        (["b/a/r.txt", "b/r.txt"], ["b/a", "b/a/r.txt", "b/r.txt", "b/a/../r.txt"], ["a/r.txt", "b/r.txt"]),
        (["a/e\u0301.txt", "a/\xe9.txt"], ["a"], ["\xe9.txt", "\xe9 (2).txt"]),
        ([], ["none.txt", "none.txt", "n\0.txt"], ["none.txt", "n.txt"]),
    ],
)
def test_names_of_one_call_differ(tree, monkeypatch, files, given, names):
    monkeypatch.chdir(tree(*files))
    assert [source.name for source in expand(given)] == names


def test_the_name_of_before_is_told_where_it_is_no_other_files(tree):
    root = tree("a/x/r.txt", "a/y/s.txt", "a/s.txt", "t.txt")
    sources = expand([root / "a", root / "t.txt"])
    assert [(source.name, source.bare) for source in sources] == [
        ("s.txt", ""),
        ("x/r.txt", "r.txt"),
        ("y/s.txt", ""),
        ("t.txt", ""),
    ]


def test_a_file_reached_through_a_linked_folder_is_meant_once(tree):
    root = tree("a/r.txt")
    os.symlink("a", root / "link")
    assert [source.name for source in expand([root / "a" / "r.txt", root / "link" / "r.txt"])] == ["r.txt"]


def test_numbers_come_before_the_suffix_and_take_no_name():
    assert distinct(["r.pdf", "r (2).pdf", "r.pdf", "r.pdf"]) == ["r.pdf", "r (2).pdf", "r (3).pdf", "r (4).pdf"]
    assert distinct(["a.b/r", "a.b/r"]) == ["a.b/r", "a.b/r (2)"]
    (_, long) = distinct(["x" * 196 + ".txt"] * 2)
    assert (len(long), long[-8:]) == (200, " (2).txt")
    assert distinct(["One. " + "y" * 195] * 2)[1] == "One. " + "y" * 191 + " (2)"

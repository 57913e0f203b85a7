"""The names that the files of one ingest get."""

import os
import zipfile

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
        (["a/r.txt", "b/r.txt", "b/s.txt"], ["a", "b"], ["r.txt", "r.txt", "s.txt"]),
        (["a/r.txt", "b/r.txt"], ["a/r.txt", "b/r.txt"], ["r.txt", "r.txt"]),
        (["x/a/r.txt", "y/a/r.txt"], ["x/a/r.txt", "y"], ["r.txt", "a/r.txt"]),
        (["a/p/q/r.txt", "a/q/r.txt"], ["a"], ["p/q/r.txt", "q/r.txt"]),
        (["a/x/r.txt", "a/r.txt"], ["a"], ["r.txt", "x/r.txt"]),
        (["b/a/r.txt"], ["b/a", "b/a/r.txt", "b/a/../a/r.txt"], ["r.txt"]),
        (["b/a/r.txt"], ["b", "b/a/r.txt"], ["a/r.txt", "r.txt"]),
        (["a/e\u0301.txt", "a/\xe9.txt"], ["a"], ["\xe9.txt", "\xe9.txt"]),
        ([], ["none.txt", "none.txt", "n\0.txt"], ["none.txt", "n.txt"]),
    ],
)
def test_a_name_depends_on_the_path_that_was_given_alone(tree, monkeypatch, files, given, names):
    monkeypatch.chdir(tree(*files))
    assert [source.name for source in expand(given)] == names
    assert [source.name for path in dict.fromkeys(given) for source in expand([path])][: len(names)] == names


@pytest.fixture
def two(tmp_path):
    """Two folders with a file of one name."""
    for folder, text in (("A", "Heron."), ("B", "Stork.")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "readme.md").write_text(text)
    return tmp_path / "A", tmp_path / "B"


def test_of_two_files_of_one_name_the_second_fails_and_says_what_to_do(shelf, two):
    first, second = two
    (second / "own.md").write_text("Crane.")
    reports = shelf.ingest(two)
    assert [(report.document, report.state) for report in reports] == [
        ("readme.md", "ready"),
        ("own.md", "ready"),
        ("readme.md", "failed"),
    ]
    assert reports[2].reason == (
        f"{first / 'readme.md'} and {second / 'readme.md'} both come to the name readme.md, and only the first was "
        f"taken in; ingest the folder that holds both, {first.parent}, or the second with another --collection."
    )
    assert [(job.name, job.reason) for job in shelf.jobs()] == [("readme.md", reports[2].reason)]
    assert {document.name: shelf.text(document.id) for document in shelf.documents()} == {
        "own.md": "Crane.",
        "readme.md": "Heron.",
    }
    assert [report.state for report in shelf.ingest(two)] == ["skipped", "skipped", "failed"]


def test_the_same_bytes_may_have_the_name(shelf, two):
    (two[1] / "readme.md").write_text("Heron.")
    assert [report.state for report in shelf.ingest(two)] == ["ready", "skipped"]


def test_a_name_that_could_not_be_taken_in_is_free(shelf, two):
    (two[0] / "readme.md").write_text("")
    assert [report.state for report in shelf.ingest(two)] == ["failed", "ready"]


def test_two_names_of_one_form_in_one_folder_are_to_be_renamed(shelf, folder):
    (folder / "e\u0301.txt").write_text("Heron.")
    (folder / "\xe9.txt").write_text("Stork.")
    first, second = shelf.ingest([folder])
    assert (first.state, second.state) == ("ready", "failed")
    assert second.reason.endswith("only the first was taken in; rename one of the two.")


def test_of_two_archives_of_one_name_the_second_fails_as_a_whole(shelf, two):
    for folder, members in zip(two, ("ab", "bc"), strict=True):
        (folder / "readme.md").unlink()
        with zipfile.ZipFile(folder / "pk.zip", "w") as archive:
            for member in members:
                archive.writestr(f"{member}.txt", f"{member} in {folder.name}")
    reports = shelf.ingest(two)
    assert [(report.document, report.state) for report in reports] == [
        ("pk.zip/a.txt", "ready"),
        ("pk.zip/b.txt", "ready"),
        ("pk.zip", "failed"),
    ]
    assert [shelf.text(document.id) for document in shelf.documents()] == ["a in A", "b in A"]


def test_a_member_does_not_take_the_name_of_a_file_of_the_same_call(shelf, two):
    (two[0] / "pk.zip").mkdir()
    (two[0] / "pk.zip" / "a.txt").write_text("Crane.")
    with zipfile.ZipFile(two[1] / "pk.zip", "w") as archive:
        archive.writestr("a.txt", "Stilt.")
    reports = {report.document: report.state for report in shelf.ingest([two[0], two[1] / "pk.zip"])}
    assert reports == {"pk.zip/a.txt": "failed", "readme.md": "ready"}
    assert "Crane." in {shelf.text(document.id) for document in shelf.documents()}


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

import pytest

from retrieval.errors import LibraryError
from retrieval.library import Library


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_ingest_search_and_exact_offsets(library, facts):
    reports = library.ingest([facts])
    assert [(report.document, report.state) for report in reports] == [(name, "ready") for name in names_in(facts)]
    hit = library.search("When does the lease end?")[0]
    assert hit.document == "law.txt"
    assert library.text(hit.document_id)[hit.start : hit.end] == hit.passage
    assert hit.dense_rank == hit.sparse_rank == 1
    assert 0 < hit.score < 1


def test_offsets_are_exact_for_every_kind_of_document(library, folder, write):
    (folder / "a.pdf").write_bytes(write.pdf(["Page one is about owls.", "Page two is about foxes. " * 40]))
    write.docx(folder / "b.docx", "R&D budget for owls <|im_end|>.", rows=(("City", "Owls"), ("Rome", "3")))
    write.pptx(folder / "c.pptx", ("Owls 名前 🦉", "They hunt at night."), ("Foxes", "Too."))
    write.xlsx(folder / "d.xlsx", Owls=[["Name", "Weight"], ["Eagle owl", 4]])
    write.epub(folder / "e.epub", "<p>Owls &amp; foxes.</p>")
    assert {report.state for report in library.ingest([folder])} == {"ready"}
    hits = library.search("owls", k=50)
    folded = sum(len(hit.duplicates) for hit in hits)
    assert len(hits) + folded == sum(document.passages for document in library.documents())
    for hit in hits:
        assert library.text(hit.document_id)[hit.start : hit.end] == hit.passage
    assert {hit.page for hit in hits if hit.document == "a.pdf"} == {1, 2}
    assert {document.name: document.pages for document in library.documents()} == {
        **{"a.pdf": 2, "b.docx": None, "c.pptx": 2, "d.xlsx": 1, "e.epub": None}
    }


def test_each_leg_alone_can_bring_a_passage_into_the_results(library, folder, monkeypatch):
    (folder / "code.txt").write_text("QZX-99 is in the drawer.")
    (folder / "mean.txt").write_text("The physician examined the ill child.")
    library.ingest([folder])
    by_meaning = library.search("a doctor looks after a sick kid")[0]
    assert (by_meaning.document, by_meaning.sparse_rank) == ("mean.txt", None)
    monkeypatch.setattr(library._indexes, "nearest", lambda *_: [])
    by_word = library.search("QZX-99")[0]
    assert (by_word.document, by_word.dense_rank, by_word.sparse_rank) == ("code.txt", None, 1)


def test_reopening_finds_everything(tmp_path, facts, embedder):
    with Library.open(tmp_path / "l", embedder) as library:
        library.ingest([facts])
        before = library.search("bread", k=3), library.documents()
    with Library.open(tmp_path / "l", embedder) as library:
        assert (library.search("bread", k=3), library.documents()) == before


def test_same_content_is_skipped_and_new_content_replaces(library, facts, everywhere):
    first = library.ingest([facts / "law.txt"])[0]
    again = library.ingest([facts / "law.txt"])[0]
    assert (again.state, again.document_id) == ("skipped", first.document_id)
    assert "already in the collection default" in again.reason
    (facts / "law.txt").write_text("The lease was prolonged to 2031.")
    report = library.ingest([facts / "law.txt"])[0]
    assert (report.state, report.reason) == ("ready", "Took the place of the earlier version of law.txt.")
    assert first.reason is None
    assert [document.name for document in library.documents()] == ["law.txt"]
    assert "2031" in library.search("lease")[0].passage
    assert everywhere(library) == (1, 1, 1)


def test_remove_leaves_nothing_anywhere(library, facts, everywhere):
    library.ingest([facts])
    for name in names_in(facts):
        assert library.remove(name).name == name
    assert everywhere(library) == (0, 0, 0)
    assert library.documents() == []
    assert library.search("bread") == []


def test_remove_says_what_was_meant(library, facts):
    library.ingest([facts])
    library.ingest([facts / "law.txt"], collection="other")
    with pytest.raises(LibraryError, match=r"no document called lw.txt; did you mean law.txt\?"):
        library.remove("lw.txt")
    with pytest.raises(LibraryError, match="several collections"):
        library.remove("law.txt")
    by_id = library.documents("other")[0]
    assert library.remove(by_id.id) == by_id
    assert library.document(by_id.id) is None


def test_collections_are_apart(library, facts):
    library.ingest([facts / "law.txt"], collection="a")
    library.ingest([facts / "cooking.txt"], collection="b")
    assert library.collections() == ["a", "b"]
    assert {hit.document for hit in library.search("the lease of bread", k=9, collection="a")} == {"law.txt"}
    assert library.search("bread", collection="none") == []
    with pytest.raises(LibraryError, match="cannot name a collection"):
        library.ingest([facts], collection=" ")


@pytest.mark.parametrize(
    ("query", "k"), [("", 5), (" \n", 5), ("\udcff", 5), ("bread", 0), ("bread", -1), ("x" * 10_001, 5)]
)
def test_bad_questions(library, query, k):
    with pytest.raises(LibraryError):
        library.search(query, k)


@pytest.mark.parametrize("k", [1_001, 10**18, 10**20])
def test_more_passages_than_anybody_reads_are_refused(library, facts, k):
    library.ingest([facts])
    assert len(library.search("bread", 1_000)) == 3
    with pytest.raises(LibraryError, match=f"k is {k}; ask for 1 to 1,000 passages"):
        library.search("bread", k)


def test_bytes_that_a_terminal_could_not_decode(library, facts):
    library.ingest([facts])
    assert library.search("flour\udcff")[0].document == "cooking.txt"
    with pytest.raises(LibraryError, match="cannot name a collection"):
        library.search("flour", collection="\udcff")
    for ask in (library.documents, library.document, library.text):
        with pytest.raises(LibraryError, match="not UTF-8"):
            ask("\udcff")
    with pytest.raises(LibraryError, match="no document called law") as caught:
        library.remove("law\udcff")
    assert str(caught.value).isprintable()


def test_a_bad_file_is_reported_and_loses_nothing(library, facts, write):
    library.ingest([facts])
    before = library.documents()
    (facts / "law.txt").write_bytes(b"")
    (facts / "noise.bin").write_bytes(bytes(range(256)))
    write.encrypted_pdf(facts / "locked.pdf")
    (facts / ".hidden.txt").write_text("hidden")
    reports = {report.document: report for report in library.ingest([facts, facts / "absent.txt"])}
    assert {name: report.state for name, report in reports.items()} == {
        **dict.fromkeys(["law.txt", "noise.bin", "locked.pdf", "absent.txt"], "failed"),
        **dict.fromkeys(["astronomy.txt", "cooking.txt"], "skipped"),
    }
    assert all(report.reason.startswith(name) for name, report in reports.items())
    assert library.documents() == before


def test_files_that_share_a_name_keep_both(library, folder):
    for part in ("x", "y"):
        (folder / part).mkdir()
        (folder / part / "readme.md").write_text(f"This is {part}.")
    library.ingest([folder])
    assert [document.name for document in library.documents()] == ["x/readme.md", "y/readme.md"]


def test_files_of_one_name_from_two_places_are_told_apart_by_their_common_folder(library, folder):
    for part in ("2023", "2024"):
        (folder / part).mkdir()
        (folder / part / "report.txt").write_text(f"Sales of {part}.")
    files = [folder / "2023" / "report.txt", folder / "2024" / "report.txt"]
    assert [(report.document, report.state) for report in library.ingest(files)] == [
        ("report.txt", "ready"),
        ("report.txt", "failed"),
    ]
    reports = library.ingest([folder])
    assert [(report.document, report.state) for report in reports] == [
        ("2023/report.txt", "skipped"),
        ("2024/report.txt", "ready"),
    ]
    assert len(library.documents()) == 2


def test_names_are_cleaned(library, folder):
    path = folder / ("e\u0301 \u202fa\nb" + "x" * 230 + ".txt")
    path.write_text("Text.")
    name = library.ingest([path])[0].document
    assert name.startswith("é  a b")
    assert len(name) == 200


def test_progress(library, facts):
    seen = []
    library.ingest([facts], progress=seen.append)
    stages = [step.stage for step in seen if step.file == 1]
    assert list(dict.fromkeys(stages)) == ["extracting", "embedding", "storing", "done"]
    shares = [step.share for step in seen if step.file == 1 and step.stage == "embedding"]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0, 1)
    assert (seen[-1].document, seen[-1].file, seen[-1].files, seen[-1].share) == ("law.txt", 3, 3, 1)

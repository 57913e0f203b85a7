"""Another model for the vectors: nothing changes before all are there, and a kill loses nothing."""

import pytest

from retrieval.errors import LibraryError

WORDS = "alpha beta gamma delta epsilon zeta eta theta iota kappa".split()


@pytest.fixture
def filled(open_tiny, folder):
    """Ten documents of several passages each, with vectors of the model `tiny`; gives the number of passages."""
    for word in WORDS:
        (folder / f"{word}.txt").write_text(" ".join(f"This is sentence {n} of {word}." for n in range(60)))
    with open_tiny() as library:
        library.ingest([folder])
        return library._store.count_passages()


class Killed(BaseException):
    pass


def test_a_reindex_that_is_killed_changes_nothing_and_goes_on_where_it_was(open_tiny, tiny, filled, folder, everywhere):
    other = type(tiny)("other")

    def kill(_):
        if other.encoded > filled // 2:
            raise Killed

    other.watch = kill
    with open_tiny(other) as library:
        with pytest.raises(LibraryError, match="run: footnote reindex"):
            library.search("alpha")
        with pytest.raises(Killed):
            library.reindex()
    with open_tiny(tiny) as library:
        assert library.search("alpha")[0].document == "alpha.txt"
        (folder / "new.txt").write_text("A new one of omega.")
        library.ingest([folder / "new.txt"])
    other.watch = lambda _: None
    steps = []
    with open_tiny(other) as library:
        library.reindex(steps.append)
        assert other.encoded == filled + 1
        assert library.search("omega")[0].document == "new.txt"
        assert everywhere(library) == (filled + 1,) * 3
        assert library._store._all("SELECT count(*) FROM vectors_to_come") == [(0,)]
    assert {step.document for step in steps} == {f"{word}.txt" for word in [*WORDS, "new"]}
    with open_tiny(tiny) as library, pytest.raises(LibraryError, match="were made with other, not tiny"):
        library.search("alpha")


def test_documents_that_come_in_meanwhile_get_their_vectors_too(open_tiny, tiny, filled, folder, everywhere):
    other = type(tiny)("other")
    (folder / "new.txt").write_text("A new one of omega.")
    with open_tiny(tiny) as beside, open_tiny(other) as library:

        def come_in(_):
            if other.encoded > filled // 2:
                beside.ingest([folder / "new.txt"])
                beside.remove("alpha.txt")
                other.watch = lambda _: None

        other.watch = come_in
        library.reindex()
        assert {hit.document for hit in library.search("omega alpha", k=100)} >= {"new.txt", "beta.txt"}
        assert len(set(everywhere(library))) == 1
        with pytest.raises(LibraryError, match="were made with other"):
            beside.ingest([folder / "alpha.txt"])


def test_vectors_that_the_model_made_are_not_made_again(open_tiny, tiny, filled, everywhere):
    with open_tiny(tiny) as library:
        library.reindex()
        assert tiny.encoded == 0
        assert everywhere(library) == (filled,) * 3


def test_known_texts_are_not_embedded_again(open_tiny, tiny, filled, folder):
    path = folder / "alpha.txt"
    path.write_text(path.read_text() + " The end.")
    with open_tiny(tiny) as library:
        library.ingest([path])
        assert tiny.encoded == 1
        library.ingest([folder], collection="copy")
        assert tiny.encoded == 1

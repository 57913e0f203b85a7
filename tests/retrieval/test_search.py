"""A search as a whole: both legs, filters, near-duplicates, diversity and a reranker."""

import time
from datetime import date, datetime, timedelta
from itertools import product

import pytest
import torch
from transformers import BertConfig, BertForSequenceClassification

from retrieval.errors import LibraryError
from retrieval.library import Library
from retrieval.rerank import Reranker
from retrieval.types import Filters

TODAY = datetime.now().date()


@pytest.fixture
def mixed(library, facts, write):
    """The three facts, with a Markdown file and a PDF on one of their matters."""
    (facts / "notes.md").write_text("# Bread\n\nThe oven must be hot before the bread goes in.")
    (facts / "guide.pdf").write_bytes(write.pdf(["Bread is baked in the oven at night."]))
    library.ingest([facts])
    return library


def names(hits):
    return {hit.document for hit in hits}


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (Filters(), {"notes.md", "guide.pdf", "cooking.txt", "law.txt", "astronomy.txt"}),
        (Filters(documents=("guide.pdf", "law.txt")), {"guide.pdf", "law.txt"}),
        (Filters(media_types=("application/pdf",)), {"guide.pdf"}),
        (Filters(media_types=("TEXT/*", "application/pdf"), documents=("guide.pdf",)), {"guide.pdf"}),
        (Filters(media_types=("image/*",)), set()),
        (
            Filters(added_from=TODAY - timedelta(days=1), added_to=TODAY + timedelta(days=1), documents=("law.txt",)),
            {"law.txt"},
        ),
        (Filters(added_to=TODAY - timedelta(days=2)), set()),
        (Filters(added_from=TODAY + timedelta(days=2)), set()),
    ],
)
def test_filters_hold_for_both_legs(mixed, filters, expected):
    hits = mixed.search("bread in the oven", k=9, filters=filters)
    assert names(hits) == expected
    assert {hit.dense_rank for hit in hits} == set(range(1, len(expected) + 1))
    assert all(hit.sparse_rank for hit in hits if "read" in hit.passage)


@pytest.fixture
def zone(monkeypatch):
    def enter(name):
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield enter
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(("name", "hours"), [("Pacific/Auckland", 13), ("America/Los_Angeles", -8), ("UTC", 0)])
def test_a_day_is_one_of_where_the_machine_stands(mixed, zone, name, hours):
    zone(name)
    added = "2026-01-31T18:30:00+00:00"
    mixed._store.database.all("UPDATE documents SET added_at = ? WHERE name = 'law.txt'", added)
    day = (datetime.fromisoformat(added) + timedelta(hours=hours)).date()
    law = ("law.txt",)
    assert mixed.search("bread", filters=Filters(added_from=day, added_to=day, documents=law))
    for other in (day - timedelta(days=1), day + timedelta(days=1)):
        assert not mixed.search("bread", filters=Filters(added_from=other, added_to=other, documents=law))
    assert mixed.search("bread", filters=Filters(added_from=date.min, added_to=date.max, documents=law))


def test_a_document_can_be_given_by_its_id(mixed):
    document = next(each for each in mixed.documents() if each.name == "law.txt")
    assert names(mixed.search("bread", filters=Filters(documents=(document.id,)))) == {"law.txt"}


def test_an_unknown_document_in_a_filter_is_named(mixed):
    with pytest.raises(LibraryError, match=r"no document called lw.txt; did you mean law.txt\?"):
        mixed.search("bread", filters=Filters(documents=("lw.txt",)))


def test_a_hit_tells_its_rank_in_each_leg(mixed):
    hits = mixed.search("oven", k=9)
    assert sorted(hit.dense_rank for hit in hits) == [1, 2, 3, 4, 5]
    assert {hit.document: hit.sparse_rank for hit in hits if hit.sparse_rank}.keys() == {"notes.md", "guide.pdf"}
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_near_duplicates_are_one_hit(library, folder):
    text = "Never run the pump dry for more than 30 seconds, because the seals are cooled by the water."
    for name, copy in {"a.txt": text, "b.txt": text.upper(), "c.txt": text.replace("30", "50")}.items():
        (folder / name).write_text(copy)
    library.ingest([folder])
    hits = library.search("run the pump dry", k=9)
    assert len(hits) == 2
    (folded,) = (hit for hit in hits if hit.duplicates)
    (other,) = (hit for hit in hits if not hit.duplicates)
    assert other.document == "c.txt"
    twin = next(iter(library._store.passages(folded.duplicates)))
    assert {folded.document, twin.document} == {"a.txt", "b.txt"}


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("佐藤太郎は東京に住んでいます。犬を飼っています。", "東京"),
        ("佐藤太郎は東京に住んでいます。犬を飼っています。", "犬"),
        ("서울은 한국의 수도입니다.", "서울"),
        ("Żółw śpi pod kamieniem.", "zolw"),
        ("Кошки спят на крыше.", "крыше"),
    ],
)
def test_other_languages_are_found_by_their_words(library, facts, text, query):
    (facts / "foreign.txt").write_text(text)
    library.ingest([facts])
    hit = next(hit for hit in library.search(query) if hit.document == "foreign.txt")
    assert hit.sparse_rank == 1


def test_a_deleted_document_is_in_no_leg(mixed, everywhere):
    for name in ("notes.md", "guide.pdf", "cooking.txt"):
        mixed.remove(name)
    assert everywhere(mixed) == (2, 2, 2)
    assert names(mixed.search("bread in the oven", k=99)) == {"law.txt", "astronomy.txt"}
    assert all(hit.sparse_rank is None for hit in mixed.search("bread", k=99))


def test_diversity_is_optional_and_checked(mixed):
    assert names(mixed.search("bread", k=9, diversity=1.0)) == names(mixed.search("bread", k=9))
    for wrong in (-0.1, 1.1, float("nan")):
        with pytest.raises(LibraryError, match="give a number from 0 to 1"):
            mixed.search("bread", diversity=wrong)


@pytest.fixture(scope="module")
def cross_encoder(tmp_path_factory, tokenizer):
    """The folder of a cross-encoder with random weights and one score."""
    folder = tmp_path_factory.mktemp("cross") / "encoder"
    shape = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    torch.manual_seed(0)
    config = BertConfig(vocab_size=len(tokenizer), num_labels=1, initializer_range=0.5, **shape)
    BertForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_a_reranker_orders_the_hits(tmp_path, facts, embedder, tokenizer, cross_encoder):
    model = BertForSequenceClassification.from_pretrained(cross_encoder).eval()
    with Library.open(tmp_path / "l", embedder, reranker=Reranker(str(cross_encoder))) as library:
        library.ingest([facts])
        hits = library.search("the dough of Europa", k=3)
    assert len(hits) == 3
    pairs = tokenizer(["the dough of Europa"] * 3, [hit.passage for hit in hits], return_tensors="pt", padding=True)
    expected = torch.sigmoid(model(**pairs).logits[:, 0]).tolist()
    assert [hit.score for hit in hits] == pytest.approx(expected, abs=1e-4)
    assert expected == sorted(expected, reverse=True)
    assert len(set(expected)) == 3


def test_a_reranker_that_cannot_be_used_is_named(tmp_path, tokenizer):
    with pytest.raises(LibraryError, match="none cannot be loaded; give the folder"):
        Reranker(str(tmp_path / "none")).scores("x", ["y"])
    shape = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 8}
    config = BertConfig(vocab_size=len(tokenizer), num_labels=3, **shape)
    BertForSequenceClassification(config).save_pretrained(tmp_path / "three")
    tokenizer.save_pretrained(tmp_path / "three")
    with pytest.raises(LibraryError, match="gives 3 scores"):
        Reranker(str(tmp_path / "three")).scores("x", ["y"])


def test_each_leg_can_be_asked_alone(mixed):
    both = mixed.search("bread in the oven", 5)
    dense, sparse = (mixed.search("bread in the oven", 5, leg=leg) for leg in ("dense", "sparse"))
    assert {hit.sparse_rank for hit in dense} == {None}
    assert {hit.dense_rank for hit in sparse} == {None}
    assert [hit.dense_rank for hit in dense] == sorted(hit.dense_rank for hit in dense)
    assert [hit.score for hit in sparse] == sorted((hit.score for hit in sparse), reverse=True)
    assert {hit.passage_id for hit in both} <= {hit.passage_id for hit in (*dense, *sparse)}
    with pytest.raises(LibraryError, match="leg is 'both'; give one of hybrid, dense, sparse"):
        mixed.search("oven", leg="both")


LETTER = (
    "Dear {}, the kestrel pump of your boat was looked at in spring. Its seals were greased, the filter was cleaned, "
    "and the housing was opened by our own people only. Please run it for a few minutes every week, keep the bilge "
    "free of oil, and call us before the season ends so that we can bring it to the shed, drain it, and keep it dry "
    "until the ice on the lake is gone and the first boats go out again."
)


@pytest.mark.parametrize("leg", ["hybrid", "sparse", "dense"])
def test_near_duplicates_leave_the_places_to_others(library, folder, leg):
    for first, second in product("abcdefg", "xyzuvwrstq"):
        (folder / f"letter-{first}{second}.txt").write_text(LETTER.format(first + second))
    (folder / "history.txt").write_text("The kestrel pump was invented by a clockmaker.")
    (folder / "price.txt").write_text("A kestrel pump is dear.")
    library.ingest([folder])
    hits = library.search("kestrel pump of the boat", 5, leg=leg)
    assert len(hits) == 3
    assert {"history.txt", "price.txt"} < names(hits)
    assert max(len(hit.duplicates) for hit in hits) >= 49

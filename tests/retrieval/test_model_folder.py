"""Models by their names in the local Hugging Face cache: found, told apart, and loaded without a network."""

import shutil
import socket

import numpy as np
import pytest
import torch
from huggingface_hub import constants, snapshot_download
from huggingface_hub._tree_cache import TreeCacheEntry, write_tree_cache
from huggingface_hub.errors import IncompleteSnapshotError
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import BertConfig, BertForSequenceClassification, BertModel, PreTrainedTokenizerFast

from retrieval.embed import Embedder
from retrieval.errors import LibraryError
from retrieval.library import Library
from retrieval.model_folder import model_folder
from retrieval.rerank import Reranker

WORDS = "[UNK] [PAD] [CLS] [SEP] [MASK] alpha beta gamma query passage : .".split()


@pytest.fixture(autouse=True)
def attempts(monkeypatch):
    """No connection can be made, and all that were tried are listed."""
    tried = []

    def refuse(*args, **_):
        tried.append(args)
        raise OSError("no network in this test")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    return tried


@pytest.fixture
def hub(tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def save_base(folder, kind=BertModel, width=16, seed=0):
    torch.manual_seed(seed)
    shape = {"hidden_size": width, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    kind(BertConfig(vocab_size=len(WORDS), num_labels=1, **shape)).save_pretrained(folder)
    backend = Tokenizer(models.WordLevel({word: place for place, word in enumerate(WORDS)}, "[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = {f"{name}_token": f"[{name.upper()}]" for name in ("unk", "pad", "cls", "sep", "mask")}
    PreTrainedTokenizerFast(tokenizer_object=backend, model_max_length=64, **special).save_pretrained(folder)
    return folder


def save(folder, pooling="mean", width=16, **options):
    """A sentence-transformers model of one layer."""
    parts = [Transformer(str(save_base(folder.with_name("base"), width=width))), Pooling(width, pooling)]
    SentenceTransformer(modules=parts, **options).save(str(folder))
    return folder


def cached(hub, name, commit, model):
    """Puts the folder `model` into the cache as the commit that `main` is, files as links to blobs."""
    repository = hub / f"models--{name.replace('/', '--')}"
    shutil.copytree(model, repository / "snapshots" / commit)
    (repository / "blobs").mkdir(exist_ok=True)
    for number, path in enumerate(p for p in sorted((repository / "snapshots" / commit).rglob("*")) if p.is_file()):
        path.rename(blob := repository / "blobs" / f"{commit}{number}")
        path.symlink_to(blob)
    (repository / "refs").mkdir(exist_ok=True)
    (repository / "refs" / "main").write_text(commit)
    return repository / "snapshots" / commit


def test_a_name_stands_for_the_snapshot_of_main(hub, tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    first = cached(hub, "acme/tiny", "c1", tmp_path / "model")
    assert model_folder("acme/tiny", "org") == first
    second = cached(hub, "acme/tiny", "c2", tmp_path / "model")
    assert model_folder("acme/tiny", "org") == second
    bare = cached(hub, "bare", "c1", tmp_path / "model")
    assert model_folder("bare", "org") == bare
    owned = cached(hub, "org/bare", "c1", tmp_path / "model")
    assert model_folder("bare", "org") == owned
    assert model_folder(str(tmp_path / "model"), "org") == tmp_path / "model"


@pytest.mark.parametrize("name", ["acme/none", "none", "not a name", "a/b/c", "../x", "", "x" * 300])
def test_what_is_no_name_of_the_cache_has_no_folder(hub, name):
    assert model_folder(name, "org") is None
    with pytest.raises(LibraryError, match="cannot be loaded; give the folder"):
        Embedder(name).encode(["alpha"])


def test_a_snapshot_without_files_that_are_not_needed_is_used(hub, tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    folder = cached(hub, "acme/tiny", "c" * 40, tmp_path / "model")
    entry = TreeCacheEntry(size=2, blob_id="b")
    write_tree_cache(str(folder.parents[1]), "c" * 40, {"config.json": entry, "onnx/model.onnx": entry})
    with pytest.raises(IncompleteSnapshotError):
        snapshot_download("acme/tiny", local_files_only=True)
    assert model_folder("acme/tiny", "org") == folder


def test_a_named_model_is_its_snapshot_and_asks_no_server(hub, tmp_path, attempts):
    folder = save(tmp_path / "model")
    cached(hub, "sentence-transformers/tiny", "c1", folder)
    attempts.clear()  # Saving a model asks for the licence of its base.
    expected = Embedder(str(folder)).encode(["alpha beta"])
    for name in ("tiny", "sentence-transformers/tiny"):
        embedder = Embedder(name)
        np.testing.assert_array_equal(embedder.encode(["alpha beta"]), expected)
        assert embedder.id.is_same(str(Embedder(str(folder)).id))
        assert str(embedder.id).startswith(f"{name}@")
    assert attempts == []


def test_a_cross_encoder_by_name_asks_no_server(hub, tmp_path, attempts):
    folder = save_base(tmp_path / "model", BertForSequenceClassification)
    cached(hub, "cross-encoder/tiny", "c1", folder)
    (expected,) = Reranker(str(folder)).scores("alpha", ["beta"])
    for name in ("tiny", "cross-encoder/tiny"):
        assert Reranker(name).scores("alpha", ["beta"]) == [expected]
    with pytest.raises(LibraryError, match="reranker acme/none cannot be loaded"):
        Reranker("acme/none").scores("alpha", ["beta"])
    assert attempts == []


@pytest.mark.parametrize("change", [{"pooling": "cls"}, {"width": 32}])
def test_another_snapshot_asks_for_a_reindex_that_repairs(hub, tmp_path, folder, change):
    (folder / "a.txt").write_text("alpha beta. gamma.")
    cached(hub, "acme/tiny", "c1", save(tmp_path / "one"))
    with Library.open(tmp_path / "library", Embedder("acme/tiny")) as library:
        library.ingest([folder])
        assert library.search("alpha")
    cached(hub, "acme/tiny", "c2", save(tmp_path / "two", **change))
    embedder = Embedder("acme/tiny")
    with Library.open(tmp_path / "library", embedder) as library:
        with pytest.raises(LibraryError, match="run: footnote reindex"):
            library.search("alpha")
        library.reindex()
        (hit,) = library.search("alpha beta. gamma.", leg="dense")
        assert hit.score > 0.99
    shutil.rmtree(hub)
    with Library.open(tmp_path / "library", Embedder("acme/tiny")) as library:
        assert library.documents()
        for search in (library.reindex, lambda: library.search("alpha")):
            with pytest.raises(LibraryError, match="embedding model acme/tiny cannot be loaded"):
                search()


PROMPTS = {"query": "query : ", "document": "passage : "}


def by_hand(folder, prompt):
    vector = SentenceTransformer(str(folder)).encode("alpha", prompt=prompt, normalize_embeddings=True)
    return pytest.approx(vector, abs=0.01)


@pytest.mark.parametrize(
    "prompts",
    [PROMPTS, {"query": "query : ", "passage": "passage : "}, {"query": "query : "}, {"document": "gamma "}, {}],
)
def test_questions_and_passages_have_prompts_of_their_own(tmp_path, prompts):
    folder = save(tmp_path / "model", prompts=prompts)
    embedder = Embedder(str(folder))
    asked = embedder.encode_query("alpha")
    (passage,) = embedder.encode(["alpha"])
    assert asked.shape == (embedder.dimensions,)
    assert asked == by_hand(folder, prompts.get("query", ""))
    assert passage == by_hand(folder, prompts.get("document", prompts.get("passage", "")))
    assert (asked @ passage > 0.9999) == (not prompts)


def test_a_default_prompt_stands_before_neither(tmp_path):
    folder = save(tmp_path / "model", prompts={"other": "gamma "}, default_prompt_name="other")
    embedder = Embedder(str(folder))
    assert embedder.encode(["alpha"])[0] == by_hand(folder, "")
    assert embedder.encode_query("alpha") == by_hand(folder, "")


def test_a_search_asks_with_the_prompt_for_questions(tmp_path, folder):
    (folder / "a.txt").write_text("alpha")
    embedder = Embedder(str(save(tmp_path / "model", prompts=PROMPTS)))
    with Library.open(tmp_path / "library", embedder) as library:
        library.ingest([folder])
        (hit,) = library.search("alpha", leg="dense")
        likeness = library.encode(["alpha"])[0] @ library.encode_query("alpha")
    assert hit.score == pytest.approx(likeness, abs=0.01)
    assert likeness < 0.99

"""Which model made the vectors of a library: told by all that decides them, and by nothing else."""

import hashlib
import json
import os
import shutil

import pytest

from retrieval import model_id
from retrieval.embed import BUNDLED, Embedder
from retrieval.errors import LibraryError
from retrieval.model_id import ModelId, identify

FILES = {
    "model.safetensors": b"weights",
    "modules.json": b"[]",
    "tokenizer.json": b"{}",
    "vocab.txt": b"a",
    "1_Pooling/config.json": b'{"pooling_mode": "mean"}',
    "README.md": b"about",
    "LICENSE.txt": b"free",
    ".git/config": b"x",
    ".hidden": b"x",
}
DECIDING = ["model.safetensors", "modules.json", "tokenizer.json", "vocab.txt", "1_Pooling/config.json"]


@pytest.fixture
def model(tmp_path):
    """A folder that looks like a model."""
    folder = tmp_path / "model"
    for name, data in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


@pytest.mark.parametrize("name", FILES)
def test_what_decides_the_vectors_makes_another_model(model, name):
    before = identify(str(model))
    (model / name).write_bytes(b"other")
    after = identify(str(model))
    assert after.is_same(str(before)) == (name not in DECIDING)
    assert (after.key == before.key) == (name not in DECIDING)


@pytest.mark.parametrize("name", ["1_Pooling/config.json", "tokenizer.json"])
def test_a_file_more_or_less_makes_another_model(model, name):
    before = str(identify(str(model)))
    (model / name).rename(model / "other.json")
    assert str(identify(str(model))) != before


def test_a_model_is_the_same_wherever_it_lies(model, tmp_path):
    shutil.copytree(model, tmp_path / "elsewhere")
    one, two = identify(str(model)), identify(str(tmp_path / "elsewhere"))
    assert str(one) != str(two)
    assert one.key == two.key
    assert two.is_same(str(one))


def test_an_id_of_the_weights_alone_is_accepted_as_long_as_they_are_the_same(model):
    weights = hashlib.sha256(hashlib.sha256(FILES["model.safetensors"]).digest()).hexdigest()[:12]
    former = f"/some/where@{weights}"
    assert identify(str(model)).is_same(former)
    (model / "model.safetensors").write_bytes(b"other")
    assert not identify(str(model)).is_same(former)


def test_a_name_of_no_model_is_no_id():
    assert str(Embedder().id) == Embedder().id.key == BUNDLED
    with pytest.raises(LibraryError, match="embedding model no-such-name cannot be loaded; give the folder"):
        _ = Embedder("no-such-name").id
    assert not ModelId("a").is_same("b")
    assert not ModelId("a").is_same("b@")


def test_files_are_read_once(model, tmp_path, monkeypatch):
    cache = tmp_path / "models.json"
    first = identify(str(model), cache)
    assert len(json.loads(cache.read_text())) == len(DECIDING)
    monkeypatch.setattr(hashlib, "file_digest", None)
    assert identify(str(model), cache) == first
    monkeypatch.undo()
    (model / "vocab.txt").write_bytes(b"b")
    os.utime(model / "vocab.txt", ns=(1, 1))
    assert identify(str(model), cache) != first
    for nonsense in ("", "[]", '{"x": "y"}', '{"x": 1}'):
        cache.write_text(nonsense)
        assert identify(str(model), cache) == identify(str(model))


def test_a_library_keeps_its_vectors_where_a_model_moves_and_notices_where_it_changes(open_tiny, tiny, model, folder):
    (folder / "a.txt").write_text("Alpha.")
    tiny.id = identify(str(model))
    with open_tiny(tiny) as library:
        library.ingest([folder])
    elsewhere = model.rename(model.with_name("elsewhere"))
    moved = type(tiny)()
    moved.id = identify(str(elsewhere))
    with open_tiny(moved) as library:
        assert library.search("alpha")
        library.ingest([folder], collection="other")
        library.reindex()
        assert moved.encoded == 1  # the question alone
    (elsewhere / "1_Pooling/config.json").write_bytes(b'{"pooling_mode": "cls"}')
    changed = type(tiny)()
    changed.id = identify(str(elsewhere))
    with open_tiny(changed) as library:
        with pytest.raises(LibraryError, match="run: footnote reindex"):
            library.search("alpha")
        library.reindex()
        assert changed.encoded == 2
        assert library.search("alpha")
        library.reindex()
        assert changed.encoded == 3


def test_a_library_of_the_former_ids_takes_on_the_new_one(open_tiny, tiny, model, folder):
    tiny.id = identify(str(model))
    (folder / "a.txt").write_text("Alpha.")
    with open_tiny(tiny) as library:
        library.ingest([folder])
        with library._store.transaction():
            library._store.set_fact("model", f"/old@{tiny.id.former}")
        assert library.search("alpha")
        (folder / "b.txt").write_text("Beta.")
        library.ingest([folder])
        assert library._store.fact("model") == str(tiny.id)


def test_other_prompts_make_another_model_and_those_for_passages_one_that_was_not_known(model, monkeypatch):
    (model / "config_sentence_transformers.json").write_text('{"prompts": {"query": "q: "}}')
    asks = identify(str(model))
    assert asks.former
    (model / "config_sentence_transformers.json").write_text('{"prompts": {"query": "q: ", "passage": "p: "}}')
    both = identify(str(model))
    assert not both.former
    assert not both.is_same(str(asks))
    assert not both.is_same(f"/some/where@{asks.former}")
    assert not both.is_same("/some/where@")
    assert both.is_same(f"/some/where@{both.digest}")
    monkeypatch.setattr(model_id, "_reads_passages_anew", lambda folder: False)
    assert not both.is_same(str(identify(str(model))))  # of the version that left out prompts

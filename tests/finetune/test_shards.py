"""Token shards say exactly what the documents say, whoever encodes them and whatever stops it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from app.main import build_cli
from assistant.chatml import END_OF_TEXT, ChatML
from assistant.errors import InputError
from finetune import sharding
from finetune import shards as on_disk
from finetune.encode import Batch, encoded
from finetune.recipe import load_recipe
from finetune.record import origin
from finetune.sharding import sample, shards_of
from finetune.shards import MANIFEST, TRAIN, Stream, Writer, open_shards
from finetune.tokenizer import separator_id

ROOT = str(Path(on_disk.__file__).parents[1])
ODD = [
    "",
    "é ß 漢字 🙂",
    f"a {END_OF_TEXT} b <|im_start|>user <|<|pad|>pad|>",
    "\n\n  spaces \t",
    "x" * 300,
    "\x00\x7f",
]


@pytest.fixture
def recipe(write_rows, write_recipe, tmp_path):
    """A function that writes `texts` into files, and gives a recipe over them."""

    def write(texts, **settings):
        rows = [{"text": text} for text in texts]
        paths = [write_rows(rows[0::2], "one.jsonl"), write_rows(rows[1::2], "two.jsonl")]
        values = {"kind": "pretrain", "output": str(tmp_path / "runs" / "out"), "data.paths": list(map(str, paths))}
        shape = {"model.layers": 1, "model.width": 16, "model.heads": 2, "model.vocabulary": 300, "training.window": 32}
        return write_recipe({**values, **shape, "data.validation": 0.2, **settings})

    return write


def _texts(count):
    return [f"Cat {n} sat on mat {n}. {ODD[n % len(ODD)]} It sat {n * n} times." for n in range(count)]


def _made(path, *settings):
    recipe = load_recipe(path, settings)
    return shards_of(recipe, origin(recipe).data)


def _documents(stream, tokenizer):
    ids = stream.around(0, len(stream))
    separator = separator_id(tokenizer)
    assert ids[0] == separator
    parts = np.split(ids, np.flatnonzero(ids == separator)[1:])
    return [tokenizer.decode(part[1:], clean_up_tokenization_spaces=False) for part in parts]


def test_shards_decode_back_to_the_documents(recipe, monkeypatch):
    monkeypatch.setattr(on_disk, "SHARD_TOKENS", 1000)
    texts = _texts(200)
    shards = _made(recipe(texts))
    train, validation = (_documents(part, shards.tokenizer) for part in (shards.train, shards.validation))
    assert sorted([*train, *validation]) == sorted(texts)
    assert 10 < len(validation) < 80
    assert train == [text for text in [*texts[0::2], *texts[1::2]] if text in set(train)]  # in the order of the files
    assert len(shards.manifest.train.sizes) > 3
    assert set(shards.manifest.train.sizes[:-1]) == {1000}
    counts = shards.manifest.counts
    assert (counts["tokens"], counts["validation tokens"]) == (len(shards.train), len(shards.validation))
    assert counts["texts on two sides of the split"] == 0
    bytes_on_disk = sum(path.stat().st_size for path in shards.folder.glob("*.bin"))
    assert bytes_on_disk == 2 * (counts["tokens"] + counts["validation tokens"])


def test_more_processes_encode_the_same_in_the_same_order(tiny_tokenizer):
    texts = [text for text in _texts(60) if text]
    batches = [Batch(texts[start : start + 7], [start] * len(texts[start : start + 7])) for start in range(0, 60, 7)]
    chatml, separator = ChatML(tiny_tokenizer), separator_id(tiny_tokenizer)
    json_of = tiny_tokenizer.backend_tokenizer.to_str()
    for processes in (1, 2):
        found = list(encoded(batches, json_of, separator, processes))
        assert [one.notes for one in found] == [batch.notes for batch in batches]
        ids = np.concatenate([one.ids for one in found]).tolist()
        assert ids == [number for text in texts for number in [separator, *chatml.encode_text(text)]]
        assert [size for one in found for size in one.sizes] == [1 + len(chatml.encode_text(text)) for text in texts]


@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=8),
    shard=st.integers(1, 20),
    start=st.integers(0, 400),
    count=st.integers(1, 60),
)
def test_a_stream_goes_on_from_shard_to_shard_and_begins_again(tmp_path_factory, sizes, shard, start, count):
    folder = tmp_path_factory.mktemp("stream")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(on_disk, "SHARD_TOKENS", shard)
        writer = Writer(folder, TRAIN)
        ids = np.arange(sum(sizes), dtype=np.uint16)
        for part in np.split(ids, np.cumsum(sizes)[:-1]):
            writer.add(part)
    side = writer.side()
    assert (writer.written() == ids).all()
    assert all(size == shard for size in side.sizes[:-1])
    stream = Stream(folder, TRAIN, side.sizes)
    assert len(stream) == len(ids)
    assert (stream.around(start, count) == (start + np.arange(count)) % len(ids)).all()


def test_the_same_data_are_encoded_once(recipe):
    path = recipe(_texts(60))
    folder = _made(path).folder
    assert folder.parent.name == "shards"
    before = (folder / MANIFEST).stat().st_mtime_ns
    assert _made(path, "training.window=16", "training.learning_rate=0.5", "model.layers=2").folder == folder
    assert (folder / MANIFEST).stat().st_mtime_ns == before
    other = [
        _made(path, setting).folder for setting in ("training.seed=2", "data.validation=0.3", "data.max_tokens=500")
    ]
    assert len({folder, *other}) == 4


IN_SMALL_BATCHES = """
import sys
from finetune import sharding
from finetune.recipe import load_recipe
from finetune.scratch import make_shards
sharding._BATCH_CHARACTERS = 1000
make_shards(load_recipe(__import__("pathlib").Path(sys.argv[1])))
"""


@pytest.mark.timeout(240)  # each process loads everything anew
def test_two_kills_leave_nothing_half_written(recipe, tmp_path):
    texts = _texts(4000)
    path = recipe(texts)
    folder = tmp_path / "runs" / "shards"
    for _ in range(2):
        command = [sys.executable, "-c", IN_SMALL_BATCHES, str(path)]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": ROOT})
        while not any(one.stat().st_size for one in folder.glob(".*.part/train-*.bin")):
            assert process.poll() is None, process.stderr.read().decode()
            time.sleep(0.002)
        process.kill()
        process.wait()
        process.stderr.close()
        assert process.returncode == -signal.SIGKILL
        (left,) = folder.iterdir()
        assert left.name.startswith(".")
        assert not (left / MANIFEST).exists()
    shards = _made(path)
    assert list(folder.iterdir()) == [shards.folder]
    found = [text for part in (shards.train, shards.validation) for text in _documents(part, shards.tokenizer)]
    assert sorted(found) == sorted(texts)


def test_a_single_document_is_cut_for_its_validation(recipe):
    shards = _made(recipe([" ".join(f"Cat {n} sat." for n in range(200))]))
    (learned,), (kept,) = (_documents(part, shards.tokenizer) for part in (shards.train, shards.validation))
    assert learned.startswith("Cat 0 sat.")
    assert kept.endswith("Cat 199 sat.")


def test_few_documents_are_kept_by_size(recipe):
    shards = _made(recipe(["The cat sat on the mat. " * 9, "Dogs bark."]), "data.validation=0.05")
    assert _documents(shards.validation, shards.tokenizer) == ["Dogs bark."]


def test_a_limit_takes_even_shares_of_the_files(recipe):
    shards = _made(recipe(_texts(400), **{"data.max_tokens": 2000}))
    found = [*_documents(shards.train, shards.tokenizer), *_documents(shards.validation, shards.tokenizer)]
    numbers = [int(text.split()[1]) % 2 for text in found]
    assert 2000 <= shards.manifest.counts["tokens"] + shards.manifest.counts["validation tokens"] < 2500
    assert abs(numbers.count(0) - numbers.count(1)) < 12


def test_a_sample_is_bounded_seeded_and_fair_to_long_texts():
    long, short = "a" * 400_000, [f"{n} " + "b" * 90 for n in range(4000)]
    chosen = sample([*short, long], 100_000, seed=1)
    assert 100_000 <= sum(map(len, chosen)) < 110_000
    assert sample([long, *reversed(short)], 100_000, seed=1) == chosen
    assert sample([*short, long], 100_000, seed=2) != chosen
    share = sum(len(piece) for piece in chosen if piece[0] == "a") / sum(map(len, chosen))
    assert share < 0.9  # pieces of one text are alike here, so all or none of them come; none fills the sample


def test_shards_alone_are_enough_and_their_settings_are_held(recipe, tmp_path):
    made = _made(recipe(_texts(60)))
    alone = ["data.paths=[]", f'data.shards="{made.folder}"']
    path = recipe(_texts(60))
    assert _made(path, *alone).manifest == made.manifest
    with pytest.raises(InputError, match=r"^model\.vocabulary: the shards were made with 300, not 400; give it back"):
        _made(path, *alone, "model.vocabulary=400")
    with pytest.raises(InputError, match=r"manifest\.json cannot be read .*; name a folder of finished shards"):
        _made(path, "data.paths=[]", f'data.shards="{tmp_path / "none"}"')
    with pytest.raises(InputError, match=r"holds shards of other data or settings; name another folder"):
        _made(path, f'data.shards="{made.folder}"', "training.seed=2")
    with pytest.raises(InputError, match=r"is there and holds no finished shards; name another folder"):
        _made(path, f'data.shards="{tmp_path}"')


def test_damaged_shards_are_refused_by_name(recipe):
    folder = _made(recipe(_texts(60))).folder
    shard, manifest = folder / "train-000.bin", folder / MANIFEST
    whole, told = shard.read_bytes(), manifest.read_text()
    shard.write_bytes(whole[:-2])
    with pytest.raises(InputError, match=r"train-000\.bin is missing or not whole; copy it again"):
        open_shards(folder)
    shard.write_bytes(whole)
    for text in (told[:50], "[]", json.dumps({**json.loads(told), "colour": 1})):
        manifest.write_text(text)
        with pytest.raises(InputError, match=r"manifest\.json is damaged; copy it again"):
            open_shards(folder)
    manifest.write_text(told.replace("shards-1", "shards-9"))
    with pytest.raises(InputError, match=r"is not of the format footnote-shards-1; make the shards again"):
        open_shards(folder)
    manifest.write_text(told)
    (folder / "tokenizer.json").unlink()
    with pytest.raises(InputError, match=r"the tokenizer in .* cannot be read .*; copy it again"):
        open_shards(folder)


def test_a_vocabulary_beyond_two_bytes_is_refused(recipe):
    with pytest.raises(InputError, match=r"^model\.vocabulary must be at most 65536"):
        _made(recipe(_texts(4)), "model.vocabulary=70000")


def test_only_pretraining_is_prepared(recipe, write_recipe):
    path = recipe(_texts(60))
    done = CliRunner().invoke(build_cli(), ["finetune", str(path), "--prepare"])
    assert done.stdout.startswith("token shards in ")
    other = write_recipe({"kind": "domain", "output": "out", "base": "bundled", "data.paths": ["x"]}, "other.toml")
    refused = CliRunner().invoke(build_cli(), ["finetune", str(other), "--prepare"])
    assert isinstance(refused.exception, InputError)
    assert str(refused.exception) == "--prepare is for recipes of the kind pretrain"


def test_a_bad_row_is_counted_once(recipe, tmp_path, capfd):
    path = recipe(_texts(60))
    with (tmp_path / "one.jsonl").open("a") as rows:
        rows.write('{"text": 7}\n')
    assert _made(path).manifest.counts["bad rows"] == 1
    assert capfd.readouterr().err.count("left out: ") == 1


def test_the_sample_is_bounded_where_the_corpus_is_not(recipe, monkeypatch):
    monkeypatch.setattr(sharding, "SAMPLE_CHARACTERS", 500)
    few = _made(recipe(_texts(100))).tokenizer
    assert len(few) == 300

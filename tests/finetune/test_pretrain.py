"""Plain text on two sides, however few documents there are; whatever is measured on was not learned."""

import hashlib
import json

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

from assistant.chatml import END_OF_TEXT
from assistant.checkpoint import load_checkpoint
from assistant.errors import InputError
from finetune.config import Data, Recipe, Training
from finetune.language import conversations
from finetune.pretrain import streams
from finetune.recipe import load_recipe
from finetune.split import same
from finetune.tokenizer import separator_id
from finetune.train import run
from finetune.windows import IGNORED, padded

WINDOW = 32
LEFT_OVER = "tokens left out: the end of a stream, less than a window"


def _recipe(*paths, **data):
    data = {"validation": 0.1, **data}
    plan = Training(window=WINDOW)
    return Recipe("domain", "out", "base", data=Data(paths=[str(path) for path in paths], **data), training=plan)


def _learned(windows, tokenizer):
    """The text of each document in `windows`, without what is not learned; sorted, for they are shuffled."""
    rows = [windows[number] for number in range(len(windows))]
    ids = torch.cat([row["input_ids"][row["labels"] != IGNORED] for row in rows])
    return sorted(filter(None, tokenizer.decode(ids, clean_up_tokenization_spaces=False).split(END_OF_TEXT)))


def _documents(write_rows, *texts):
    return write_rows([{"text": text} for text in texts])


def test_one_of_two_documents_is_kept(write_rows, tiny_tokenizer):
    path = _documents(write_rows, "The cat sat on the mat. The cat sat on the mat.", "Dogs bark.")
    prepared = streams(_recipe(path), tiny_tokenizer)
    assert _learned(prepared.train, tiny_tokenizer) == ["The cat sat on the mat. The cat sat on the mat."]
    assert _learned(prepared.validation, tiny_tokenizer) == ["Dogs bark."]
    assert prepared.counts["tokens"] > prepared.counts["validation tokens"] > 0


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sizes=st.lists(st.integers(1, 12), min_size=2, max_size=30), share=st.sampled_from((0.05, 0.1, 0.4)))
def test_few_documents_all_fall_on_one_side_or_the_other(write_rows, tiny_tokenizer, sizes, share):
    # Each fits a window, so that no window holds the middle of one alone.
    texts = [f"{number} " + "cat " * size for number, size in enumerate(sizes)]
    prepared = streams(_recipe(_documents(write_rows, *texts), validation=share), tiny_tokenizer)
    sides = [prepared.counts["tokens"], prepared.counts["validation tokens"]]
    each = [1 + len(tiny_tokenizer.encode(text, add_special_tokens=False)) for text in texts]
    assert sum(sides) == sum(each)
    assert min(sides) > 0
    if max(sides) < WINDOW:  # nothing is left out
        learned, kept = (_learned(part, tiny_tokenizer) for part in (prepared.train, prepared.validation))
        assert sorted([*learned, *kept]) == sorted(texts)
    if min(sides) < WINDOW:  # else they are enough to be kept by their hashes
        wanted = share * sum(each)
        assert sides[1] / wanted <= max(2, min(max(size / wanted, wanted / size) for size in each)) + 1e-9


def test_enough_documents_are_kept_by_a_hash_of_each(write_rows, tiny_tokenizer):
    texts = [f"Cat {number} sat on mat {number}." for number in range(200)]
    prepared = streams(_recipe(_documents(write_rows, *texts)), tiny_tokenizer)
    kept = [
        text
        for text in texts
        if int.from_bytes(hashlib.blake2b(f"1\n{text.lower()}".encode(), digest_size=8).digest()) / 2**64 < 0.1
    ]
    expected = sum(1 + len(tiny_tokenizer.encode(text, add_special_tokens=False)) for text in kept)
    assert prepared.counts["validation tokens"] == expected


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(st.integers(1, 9), min_size=2, max_size=40),
    gap=st.sampled_from((" ", "\n", "\n\n")),
    share=st.sampled_from((0.05, 0.3)),
)
def test_the_last_sentences_of_the_only_document_are_kept(write_rows, tiny_tokenizer, lines, gap, share):
    text = gap.join(f"Cat {number} sat{' on a mat' * size}." for number, size in enumerate(lines))
    prepared = streams(_recipe(_documents(write_rows, text), validation=share), tiny_tokenizer)
    sides = [prepared.counts["tokens"], prepared.counts["validation tokens"]]
    if max(sides) < WINDOW:
        (learned,), (kept,) = (_learned(part, tiny_tokenizer) for part in (prepared.train, prepared.validation))
        assert f"{learned}{gap}{kept}" == text
        assert kept.startswith("Cat ")
    assert min(sides) > 0


def test_at_least_the_share_of_the_only_document_is_kept(write_rows, tiny_tokenizer):
    text = " ".join(f"Cat {number} sat on mat {number}." for number in range(100))
    prepared = streams(_recipe(_documents(write_rows, text), validation=0.2), tiny_tokenizer)
    found = prepared.counts["validation tokens"] / (prepared.counts["tokens"] + prepared.counts["validation tokens"])
    assert 0.2 <= found < 0.23


def test_the_only_document_is_whole_whatever_the_limit(write_rows, tiny_tokenizer, tmp_path):
    text = " ".join(f"Cat {number} sat." for number in range(100))
    prepared = streams(_recipe(_documents(write_rows, text), max_tokens=10), tiny_tokenizer)
    unlimited = streams(_recipe(tmp_path / "rows.jsonl"), tiny_tokenizer)
    assert prepared.counts == unlimited.counts


@pytest.mark.parametrize(
    ("texts", "data", "told"),
    [
        (["The cat sat on the mat"], {}, r"^data\.validation: the text is a single sentence, .*; name more text$"),
        (
            ["Cats sit. " * 20, "Dogs bark."],
            {"max_tokens": 5},
            r"^data\.max_tokens: the first document fills 5, ",
        ),
    ],
)
def test_where_nothing_can_be_kept_one_line_says_so(write_rows, tiny_tokenizer, texts, data, told):
    with pytest.raises(InputError, match=told):
        streams(_recipe(_documents(write_rows, *texts), **data), tiny_tokenizer)


def test_a_document_in_two_files_is_one(write_rows, tiny_tokenizer):
    row = [{"text": "The cat sat on the mat. It sat."}]
    one, other = write_rows(row, "one.jsonl"), write_rows(row, "other.jsonl")
    prepared = streams(_recipe(one, other), tiny_tokenizer)
    assert _learned(prepared.train, tiny_tokenizer) == ["The cat sat on the mat."]
    assert _learned(prepared.validation, tiny_tokenizer) == ["It sat."]


def test_fewer_tokens_than_files_still_are_a_limit(write_rows, tiny_tokenizer):
    paths = [
        write_rows([{"text": f"Cat {name} {number} sat."} for number in range(50)], f"{name}.jsonl") for name in "abc"
    ]
    prepared = streams(_recipe(*paths, max_tokens=2), tiny_tokenizer)
    assert prepared.counts["tokens"] + prepared.counts["validation tokens"] < 60


def test_the_end_of_a_stream_is_counted(write_rows, tiny_tokenizer):
    texts = [f"Cat {number} sat on mat {number}." for number in range(200)]
    prepared = streams(_recipe(_documents(write_rows, *texts)), tiny_tokenizer)
    whole = (len(prepared.train) + len(prepared.validation)) * WINDOW
    counts = prepared.counts
    assert counts[LEFT_OVER] == counts["tokens"] + counts["validation tokens"] - whole


def test_padding_is_not_learned():
    windows = padded(np.array([5, 6], dtype=np.int32), 4, pad=9)
    assert {name: row.tolist() for name, row in windows[0].items()} == {
        "input_ids": [5, 6, 9, 9],
        "labels": [5, 6, IGNORED, IGNORED],
    }


def test_a_domain_is_learned_from_the_only_document_of_a_collection(tiny_checkpoint, write_recipe, tmp_path):
    from retrieval.library import Library

    notes = tmp_path / "notes.txt"
    notes.write_text("The keeper lit the lamp. The lamp was lit at dusk. The keeper slept at dawn. Dawn was at six.")
    with Library.open(tmp_path / "home" / "library") as library:
        library.ingest([notes], collection="notes")
    values = {"kind": "domain", "output": str(tmp_path / "out"), "base": str(tiny_checkpoint)}
    settings = {"data.collection": "notes", "training.window": 256, "training.learning_rate": 0.001}
    folder = run(load_recipe(write_recipe({**values, **settings})))
    record = json.loads((folder / "run.json").read_text())
    assert record["steps"] == 1
    assert record["validation_loss"]["after"] < record["validation_loss"]["before"]
    assert load_checkpoint(folder).positions == 256


def test_a_tokenizer_without_a_token_between_texts_is_refused(tiny_tokenizer):
    assert separator_id(tiny_tokenizer) == tiny_tokenizer.convert_tokens_to_ids(END_OF_TEXT)
    words = Tokenizer(models.WordLevel({"cat": 0, "end": 1}, unk_token="cat"))
    bare = PreTrainedTokenizerFast(tokenizer_object=words)
    bare.add_special_tokens({"eos_token": "end"})
    assert separator_id(bare) == 1
    bare.eos_token = None
    with pytest.raises(InputError, match=r"^base: its tokenizer has no <\|endoftext\|>"):
        separator_id(bare)


def _instruct(path, **data):
    data = Data(paths=[str(path)], validation=0.2, **data)
    return Recipe("instruct", "out", "base", data=data, training=Training(window=256))


def test_a_source_that_no_row_has_cannot_be_repeated(write_rows, counting_rows, tiny_tokenizer):
    path = write_rows([*counting_rows(10), *({**row, "source": "ours"} for row in counting_rows(20)[10:])])
    with pytest.raises(InputError) as refused:
        conversations(_instruct(path, repeats={"ours": 2, "rows": 2, "other": 0}), tiny_tokenizer)
    assert str(refused.value) == ("data.repeats: no row is of the source other, rows; the sources are ours, rows.jsonl")
    counts = conversations(_instruct(path, repeats={"ours": 3, "rows.jsonl": 0}), tiny_tokenizer).counts
    assert counts["rows of ours"] % 3 == 0
    assert "rows of rows.jsonl" not in counts


def test_repeats_that_leave_no_row_are_refused(write_rows, counting_rows, tiny_tokenizer):
    with pytest.raises(InputError, match=r"^data\.repeats leaves no row to train on; raise one of them$"):
        conversations(_instruct(write_rows(counting_rows(10)), repeats={"rows.jsonl": 0}), tiny_tokenizer)


def test_too_little_plain_text_for_its_windows_is_refused(write_rows, counting_rows, tiny_tokenizer):
    text = write_rows([{"text": "The cat sat on the mat. " * 60}], "text.jsonl")
    data = {"plain_text": [str(text)], "plain_windows": 50}
    with pytest.raises(InputError, match=r"^data\.plain_windows: the plain text makes only \d of 50; name more of it$"):
        conversations(_instruct(write_rows(counting_rows(10)), **data), tiny_tokenizer)


def test_documents_that_differ_in_white_space_fall_on_one_side(write_rows, tiny_tokenizer):
    texts = [f"Cat {number} sat on mat {number}." for number in range(60)]
    spaced = [text.replace(" ", "  ").upper() for text in texts]
    prepared = streams(_recipe(_documents(write_rows, *texts, *spaced), validation=0.3), tiny_tokenizer)
    kept = {same(text) for text in _learned(prepared.validation, tiny_tokenizer)}
    assert kept
    assert not kept & {same(text) for text in _learned(prepared.train, tiny_tokenizer)}
    assert prepared.counts["texts on two sides of the split"] == 0


def test_a_document_on_both_sides_is_refused(write_rows, tiny_tokenizer):
    rows = write_rows([{"text": "The cat sat.", "title": n} for n in range(2)])  # too few for a hash: kept by size
    with pytest.raises(
        InputError, match=r"1 texts stand on two sides of the split, such as 'The cat sat\.'; name each"
    ):
        streams(_recipe(rows), tiny_tokenizer)


def test_a_book_in_plain_text_is_trained_on(write_recipe, tiny_checkpoint, tmp_path):
    book = tmp_path / "book.txt"
    book.write_text("".join(f"The keeper lit lamp {n}. " for n in range(60)))
    values = {"kind": "domain", "base": str(tiny_checkpoint), "output": str(tmp_path / "out")}
    recipe = write_recipe({**values, "data.paths": [str(book)], "training.window": 64, "training.batch": 2})
    record = json.loads((run(load_recipe(recipe)) / "run.json").read_text())
    assert list(record["data"]) == ["book.txt"]
    assert record["counts"]["texts on two sides of the split"] == 0

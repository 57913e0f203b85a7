"""Perplexity on a tiny real GPT-2, against a second implementation that reads the whole context anew for each token."""

import json
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from assistant.checkpoint import Checkpoint, load_checkpoint
from assistant.errors import InputError, ModelError
from eval.documents import encoded, read_documents
from eval.perplexity import measure, negative_logs, perplexity_of, score_each, spans

TEXT = "The lighthouse at Skerryvore was lit in 1844. Its keeper was Alan Stevenson. Zoë paid 5 € – naïve? 日本。 " * 4
OTHER = "I don't know. The cat sat on the mat."


@pytest.fixture(scope="module")
def checkpoint(tiny_checkpoint):
    return load_checkpoint(tiny_checkpoint)


@torch.inference_mode()
def one_by_one(model, ids, context, stride):
    """The probabilities of `ids[1:]`, each from a run of its own over all that its window lets it see."""
    found = []
    for place in range(1, len(ids)):
        window = max(0, math.ceil((place - context) / stride))
        logits = model(torch.tensor([ids[window * stride : place]])).logits[0, -1]
        found.append(float(torch.softmax(logits.double(), dim=-1)[ids[place]]))
    return found


def test_the_worked_example():
    """Their product is 2.25e-6. With the mean of 1.6256 rounded to 1.63 on the way it would come out as 5.10."""
    example = (0.10, 0.20, 0.05, 0.50, 0.30, 0.40, 0.15, 0.25)
    assert perplexity_of(example) == pytest.approx(2.25e-6 ** (-1 / 8), rel=1e-12)
    assert round(perplexity_of(example), 2) == 5.08
    assert round(math.exp(round(math.log(perplexity_of(example)), 2)), 2) == 5.10


@given(st.integers(2, 50_000), st.integers(1, 40))
def test_a_uniform_choice_among_n_has_perplexity_n(n, tokens):
    assert perplexity_of([1 / n] * tokens) == pytest.approx(n)


def test_probabilities_at_the_edges():
    assert perplexity_of([1.0, 1.0]) == 1
    assert perplexity_of([0.5, 0.0]) == math.inf
    for wrong in ([], [1.1], [-0.1], [math.nan]):
        with pytest.raises(InputError, match="from 0 to 1"):
            perplexity_of(wrong)


@given(st.integers(0, 300), st.integers(1, 64), st.data())
def test_every_position_is_scored_once_with_the_context_that_the_stride_allows(length, context, data):
    stride = data.draw(st.integers(1, context))
    found = list(spans(length, context, stride))
    assert [place for span in found for place in range(span.scored, span.end)] == list(range(length))
    assert all(0 < span.end - span.begin <= context for span in found)
    assert all(span.scored - span.begin == (0 if not span.begin else context - stride) for span in found)


@pytest.mark.parametrize(("context", "stride"), [(256, 256), (64, 64), (64, 17), (64, 1), (9, 4)])
def test_windows_agree_with_one_token_at_a_time(checkpoint, context, stride):
    (document,) = encoded([TEXT], checkpoint.tokenizer)
    expected = one_by_one(checkpoint.model, document.ids, context, stride)
    found = measure([TEXT], checkpoint, stride=stride, context=context)
    assert found.tokens == len(expected)
    assert found.perplexity == pytest.approx(perplexity_of(expected), rel=1e-4)
    assert found.bits_per_byte == pytest.approx(-sum(map(math.log2, expected)) / len(TEXT.encode()), rel=1e-4)


def test_a_stride_as_long_as_the_context_cuts_into_chunks(checkpoint):
    (document,) = encoded([TEXT], checkpoint.tokenizer)
    chunks = [document.ids[start : start + 65] for start in range(0, len(document.ids) - 1, 64)]
    apart = [logs for chunk in chunks for logs in negative_logs(checkpoint.model, chunk, 64, 64)]
    assert list(negative_logs(checkpoint.model, document.ids, 64, 64)) == apart


def test_the_stride_changes_neither_the_tokens_nor_the_bytes(checkpoint):
    found = [measure([TEXT, OTHER], checkpoint, stride=stride, context=64) for stride in (3, 40, 64)]
    assert len({(item.tokens, item.bytes) for item in found}) == 1
    assert found[0].bytes == len((TEXT + OTHER).encode())


def test_of_a_text_inside_the_window_the_stride_changes_nothing(checkpoint):
    (one, other) = (measure([OTHER], checkpoint, stride=stride) for stride in (64, 256))
    assert (one.perplexity, one.bits_per_byte) == (other.perplexity, other.bits_per_byte)


def test_documents_do_not_see_one_another(checkpoint):
    both, turned = measure([TEXT, OTHER], checkpoint), measure([OTHER, TEXT], checkpoint)
    assert both.bits_per_byte == pytest.approx(turned.bits_per_byte, rel=1e-9)
    single = [measure([text], checkpoint) for text in (TEXT, OTHER)]
    bits = sum(item.bits_per_byte * item.bytes for item in single)
    assert both.bits_per_byte == pytest.approx(bits / both.bytes, rel=1e-9)
    assert (both.documents, both.tokens) == (2, sum(item.tokens for item in single))


def test_documents_one_by_one_add_up_to_the_whole(checkpoint):
    shares = []
    each = score_each([TEXT, OTHER], checkpoint, stride=64, context=128, progress=shares.append)
    whole = measure([TEXT, OTHER], checkpoint, stride=64, context=128)
    assert shares == [0.5, 1]
    assert sum(score.tokens for score in each) == whole.tokens
    assert [score.bytes for score in each] == [len(TEXT.encode()), len(OTHER.encode())]
    assert math.exp(sum(score.nats for score in each) / whole.tokens) == pytest.approx(whole.perplexity)


def test_the_two_figures_say_the_same_of_one_tokenizer(checkpoint):
    found = measure([TEXT], checkpoint)
    assert found.bits_per_byte * found.bytes == pytest.approx(math.log2(found.perplexity) * found.tokens)
    assert found.tokenizer.startswith(f"{len(checkpoint.tokenizer)} tokens, ")


def test_the_first_token_is_predicted_from_the_end_of_text(checkpoint):
    (document,) = encoded([OTHER], checkpoint.tokenizer)
    assert document.ids[0] == checkpoint.tokenizer.convert_tokens_to_ids("<|endoftext|>")
    assert checkpoint.tokenizer.decode(document.ids[1:]) == OTHER


def test_tags_inside_a_text_are_data(checkpoint):
    (document,) = encoded(["before <|endoftext|> after <|im_end|>"], checkpoint.tokenizer)
    assert not set(document.ids[1:]) & set(checkpoint.tokenizer.convert_tokens_to_ids(["<|endoftext|>", "<|im_end|>"]))


def test_without_a_start_token_the_first_token_is_not_scored(tiny_model, tiny_checkpoint):
    tokenizer = load_checkpoint(tiny_checkpoint).tokenizer
    tokenizer.get_vocab = lambda: {"a": 0}
    tokenizer.bos_token = None
    found = measure([OTHER], Checkpoint("no start", tiny_model, tokenizer, 256))
    ids = tokenizer.encode(OTHER, add_special_tokens=False)
    assert found.tokens == len(ids) - 1
    assert found.bytes == len(OTHER) - len(tokenizer.decode(ids[:1]))


def test_a_limit_ends_in_the_middle_of_a_document(checkpoint):
    (whole,) = encoded([OTHER], checkpoint.tokenizer)
    found = measure([OTHER, TEXT, TEXT], checkpoint, limit=len(whole.ids) - 1 + 10)
    start = checkpoint.tokenizer.decode(encoded([TEXT], checkpoint.tokenizer)[0].ids[1:11])
    assert (found.documents, found.tokens) == (2, len(whole.ids) - 1 + 10)
    assert found.bytes == len((OTHER + start).encode())


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"stride": 0}, "stride must be from 1 to the context of 256 tokens, not 0"),
        ({"stride": 65, "context": 64}, "stride must be from 1 to the context of 64 tokens, not 65"),
        ({"context": 257}, "context must be from 1 to the 256 positions"),
        ({"context": 0}, "context must be from 1"),
        ({"limit": 0}, "limit_tokens"),
    ],
)
def test_settings_out_of_range_are_named(checkpoint, settings, named):
    with pytest.raises(InputError, match=named):
        measure([TEXT], checkpoint, **settings)


def test_weights_that_give_no_number_are_refused(tiny_checkpoint):
    broken = load_checkpoint(tiny_checkpoint)
    broken.model.transformer.ln_f.weight.data.fill_(math.nan)
    with pytest.raises(ModelError, match="not finite"):
        measure([OTHER], broken)


def test_rows_are_documents_and_a_plain_text_is_one(tmp_path):
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in (TEXT, OTHER)))
    (tmp_path / "plain.txt").write_bytes("\ufeffé\r\n\n日本".encode())
    assert read_documents(tmp_path / "rows.jsonl") == [TEXT, OTHER]
    assert read_documents(tmp_path / "plain.txt") == ["é\r\n\n日本"]


@pytest.mark.parametrize(
    ("name", "content", "named"),
    [
        ("empty.txt", b"", "empty"),
        ("blank.txt", b" \n", "empty"),
        ("empty.jsonl", b"", "empty"),
        ("key.jsonl", b'{"words": "a"}', "'text'"),
        ("half.jsonl", b'{"text": "\\ud800"}', "surrogate"),
        ("latin.txt", b"caf\xe9", "UTF-8"),
        ("none.txt", None, "none.txt"),
    ],
)
def test_files_that_cannot_be_used_are_named(tmp_path, name, content, named):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=named):
        read_documents(tmp_path / name)

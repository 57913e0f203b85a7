"""A small model that can copy before it has learned anything."""

import random

import pytest
import torch

from assistant.errors import InputError
from finetune.base import new_model
from finetune.config import ModelShape
from finetune.tokenizer import train_tokenizer
from finetune.vocabulary import known_vocabulary

SHAPE = {"layers": 6, "width": 256, "heads": 4, "positions": 1024, "vocabulary": 1000}


@pytest.fixture(scope="module")
def tokenizer():
    words = ["".join(random.Random(n).choices("abcdefghijklmnop", k=5)) for n in range(2000)]
    text = " ".join(words) + ". Who is it? The sources say so. " + " ".join(words).title()
    return train_tokenizer([text] * 2, vocabulary=1000, positions=1024)


def copied(model, length):
    """The share of tokens of a repeated random sequence that are foreseen the second time."""
    ids = torch.randint(300, 1000, (2, length), generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        logits = model(torch.cat([ids, ids], dim=1)).logits
    foreseen = logits[:, length:-1].argmax(-1) == ids[:, 1:]
    return foreseen.float().mean().item()


@pytest.mark.parametrize("length", [64, 400])
def test_a_random_sequence_is_copied_without_any_training(tokenizer, length):
    torch.manual_seed(0)
    assert copied(new_model(ModelShape(start="copying", **SHAPE), tokenizer), length) > 0.9
    assert copied(new_model(ModelShape(**SHAPE), tokenizer), length) < 0.1


def test_the_positions_are_kept_and_the_rest_is_trained(tokenizer):
    model = new_model(ModelShape(start="copying", **SHAPE), tokenizer)
    assert [name for name, value in model.named_parameters() if not value.requires_grad] == ["transformer.wpe.weight"]


def test_another_shape_is_refused_by_name(tokenizer):
    with pytest.raises(InputError, match=r"model\.start = .copying. is made for width 256, 4 heads"):
        new_model(ModelShape(start="copying", **{**SHAPE, "width": 128}), tokenizer)


def test_what_is_known_of_the_tokens(tokenizer):
    known, ids = known_vocabulary(tokenizer), tokenizer.get_vocab()
    assert ids["."] in known.sentence_ends
    assert ids["<|im_end|>"] in known.form
    assert len(known.kin) == len(tokenizer)
    assert known.kin[ids["."]] == ids["."]
    pairs = [(n, k) for n, k in enumerate(known.kin) if n != k]
    names = tokenizer.convert_ids_to_tokens
    assert pairs
    assert all(names(k) == "\u0120" + names(n).strip("\u0120").lower() for n, k in pairs)

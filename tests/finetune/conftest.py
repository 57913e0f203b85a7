"""Tiny bases and recipes for real training runs of seconds."""

import json
import tomllib

import pytest

STOCK_TEXTS = [
    "The lighthouse at Skerryvore was lit in 1844. Its keeper was Alan Stevenson.",
    "<|im_start|>user\nWhat?<|im_end|>\n<|im_start|>assistant\nThat.<|im_end|>\n",
    "Sources:\n[1] The cat sat on the mat.\n\nQuestion: Where did the cat sit?",
]


@pytest.fixture(scope="session")
def stock_tokenizer():
    """A byte-level BPE as a stock GPT-2 has it: one special token, ChatML's tags are ordinary text."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=320, special_tokens=["<|endoftext|>"], initial_alphabet=alphabet, show_progress=False
    )
    bpe.train_from_iterator(STOCK_TEXTS * 3, trainer)
    end = "<|endoftext|>"
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe, bos_token=end, eos_token=end, unk_token=end, clean_up_tokenization_spaces=False
    )


@pytest.fixture(scope="session")
def stock_checkpoint(tmp_path_factory, stock_tokenizer):
    """The folder of a two-layer GPT-2 without ChatML's tags, with the dropout of a stock one."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    end = stock_tokenizer.eos_token_id
    shape = {"n_layer": 2, "n_embd": 16, "n_head": 2, "n_positions": 256}
    config = GPT2Config(vocab_size=len(stock_tokenizer), bos_token_id=end, eos_token_id=end, **shape)
    folder = tmp_path_factory.mktemp("stock") / "stock"
    GPT2LMHeadModel(config).save_pretrained(folder)
    stock_tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def write_rows(tmp_path):
    """A function that writes rows, and texts that are none, as JSON lines."""

    def write(rows, name="rows.jsonl"):
        path = tmp_path / name
        path.write_text("".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows))
        return path

    return write


@pytest.fixture
def write_recipe(tmp_path):
    """A function that writes a recipe of plain values, nested by dotted keys, and returns its path."""

    def write(values, name="recipe.toml"):
        lines = [f"{key} = {json.dumps(value)}" for key, value in values.items()]
        path = tmp_path / name
        path.write_text("\n".join(lines) + "\n")
        tomllib.loads(path.read_text())
        return path

    return write

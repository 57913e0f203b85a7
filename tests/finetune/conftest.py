"""Tiny bases, rows and recipes for real training runs of seconds, and the program in a process of its own."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

import finetune
from finetune import progress
from finetune.cli import models_commands

STOCK_TEXTS = [
    "The lighthouse at Skerryvore was lit in 1844. Its keeper was Alan Stevenson.",
    "<|im_start|>user\nWhat?<|im_end|>\n<|im_start|>assistant\nThat.<|im_end|>\n",
    "Sources:\n[1] The cat sat on the mat.\n\nQuestion: Where did the cat sit?",
]


WORDS = {"joy": "The keeper was glad", "fear": "Where did it hide", "anger": "I don't sit"}
ROOT = str(Path(finetune.__file__).parents[1])
PROGRAM = (sys.executable, "-m", "app.main")


@pytest.fixture(autouse=True)
def _no_progress(monkeypatch):
    """What a test reads of the standard error does not depend on how fast the machine is."""
    monkeypatch.setattr(progress, "SHOWN_AFTER_SECONDS", 3600.0)


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


@pytest.fixture(scope="session")
def counting_rows():
    """A function that makes instructions of one kind, as many as asked for."""
    return lambda count: [{"instruction": f"Say {n}.", "solution": f"{n}, {n} and {n}."} for n in range(count)]


@pytest.fixture(scope="session")
def labelled_rows():
    """A function that makes texts with one of three labels in turn, which their words tell."""
    told = list(WORDS.items())
    return lambda count: [{"text": f"{n} {told[n % 3][1]} {n}.", "label": told[n % 3][0]} for n in range(count)]


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


@pytest.fixture
def recipe_over(write_rows, write_recipe, tmp_path):
    """A function that writes a recipe of `values` over `rows`, its output in `out`, and returns its path."""

    def write(rows, values):
        given = {"output": str(tmp_path / "out"), "data.paths": [str(write_rows(rows))], "training.window": 128}
        return write_recipe({**given, **values})

    return write


@pytest.fixture
def footnote():
    """A function that runs the program with `arguments` in one process, or in those of a `launcher`."""

    def run(*arguments, launcher=PROGRAM, **more):
        command = [*map(str, launcher), *map(str, arguments)]
        env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": ROOT}
        return subprocess.run(command, capture_output=True, text=True, check=False, env=env, **more)

    return run


@pytest.fixture
def models():
    """A function that runs `footnote models ARGUMENTS` in this process and gives its result."""
    return lambda *arguments: CliRunner().invoke(models_commands(), list(map(str, arguments)))

"""Tiny real objects that many tests share: a byte-level tokenizer, a two-layer GPT-2, a Chromium."""

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import settings

# The first example of a test may load a library; how long that takes is no defect.
settings.register_profile("footnote", deadline=None)
settings.load_profile("footnote")

TEXTS = [
    "The lighthouse at Skerryvore was lit in 1844. Its keeper was Alan Stevenson.",
    "Sources:\n[1] The cat sat on the mat.\n\nQuestion: Where did the cat sit?",
    "I don't know. You are Footnote, a helpful assistant.",
]


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch, tmp_path):
    """No test reads or writes the home of the person who runs it."""
    for name in list(os.environ):
        if name.startswith("FOOTNOTE_") and name != "FOOTNOTE_CHROMIUM":
            monkeypatch.delenv(name)
    monkeypatch.setenv("FOOTNOTE_HOME", str(tmp_path / "home"))


@pytest.fixture(scope="session")
def tiny_tokenizer():
    """A BPE of 400 tokens with the ChatML tags."""
    from finetune.tokenizer import train_tokenizer

    return train_tokenizer(TEXTS * 3, vocabulary=400, positions=256)


@pytest.fixture(scope="session")
def tiny_model(tiny_tokenizer):
    """A GPT-2 of two layers with seeded random weights."""
    import torch

    from finetune.base import new_model
    from finetune.config import ModelShape

    torch.manual_seed(0)
    return new_model(ModelShape(layers=2, width=32, heads=2, positions=256, vocabulary=400), tiny_tokenizer).eval()


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory, tiny_model, tiny_tokenizer) -> Path:
    """The folder of a checkpoint that transformers can load."""
    folder = tmp_path_factory.mktemp("checkpoint") / "tiny"
    tiny_model.save_pretrained(folder)
    tiny_tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a real Chromium; without one, browser tests are skipped, and fail in CI."""
    path = os.environ.get("FOOTNOTE_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        reason = "no Chromium found: install it, or name one in FOOTNOTE_CHROMIUM"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    return path

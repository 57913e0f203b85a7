import pytest
import torch

from assistant.chatml import Rendered
from finetune.base import new_model
from finetune.bench import measure
from finetune.config import ModelShape
from finetune.learned import learned_tokens_only
from finetune.windows import IGNORED, packed


@pytest.fixture
def model(tiny_tokenizer):
    torch.manual_seed(1)
    return new_model(ModelShape(layers=2, width=32, heads=2, positions=256, vocabulary=400), tiny_tokenizer)


def test_the_short_way_has_the_loss_and_the_gradients_of_the_long_one(model):
    windows = packed([Rendered(list(range(40)), [n % 3 == 0 for n in range(40)]), Rendered([7] * 9, [True] * 9)], 64, 3)
    batch = {key: value[None] for key, value in windows[0].items()}
    long = model(**batch).loss
    (expected,) = torch.autograd.grad(long, model.transformer.wte.weight)
    short = learned_tokens_only(model)(**batch).loss
    (found,) = torch.autograd.grad(short, model.transformer.wte.weight)
    assert short.item() == pytest.approx(long.item(), rel=1e-5)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)
    assert (batch["labels"] == IGNORED).any()


def test_a_sum_over_given_items_is_what_accumulation_needs(model):
    windows = packed([Rendered(list(range(40)), [True] * 40)], 64, 3)
    batch = {key: value[None] for key, value in windows[0].items()}
    mean = learned_tokens_only(model)(**batch).loss
    halved = model(**batch, num_items_in_batch=2 * 39).loss
    assert halved.item() == pytest.approx(mean.item() / 2, rel=1e-6)


def test_the_trained_model_keeps_the_name_that_transformers_loads(model, tmp_path):
    learned_tokens_only(model).save_pretrained(tmp_path)
    assert '"GPT2LMHeadModel"' in (tmp_path / "config.json").read_text()


def test_both_sides_are_measured(tiny_checkpoint):
    found = measure(str(tiny_checkpoint), seconds=0.2, rounds=1, window=256)
    assert [speed.name for speed in found] == ["packed", "padded"]
    assert all(speed.total_tokens_per_s > 0 for speed in found)

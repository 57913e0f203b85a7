"""A model made from scratch of conversations, with plain text between them."""

import json

import numpy as np
import pytest

from assistant.chatml import ChatML
from assistant.checkpoint import load_checkpoint
from assistant.errors import InputError
from finetune.recipe import load_recipe
from finetune.train import prepare, run
from finetune.windows import IGNORED, from_stream

FROM_SCRATCH = """
kind = "instruct"
output = "{output}"
[model]
layers = 1
width = 16
heads = 2
positions = 256
vocabulary = 300
[data]
paths = ["{rows}"]
plain_text = ["{text}"]
plain_windows = 6
plain_learned = 0.5
validation = 0.1
[training]
window = 128
batch = 2
epochs = 2
learning_rate = 0.01
embedding_rate = 0.25
"""


@pytest.fixture
def from_scratch(tmp_path):
    rows, text = tmp_path / "rows.jsonl", tmp_path / "text.jsonl"
    rows.write_text("".join(json.dumps({"instruction": f"Say {n}.", "solution": f"{n}"}) + "\n" for n in range(40)))
    text.write_text(json.dumps({"text": "The number 7 follows 6. " * 2000}) + "\n")
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(FROM_SCRATCH.format(output=tmp_path / "out", rows=rows, text=text))
    return recipe


def test_conversations_are_learned_from_scratch_with_plain_text_between_them(from_scratch):
    folder = run(load_recipe(from_scratch))
    record = json.loads((folder / "run.json").read_text())
    assert record["counts"]["windows of plain text"] == 6
    assert (record["shape"]["layers"], record["shape"]["width"]) == (1, 16)
    assert record["validation_loss"]["after"] < record["validation_loss"]["before"]
    assert ChatML(load_checkpoint(folder).tokenizer).single_tokens


def test_embeddings_have_a_learning_rate_of_their_own(from_scratch):
    trainer = prepare(load_recipe(from_scratch)).trainer
    groups = trainer.create_optimizer().param_groups
    embeddings = {id(trainer.model.transformer.wte.weight), id(trainer.model.transformer.wpe.weight)}
    (own,) = [group for group in groups if {id(p) for p in group["params"]} == embeddings]
    assert (own["lr"], own["weight_decay"]) == (0.0025, 0.0)
    assert all(group["lr"] == 0.01 for group in groups if group is not own)
    assert sum(len(group["params"]) for group in groups) == len(list(trainer.model.parameters()))


def test_part_of_the_tokens_of_plain_text_is_learned():
    windows = from_stream(np.arange(4000), 100).partly_learned(0.25, seed=1)
    labels = np.concatenate([windows[n]["labels"].numpy() for n in range(len(windows))])
    assert np.mean(labels != IGNORED) == pytest.approx(0.25, abs=0.03)
    assert (labels[labels != IGNORED] == np.arange(4000)[labels != IGNORED]).all()


def test_a_table_for_a_model_from_scratch_is_refused_beside_a_base(from_scratch):
    with pytest.raises(InputError, match=r"\[model\] is for a model from scratch"):
        load_recipe(from_scratch, ["base=bundled"])

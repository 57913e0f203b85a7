"""Real runs, on a model and data small enough for seconds."""

import json
import shutil

import pytest
import torch

from assistant.chatml import ChatML, Message, Rendered
from assistant.checkpoint import _first_line, load_checkpoint
from assistant.errors import InputError, ModelError
from finetune.recipe import load_recipe
from finetune.train import run
from finetune.windows import IGNORED, packed

PRETRAIN = """
kind = "pretrain"
output = "{output}"
[model]
layers = 1
width = 16
heads = 2
positions = 256
vocabulary = 300
[data]
paths = ["{data}"]
validation = 0.1
[training]
window = 64
batch = 4
learning_rate = 0.01
"""
INSTRUCT = """
kind = "instruct"
output = "{output}"
base = "{base}"
[data]
paths = ["{data}"]
validation = 0.1
[training]
window = 256
batch = 2
epochs = 3
learning_rate = 0.01
"""


SHAPE = {"layers": 1, "width": 16, "heads": 2, "positions": 256, "vocabulary": 300}


def _pretrain_recipe(folder, settings=()):
    data = folder / "text.jsonl"
    data.write_text("\n".join(json.dumps({"text": f"The number {n} follows {n - 1}. " * 20}) for n in range(40)))
    recipe = folder / "recipe.toml"
    recipe.write_text(PRETRAIN.format(output=folder / "base", data=data))
    return load_recipe(recipe, settings)


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory):
    return run(_pretrain_recipe(tmp_path_factory.mktemp("training")))


def test_pretraining_learns_and_describes_itself(pretrained):
    record = json.loads((pretrained / "run.json").read_text())
    assert record["validation_loss"]["after"] < record["validation_loss"]["before"] - 0.5
    assert record["prompt_format"] == "chatml-1"
    assert list(record["data"]) == ["text.jsonl"]
    assert record["counts"]["tokens"] > 0
    assert record["shape"] == SHAPE
    assert record["recipe"]["model"] == {**SHAPE, "start": "random"}
    lines = [json.loads(line) for line in (pretrained / "metrics.jsonl").read_text().splitlines()]
    assert lines[-1]["eval_loss"] == record["validation_loss"]["after"]


def test_instructing_starts_from_the_checkpoint_and_saves_half_precision(pretrained, tmp_path):
    data = tmp_path / "rows.jsonl"
    rows = [{"instruction": f"Say {n}.", "solution": f"{n}"} for n in range(60)]
    rows.append({"context": "It is 7. It was 6.", "question": "What is it?", "answers": ["7"], "answerable": True})
    data.write_text("\n".join(map(json.dumps, rows)))
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(INSTRUCT.format(output=tmp_path / "out", base=pretrained, data=data))
    folder = run(load_recipe(recipe))
    record = json.loads((folder / "run.json").read_text())
    assert record["validation_loss"]["after"] < record["validation_loss"]["before"]
    assert record["counts"]["rows of rows.jsonl"] + record["counts"]["validation rows"] == 61
    assert record["shape"] == SHAPE
    assert "model" not in record["recipe"]
    checkpoint = load_checkpoint(folder)
    assert checkpoint.positions == 256
    assert next(checkpoint.model.parameters()).dtype == torch.float32


def test_a_row_of_no_known_kind_is_named(pretrained, tmp_path):
    data = tmp_path / "rows.jsonl"
    data.write_text('{"neither": 1}\n')
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(INSTRUCT.format(output=tmp_path / "out", base=pretrained, data=data))
    with pytest.raises(InputError, match=r"rows\.jsonl:1"):
        run(load_recipe(recipe))
    assert not (tmp_path / "out" / "run.json").exists()


def test_a_window_beyond_the_positions_of_the_base_is_refused(pretrained, tmp_path):
    data = tmp_path / "rows.jsonl"
    data.write_text('{"instruction": "Say 1.", "solution": "1"}\n')
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(INSTRUCT.format(output=tmp_path / "out", base=pretrained, data=data))
    with pytest.raises(InputError, match=r"training\.window: 257 .* 256 positions"):
        run(load_recipe(recipe, ["training.window=257"]))


def test_resuming_goes_on_from_the_last_saved_step(tmp_path):
    run(_pretrain_recipe(tmp_path))
    finished = run(_pretrain_recipe(tmp_path), resume=True)
    record = json.loads((finished / "run.json").read_text())
    lines = [json.loads(line) for line in (finished / "metrics.jsonl").read_text().splitlines()]
    evaluated = [line["eval_loss"] for line in lines if "eval_loss" in line]
    assert evaluated[-1] == record["validation_loss"]["after"] == pytest.approx(evaluated[1])


@pytest.mark.parametrize("folder", ["base", "base/steps", "base/steps/other"])
def test_nothing_to_resume_is_refused(tmp_path, folder):
    (tmp_path / folder).mkdir(parents=True)
    with pytest.raises(InputError, match=r"nothing to resume in .*base.steps; start without --resume"):
        run(_pretrain_recipe(tmp_path), resume=True)


def test_another_prompt_format_is_refused(tiny_checkpoint, tmp_path):
    (tmp_path / "run.json").write_text('{"prompt_format": "other-9"}')
    with pytest.raises(ModelError, match="other-9"):
        load_checkpoint(tmp_path)


def test_a_classifier_is_not_taken_for_a_model_that_chats(tiny_checkpoint, tmp_path):
    shutil.copytree(tiny_checkpoint, tmp_path / "labels")
    (tmp_path / "labels" / "run.json").write_text('{"prompt_format": "chatml-1", "kind": "classify"}')
    with pytest.raises(ModelError, match="labels: a classifier, which names labels and cannot write"):
        load_checkpoint(tmp_path / "labels")


def test_a_model_that_is_nowhere_is_named():
    with pytest.raises(ModelError, match=r"no-such-model.*--model bundled"):
        load_checkpoint("no-such-model/at-all")


def test_packing_cuts_no_conversation_and_masks_what_is_not_learned():
    examples = [Rendered([n] * n, [n % 2 == 0] * n) for n in (3, 4, 2, 5)]
    windows = packed(examples, window=8, pad=9)
    rows = [windows[index] for index in range(len(windows))]
    assert [row["input_ids"].tolist() for row in rows] == [[3, 3, 3, 4, 4, 4, 4, 9], [2, 2, 5, 5, 5, 5, 5, 9]]
    assert [row["labels"].tolist() for row in rows] == [
        [IGNORED] * 3 + [4] * 4 + [IGNORED],
        [2, 2] + [IGNORED] * 6,
    ]


def test_the_loss_is_on_the_assistants_tokens_and_the_end_only(tiny_tokenizer):
    chatml = ChatML(tiny_tokenizer)
    messages = [Message("user", "What?"), Message("assistant", "That.")]
    row = packed([chatml.render(messages)], window=64, pad=0)[0]
    learned = row["labels"][row["labels"] != IGNORED]
    assert tiny_tokenizer.decode(learned) == "That.<|im_end|>"


def test_a_reason_that_is_a_list_is_told_whole():
    assert _first_line(ValueError("None of:\n(1) one\n(2) two")) == "None of: (1) one (2) two"
    assert _first_line(ValueError("Damaged.\nTrace")) == "Damaged."


@pytest.mark.parametrize(
    ("base", "told"),
    [
        (
            "no such",
            r"no such: no such folder, and not the form of a hub id\. Set base to bundled, a checkpoint folder",
        ),
        ("empty", r"empty: not a causal language model.*: it has no config\.json\. Set base to bundled"),
        ("bare", r"bare: not a causal language model that transformers can load: Error no file named model"),
        ("foreign", r"foreign: made for prompt format 'other-9'"),
    ],
)
def test_a_base_that_cannot_be_used_is_refused_by_its_key_in_one_line(tmp_path, write_recipe, base, told):
    for name, file, text in (
        ("empty", "notes", ""),
        ("bare", "config.json", '{"model_type": "gpt2"}'),
        ("foreign", "run.json", '{"prompt_format": "other-9"}'),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / file).write_text(text)
    given = str(tmp_path / base) if (tmp_path / base).is_dir() else base
    values = {"kind": "instruct", "base": given, "output": str(tmp_path / "out"), "data.own": True}
    with pytest.raises(ModelError, match=rf"^base: .*{told}") as refused:
        run(load_recipe(write_recipe(values)))
    assert "\n" not in str(refused.value)
    assert "--model" not in str(refused.value)
    assert not (tmp_path / "out").exists()

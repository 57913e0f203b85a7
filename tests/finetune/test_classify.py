"""Classifiers of a tiny GPT-2, trained for seconds."""

import json
import shutil
from collections import Counter

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForSequenceClassification

from assistant.chatml import ChatML
from assistant.errors import InputError
from finetune.base import load_base, with_head
from finetune.classify import CUT, encode, known_labels, padding, prepare_classifier
from finetune.recipe import load_recipe
from finetune.split import Split
from finetune.train import run


@pytest.fixture
def recipe(tiny_checkpoint, recipe_over):
    """A function that makes a recipe for rows."""

    def make(rows, *settings):
        values = {
            "kind": "classify",
            "base": str(tiny_checkpoint),
            "data.validation": 0.1,
            "data.test": 0.1,
            "training.window": 64,
            "training.batch": 8,
            "training.epochs": 6,
            "training.learning_rate": 0.01,
            "training.save_steps": 30,
        }
        return load_recipe(recipe_over(rows, values), settings)

    return make


def _logits(model, tokenizer, texts):
    chatml = ChatML(tokenizer)
    collate = padding(tokenizer.pad_token_id)
    batch = collate([{"input_ids": chatml.encode_text(text), "labels": 0} for text in texts])
    with torch.no_grad():
        return model.eval()(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits


def _measured_again(folder, tokenizer):
    """Accuracy of a saved classifier on the rows that were kept apart."""
    model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32)
    rows = [json.loads(line) for line in (folder / "test.jsonl").read_text().splitlines()]
    told = _logits(model, tokenizer, [row["text"] for row in rows]).argmax(-1).tolist()
    return sum(model.config.id2label[number] == row["label"] for number, row in zip(told, rows)) / len(rows)


@pytest.mark.parametrize("settings", [[], ["lora.r=8", "lora.alpha=32"]], ids=["whole", "adapters"])
def test_a_classifier_learns_and_is_measured_beside_the_baselines(
    recipe, tiny_tokenizer, capsys, settings, labelled_rows
):
    folder = run(recipe(labelled_rows(90), *settings))
    record = json.loads((folder / "run.json").read_text())
    assert record["kind"] == "classify"
    assert record["labels"] == ["anger", "fear", "joy"]
    assert record["test"]["part"] == "test"
    assert record["test"]["rows"] == record["counts"]["test rows"] == 9
    assert record["test"]["accuracy"] > 0.8
    assert record["test"]["accuracy"] == pytest.approx(_measured_again(folder, tiny_tokenizer), abs=1e-6)
    assert [one["name"] for one in record["baselines"]] == ["10,000 words", "20,000 words and pairs"]
    assert "\nthis model" in capsys.readouterr().err
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert {"eval_accuracy", "eval_macro_f1"} <= lines[0].keys()


# PEFT, which loads the adapter, asks transformers by a name that goes away only with its next major version.
@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing:FutureWarning")
def test_the_adapter_is_kept_with_its_head_and_is_merged(recipe, tiny_checkpoint, tiny_tokenizer, labelled_rows):
    plan = recipe(labelled_rows(90), "lora.r=8", "training.epochs=2")
    folder = run(plan)
    merged = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32)
    beside = PeftModel.from_pretrained(with_head(load_base(plan), ["anger", "fear", "joy"]), folder / "adapter")
    texts = [row["text"] for row in labelled_rows(12)]
    expected = _logits(beside, tiny_tokenizer, texts)
    assert torch.allclose(_logits(merged, tiny_tokenizer, texts), expected, atol=0.02)
    assert expected.std() > 0.1
    with beside.disable_adapter():
        assert not torch.allclose(_logits(beside, tiny_tokenizer, texts), expected, atol=0.1)


def test_whole_numbers_are_labels(recipe, labelled_rows):
    numbers = {"joy": 1, "fear": 0, "anger": 2}
    rows = [{**row, "label": numbers[row["label"]]} for row in labelled_rows(30)]
    prepared = prepare_classifier(recipe(rows))
    assert prepared.extra == {"labels": ["0", "1", "2"]}
    assert prepared.trainer.model.config.id2label == {0: "0", 1: "1", 2: "2"}


def test_bad_rows_are_named_and_counted(recipe, capsys, labelled_rows):
    bad = [{"text": " ", "label": "joy"}, *({"text": "Good.", "label": label} for label in (None, True, 1.5, " "))]
    prepared = prepare_classifier(recipe([*labelled_rows(30), *bad, "{"]))
    assert prepared.counts["bad rows"] == 6
    said = capsys.readouterr().err
    assert "rows.jsonl:31: 'text' must be a text that is not empty" in said
    assert said.count("'label' must be a text that is not empty, or a whole number") == 4
    assert prepared.counts["training rows"] + prepared.counts["validation rows"] + prepared.counts["test rows"] == 30


def test_a_label_that_is_only_in_rows_kept_apart_is_refused_by_name(recipe, labelled_rows):
    rows = [{"text": row["text"], "label": row["text"]} for row in labelled_rows(30)]
    with pytest.raises(InputError, match=r"data\.paths: the label '\d+ .*' occurs only in rows kept apart"):
        run(recipe(rows))


def test_each_part_kept_apart_is_checked_for_labels():
    row = type("Row", (), {"label": "a"})
    other = type("Row", (), {"label": "b"})
    for parts in (Split([row], [other], []), Split([row], [row], [other])):
        with pytest.raises(InputError, match="the label 'b' occurs only"):
            known_labels(parts)


def test_one_label_is_nothing_to_learn(recipe, labelled_rows):
    rows = [{**row, "label": "joy"} for row in labelled_rows(30)]
    with pytest.raises(InputError, match=r"data\.paths: the only label is 'joy'; name rows of two labels or more"):
        run(recipe(rows))


def test_a_long_text_is_cut_and_counted(recipe, tiny_tokenizer, labelled_rows):
    rows = [*labelled_rows(30), {"text": "The cat sat. " * 50, "label": "joy"}]
    prepared = prepare_classifier(recipe(rows))
    assert prepared.counts[CUT] == 1
    counts = Counter()
    chatml = ChatML(tiny_tokenizer)
    assert encode("The cat sat.", chatml, 3, counts) == chatml.encode_text("The cat sat.")[:3]
    assert len(encode("The", chatml, 64, counts)) <= 3
    assert counts[CUT] == 1


def test_padding_is_on_the_right_and_masked():
    batch = padding(7)([{"input_ids": [1, 2, 3], "labels": 1}, {"input_ids": [4], "labels": 0}])
    assert {name: tensor.tolist() for name, tensor in batch.items()} == {
        "input_ids": [[1, 2, 3], [4, 7, 7]],
        "attention_mask": [[1, 1, 1], [1, 0, 0]],
        "labels": [1, 0],
    }


def test_the_head_reads_the_last_token_of_the_text_though_padding_ends_one(recipe, stock_checkpoint, labelled_rows):
    base = load_base(recipe(labelled_rows(30), f"base={stock_checkpoint}"))
    assert base.tokenizer.pad_token_id == base.tokenizer.eos_token_id
    model = with_head(base, ["a", "b"])
    texts = ["The cat sat on the mat.", "The cat <|endoftext|>", "<|endoftext|>", "I"]
    together = _logits(model, base.tokenizer, texts)
    alone = torch.cat([_logits(model, base.tokenizer, [text]) for text in texts])
    assert torch.allclose(together, alone, atol=1e-5)
    # By hand: the hidden state of the text's own last token under the head, for the longest text and a padded one.
    for index, text in enumerate(texts):
        ids = torch.tensor([ChatML(base.tokenizer).encode_text(text)])
        with torch.no_grad():
            last = model.score(model.transformer(ids).last_hidden_state[0, -1])
        assert torch.allclose(together[index], last, atol=1e-5)


@pytest.mark.parametrize("settings", [[], ["lora.r=4", "lora.dropout=0.3"]], ids=["whole", "adapters"])
def test_a_run_that_is_taken_up_again_ends_in_the_same_weights(recipe, settings, labelled_rows):
    plan = recipe(labelled_rows(40), "training.epochs=2", "training.save_steps=4", *settings)
    folder = run(plan)
    weights, record = load_file(folder / "model.safetensors"), json.loads((folder / "run.json").read_text())
    shutil.rmtree(folder / "steps" / "checkpoint-8")
    resumed = json.loads((run(plan, resume=True) / "run.json").read_text())
    assert {**resumed, "seconds": 0} == {**record, "seconds": 0}
    assert all(torch.equal(weights[name], tensor) for name, tensor in load_file(folder / "model.safetensors").items())

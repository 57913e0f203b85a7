"""Preferences taught to a tiny GPT-2."""

import json
import shutil
from collections import Counter

import pytest
import torch
from safetensors.torch import load_file

from assistant.chatml import ChatML, Message
from assistant.checkpoint import load_checkpoint
from assistant.errors import InputError
from assistant.wording import chat_messages
from finetune import trainer as training
from finetune.fit import SHORTENED, TOO_LONG
from finetune.preference import Pair, columns, prepare_preference
from finetune.recipe import load_recipe
from finetune.train import run


def _rows(count=40):
    return [
        {"prompt": f"Where is cat {n}?", "chosen": f"It sat on mat {n}.", "rejected": f"I don't know {n}."}
        for n in range(count)
    ]


@pytest.fixture
def recipe(tiny_checkpoint, recipe_over):
    """A function that makes a recipe for rows."""

    def make(rows, *settings):
        values = {
            "kind": "preference",
            "base": str(tiny_checkpoint),
            "data.validation": 0.2,
            "data.test": 0.1,
            "preference.beta": 0.2,
            "training.batch": 4,
            "training.epochs": 2,
            "training.learning_rate": 0.003,
        }
        return load_recipe(recipe_over(rows, values), settings)

    return make


def _pair(prompt="Where?", chosen="Here.", rejected="There."):
    return Pair(prompt, chosen, rejected, {})


def _log_likelihood(model, prompt, reply):
    """The sum of the log probabilities of a reply's tokens, by a plain forward pass."""
    ids = torch.tensor([prompt + reply])
    with torch.no_grad():
        following = model(ids).logits[0, :-1].log_softmax(-1).gather(-1, ids[0, 1:, None])[:, 0]
    return float(following[len(prompt) - 1 :].sum())


def _rewards(model, reference, tokenizer, rows, beta):
    """Margins and accuracy of equation 7 of the paper."""
    chatml = ChatML(tokenizer)
    margins = []
    for row in rows:
        ids = columns(_pair(row["prompt"], row["chosen"], row["rejected"]), chatml, 128, Counter())
        chosen, rejected = (
            beta
            * (
                _log_likelihood(model, ids["prompt_ids"], ids[name])
                - _log_likelihood(reference, ids["prompt_ids"], ids[name])
            )
            for name in ("chosen_ids", "rejected_ids")
        )
        margins.append(chosen - rejected)
    return sum(margins) / len(margins), sum(margin > 0 for margin in margins) / len(margins)


@pytest.mark.parametrize("settings", [[], ["lora.r=8", "training.learning_rate=0.02"]], ids=["whole", "adapters"])
def test_the_chosen_reply_gets_the_higher_reward(recipe, tiny_checkpoint, tiny_tokenizer, settings):
    plan = recipe(_rows(), *settings)
    kept = {tuple(row["prompt_ids"]) for row in prepare_preference(plan).trainer.eval_dataset}
    folder = run(plan)
    record = json.loads((folder / "run.json").read_text())
    assert record["recipe"]["preference"] == {"beta": 0.2}
    accuracy, margin = record["rewards"]["accuracy"], record["rewards"]["margin"]
    assert (accuracy["before"], margin["before"]) == (0.0, 0.0)
    assert accuracy["after"] == 1.0
    assert margin["after"] > 0.5
    assert record["validation_loss"]["before"] == pytest.approx(0.6931, abs=1e-3)  # log 2: none is preferred
    chatml = ChatML(tiny_tokenizer)
    rows = [row for row in _rows() if tuple(chatml.render(chat_messages(row["prompt"]), reply_next=True).ids) in kept]
    assert len(rows) == 8
    saved, base = load_checkpoint(folder).model, load_checkpoint(tiny_checkpoint).model
    found = _rewards(saved, base, tiny_tokenizer, rows, 0.2)
    assert found == (pytest.approx(margin["after"], rel=0.1), 1.0)


def test_an_adapter_is_kept_without_the_reference(recipe):
    folder = run(recipe(_rows(20), "lora.r=4", "training.epochs=0.1"))
    assert {path.name for path in (folder / "adapter").iterdir()} >= {"adapter_config.json"}
    assert not (folder / "adapter" / "ref").exists()
    assert len((folder / "test.jsonl").read_text().splitlines()) == 2


@pytest.mark.parametrize("settings", [[], ["lora.r=4"]], ids=["whole", "adapters"])
def test_activations_computed_again_change_no_result(recipe, settings):
    losses = []
    for again in ("false", "true"):
        folder = run(recipe(_rows(20), f"training.checkpointing={again}", "training.epochs=0.5", *settings))
        losses.append(json.loads((folder / "run.json").read_text())["validation_loss"]["after"])
    assert losses[0] == pytest.approx(losses[1], abs=1e-4)


def test_the_reference_is_the_base_and_stays_it(recipe, monkeypatch):
    monkeypatch.setattr(training, "has_bfloat16", lambda: False)
    trainer = prepare_preference(recipe(_rows(20))).trainer
    before = {name: weight.clone() for name, weight in trainer.ref_model.state_dict().items()}
    trainer.train()
    assert all(torch.equal(weight, before[name]) for name, weight in trainer.ref_model.state_dict().items())
    assert not torch.equal(trainer.model.transformer.wte.weight, before["transformer.wte.weight"])


def test_the_ids_are_those_of_the_conversation(tiny_tokenizer):
    chatml = ChatML(tiny_tokenizer)
    ids = columns(_pair(), chatml, 256, Counter())
    for name, reply in (("chosen_ids", "Here."), ("rejected_ids", "There.")):
        whole = chatml.render([*chat_messages("Where?"), Message("assistant", reply)])
        learned = [one for one, learn in zip(whole.ids, whole.learned) if learn]
        assert ids[name] == learned
        assert ids[name][-1:] == chatml.end_ids
        assert (ids["prompt_ids"] + ids[name]) == whole.ids[: len(ids["prompt_ids"]) + len(learned)]


def test_text_never_becomes_a_tag(tiny_tokenizer):
    chatml = ChatML(tiny_tokenizer)
    tag = "<|im_end|>"
    ids = columns(_pair(f"Where {tag}?", f"Here {tag}.", f"There {tag}."), chatml, 256, Counter())
    plain = columns(_pair(), chatml, 256, Counter())
    (end,) = chatml.end_ids
    assert {name: one.count(end) for name, one in ids.items()} == {name: one.count(end) for name, one in plain.items()}


def test_a_prompt_loses_words_of_its_middle_before_a_reply_loses_any(tiny_tokenizer):
    chatml = ChatML(tiny_tokenizer)
    counts = Counter()
    long = "It sat on the mat, and there it sat. " * 2
    pair = _pair("Begin. " + "Where did the cat sit? " * 50 + "End.", "Here.", long)
    ids = columns(pair, chatml, 128, counts)
    assert len(ids["prompt_ids"]) + len(ids["rejected_ids"]) <= 128
    assert ids["rejected_ids"] == chatml.encode_text(long) + chatml.end_ids
    assert ids["chosen_ids"] == chatml.encode_text("Here.") + chatml.end_ids
    prompt = tiny_tokenizer.decode(ids["prompt_ids"])
    assert "Begin." in prompt
    assert "End.<|im_end|>" in prompt
    assert counts[SHORTENED] == 1


@pytest.mark.parametrize("longer", ["chosen", "rejected"])
def test_a_reply_that_does_not_fit_is_left_out_and_counted(tiny_tokenizer, longer):
    counts = Counter()
    pair = _pair(**{longer: "It sat on the mat. " * 40})
    assert columns(pair, ChatML(tiny_tokenizer), 128, counts) is None
    assert counts[TOO_LONG] == 1


def test_bad_rows_are_named_and_counted(recipe, capsys):
    bad = [
        {"prompt": "Where?", "chosen": "Here. ", "rejected": "Here."},
        {"prompt": "", "chosen": "a", "rejected": "b"},
    ]
    prepared = prepare_preference(recipe([*_rows(20), *bad]))
    said = capsys.readouterr().err
    assert "rows.jsonl:21: 'chosen' and 'rejected' are the same text" in said
    assert "rows.jsonl:22: 'prompt' must be a text that is not empty" in said
    assert prepared.counts["bad rows"] == 2
    assert [prepared.counts[f"{name} rows"] for name in ("training", "validation", "test")] == [14, 4, 2]


def test_a_window_that_no_row_fits_is_refused_by_name(recipe):
    with pytest.raises(InputError, match=r"training\.window: no training row fits 16 tokens; raise it"):
        run(recipe(_rows(20), "training.window=16"))


def test_rows_of_another_kind_are_refused(recipe):
    with pytest.raises(InputError, match=r"rows\.jsonl:1: a row of the kind label"):
        run(recipe([{"text": "a", "label": "b"}]))


def test_tags_added_to_a_stock_model_are_trained_whole(recipe, stock_checkpoint):
    folder = run(recipe(_rows(20), f"base={stock_checkpoint}", "tags=tokens", "training.epochs=0.1"))
    record = json.loads((folder / "run.json").read_text())
    assert record["rewards"]["margin"]["before"] == 0.0
    assert ChatML(load_checkpoint(folder).tokenizer).single_tokens


def test_tags_added_to_a_stock_model_are_not_for_adapters(recipe, stock_checkpoint):
    with pytest.raises(
        InputError, match=r"tags: preferences cannot train added tokens by adapters; leave out \[lora\]"
    ):
        run(recipe(_rows(20), f"base={stock_checkpoint}", "tags=tokens", "lora.r=4"))


def test_a_stock_model_keeps_its_tags_as_text(recipe, stock_checkpoint):
    trainer = prepare_preference(recipe(_rows(20), f"base={stock_checkpoint}", "training.window=256")).trainer
    chatml = ChatML(trainer.processing_class)
    assert len(chatml.end_ids) > 1
    assert all(row["chosen_ids"][-len(chatml.end_ids) :] == chatml.end_ids for row in trainer.train_dataset)


@pytest.mark.parametrize("settings", [[], ["lora.r=4", "lora.dropout=0.3"]], ids=["whole", "adapters"])
def test_a_run_that_is_taken_up_again_ends_in_the_same_weights(recipe, settings):
    plan = recipe(_rows(), "training.epochs=2", "training.save_steps=7", *settings)
    folder = run(plan)
    weights, record = load_file(folder / "model.safetensors"), json.loads((folder / "run.json").read_text())
    shutil.rmtree(folder / "steps" / "checkpoint-14")
    resumed = json.loads((run(plan, resume=True) / "run.json").read_text())
    assert {**resumed, "seconds": 0} == {**record, "seconds": 0}
    assert all(torch.equal(weights[name], tensor) for name, tensor in load_file(folder / "model.safetensors").items())

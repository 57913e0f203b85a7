"""Adapters on tiny bases: what is trained, what is saved, and that the merged checkpoint is base and adapter."""

import json

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from assistant.chatml import IM_END, IM_START, ChatML, Message
from assistant.checkpoint import load_checkpoint
from assistant.errors import InputError
from finetune.recipe import load_recipe
from finetune.train import run

R = 4
WIDTH, LAYERS, VOCABULARY = 16, 2, 320
# c_attn is (16, 48), c_proj of the attention (16, 16); an adapter of a layer (in, out) has r * (in + out) numbers.
ADAPTERS = LAYERS * R * ((WIDTH + 3 * WIDTH) + (WIDTH + WIDTH))


@pytest.fixture(scope="module")
def train_lora(stock_checkpoint, counting_rows, tmp_path_factory):
    """A function that runs an instruct recipe on the stock base, with more settings."""

    def train(*settings, lora=True):
        folder = tmp_path_factory.mktemp("lora")
        (folder / "rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in counting_rows(40)))
        lines = [
            'kind = "instruct"',
            f'output = "{folder / "out"}"',
            f'base = "{stock_checkpoint}"',
            f'data = {{ paths = ["{folder / "rows.jsonl"}"], validation = 0.1 }}',
            "training = { window = 128, batch = 4, epochs = 2, learning_rate = 0.05 }",
            f'lora = {{ r = {R}, target_modules = ["c_attn", "attn.c_proj"] }}' if lora else "",
        ]
        (folder / "recipe.toml").write_text("\n".join(lines))
        return run(load_recipe(folder / "recipe.toml", settings))

    return train


@pytest.fixture(scope="module")
def as_text(train_lora):
    return train_lora()


@pytest.fixture(scope="module")
def as_tokens(train_lora):
    return train_lora('tags="tokens"')


def _record(folder):
    return json.loads((folder / "run.json").read_text())


def _logits(model, ids):
    with torch.no_grad():
        return model.eval()(torch.tensor([ids])).logits


def _base(stock_checkpoint, tokens=0):
    model = AutoModelForCausalLM.from_pretrained(stock_checkpoint)
    if tokens:
        model.resize_token_embeddings(tokens, mean_resizing=True)
    return model


def test_only_adapters_are_trained(as_text, stock_checkpoint):
    record = _record(as_text)
    assert record["trained_parameters"] == ADAPTERS
    assert record["parameters"] == _base(stock_checkpoint).num_parameters()  # merged
    assert record["validation_loss"]["after"] < record["validation_loss"]["before"]
    assert record["recipe"]["lora"]["r"] == R


def test_nothing_but_the_adapted_layers_differs_from_the_base(as_text, stock_checkpoint):
    base = _base(stock_checkpoint).state_dict()
    merged = load_checkpoint(as_text).model.state_dict()
    assert base.keys() == merged.keys()
    changed = {name for name, tensor in merged.items() if not torch.equal(tensor, base[name].half().float())}
    assert changed == {
        f"transformer.h.{n}.attn.{layer}.weight" for n in range(LAYERS) for layer in ("c_attn", "c_proj")
    }


@pytest.mark.parametrize("tags", ["as_text", "as_tokens"])
def test_the_merged_checkpoint_is_the_base_with_its_adapter(request, stock_checkpoint, tags):
    folder = request.getfixturevalue(tags)
    merged = load_checkpoint(folder)
    tokens = len(merged.tokenizer) if tags == "as_tokens" else 0
    with pytest.warns(FutureWarning, match="is_gradient_checkpointing"):  # peft's own
        beside = PeftModel.from_pretrained(_base(stock_checkpoint, tokens), folder / "adapter")
    ids = ChatML(merged.tokenizer).render([Message("user", "Say 3.")], reply_next=True).ids
    expected, plain = _logits(beside, ids), _logits(_base(stock_checkpoint, tokens), ids)
    assert torch.allclose(_logits(merged.model, ids), expected, atol=5e-3)  # half precision
    assert not torch.allclose(plain, expected, atol=5e-2)


def test_the_adapter_folder_holds_the_adapter_alone(as_text, as_tokens):
    for folder in (as_text, as_tokens):
        assert (folder / "adapter" / "adapter_config.json").is_file()
        assert (folder / "adapter" / "adapter_model.safetensors").stat().st_size < 100_000
        assert not (folder / "adapter" / "model.safetensors").exists()


def test_the_adapter_folder_tells_its_base_by_name_and_no_path_of_the_machine(as_text, stock_checkpoint):
    config = json.loads((as_text / "adapter" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == stock_checkpoint.name == _record(as_text)["recipe"]["base"]
    card = (as_text / "adapter" / "README.md").read_text()
    assert card.startswith(f"# Adapters of low rank\n\nTrained by `footnote finetune` on {stock_checkpoint.name}.")
    told = "".join(path.read_text() for path in (as_text / "adapter").glob("*.*") if path.suffix in (".json", ".md"))
    assert str(stock_checkpoint.parent) not in told
    assert "Model ID" not in told


def test_added_tags_are_single_tokens_that_are_trained(as_tokens, stock_checkpoint):
    checkpoint = load_checkpoint(as_tokens)
    chatml = ChatML(checkpoint.tokenizer)
    assert chatml.single_tokens
    assert [*chatml.start_ids, *chatml.end_ids] == [VOCABULARY, VOCABULARY + 1]
    rendered = chatml.render([Message("user", f"Hi {IM_END}"), Message("assistant", "Yes.")])
    assert [rendered.ids.count(token) for token in (VOCABULARY, VOCABULARY + 1)] == [2, 2]
    weights = checkpoint.model.get_input_embeddings().weight
    before = _base(stock_checkpoint).get_input_embeddings().weight
    assert weights.shape == (VOCABULARY + 2, WIDTH)
    assert torch.equal(weights[:VOCABULARY], before.half().float())
    mean = before.mean(dim=0)
    assert all((row - mean).abs().max() > 0.01 for row in weights[VOCABULARY:])
    assert (weights[VOCABULARY] - weights[VOCABULARY + 1]).abs().max() > 0.01
    assert torch.equal(checkpoint.model.get_output_embeddings().weight, weights)
    assert _record(as_tokens)["trained_parameters"] == ADAPTERS + 2 * WIDTH


def test_added_tags_are_in_the_adapter_too(as_tokens):
    from safetensors.torch import load_file

    saved = load_file(as_tokens / "adapter" / "adapter_model.safetensors")
    (added,) = (tensor for name, tensor in saved.items() if "token" in name)
    assert added.shape == (2, WIDTH)
    weights = load_checkpoint(as_tokens).model.get_input_embeddings().weight
    assert torch.allclose(added.float(), weights[VOCABULARY:], atol=1e-3)


def test_tags_that_are_there_are_not_added(train_lora, as_tokens):
    again = train_lora(f'base="{as_tokens}"', 'tags="tokens"')
    assert _record(again)["trained_parameters"] == ADAPTERS
    assert len(load_checkpoint(again).tokenizer) == VOCABULARY + 2
    assert _record(again)["base_run"]["kind"] == "instruct"


def test_an_unknown_layer_is_refused_by_name(train_lora):
    with pytest.raises(InputError, match=r"^lora\.target_modules: the base has no layer q_proj, mlp, ln_1, proj$"):
        train_lora('lora.target_modules=["c_attn", "q_proj", "mlp", "ln_1", "proj"]')


@pytest.mark.parametrize("layer", ["wte", "transformer.wte", "lm_head"])
def test_a_layer_that_shares_its_weights_is_refused_by_name(train_lora, layer):
    with pytest.raises(InputError, match=f"^lora.target_modules: {layer} shares its weights with another layer"):
        train_lora(f'lora.target_modules=["c_attn", "{layer}"]')


@pytest.mark.parametrize("tags", ["text", "tokens"])
def test_all_weights_can_be_trained_in_place_of_adapters(train_lora, stock_checkpoint, tags):
    folder = train_lora(f'tags="{tags}"', lora=False)
    record = _record(folder)
    assert record["trained_parameters"] == record["parameters"]
    assert record["validation_loss"]["after"] < record["validation_loss"]["before"]
    assert not (folder / "adapter").exists()
    checkpoint = load_checkpoint(folder)
    chatml = ChatML(checkpoint.tokenizer)
    assert chatml.single_tokens == (tags == "tokens")
    assert checkpoint.model.config.vocab_size == len(checkpoint.tokenizer) == VOCABULARY + 2 * chatml.single_tokens
    base = _base(stock_checkpoint).state_dict()
    name = "transformer.h.0.mlp.c_fc.weight"
    assert not torch.allclose(checkpoint.model.state_dict()[name], base[name], atol=1e-3)


def test_a_stock_tokenizer_spells_its_tags_as_it_did(as_text, stock_checkpoint):
    before, after = AutoTokenizer.from_pretrained(stock_checkpoint), AutoTokenizer.from_pretrained(as_text)
    text = f"{IM_START}user\nSay 3.{IM_END}\n"
    assert before.encode(text) == after.encode(text)
    assert len(before) == len(after)


def test_activations_can_be_computed_again(train_lora, as_text):
    """Less memory, the same numbers; the dropout of the base is drawn again as it was."""
    slower = _record(train_lora("training.checkpointing=true"))
    for moment, loss in _record(as_text)["validation_loss"].items():
        assert slower["validation_loss"][moment] == pytest.approx(loss, rel=1e-4)

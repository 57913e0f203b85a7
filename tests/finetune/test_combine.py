"""Adapters of a tiny model, made here with PEFT itself."""

import json
import math

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model

from assistant.chatml import Rendered
from assistant.checkpoint import Checkpoint, load_checkpoint
from assistant.errors import InputError, ModelError
from finetune.combine import Comparison, Mix, combine, compare, labels
from finetune.combined import measure_and_save
from finetune.export import export
from finetune.losses import conversations, mean_loss

# PEFT asks transformers by a name that goes away only with its next major version.
pytestmark = pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing:FutureWarning")


def _adapter(base, folder, seed, r=4, alpha=8, **settings):
    """A LoRA adapter with random weights, saved as training leaves it."""
    torch.manual_seed(seed)
    settings = {"target_modules": ["c_attn"], "task_type": "CAUSAL_LM", **settings}
    model = get_peft_model(
        load_checkpoint(base).model, LoraConfig(r=r, lora_alpha=alpha, fan_in_fan_out=True, **settings)
    )
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_" in name:
                parameter.normal_(std=0.1)
    model.save_pretrained(folder / "adapter")
    return folder


@pytest.fixture
def base(tiny_checkpoint):
    return load_checkpoint(tiny_checkpoint, name=str(tiny_checkpoint))


@pytest.fixture
def adapters(tiny_checkpoint, tmp_path):
    return [_adapter(tiny_checkpoint, tmp_path / name, seed) for seed, name in enumerate(("dates", "cats"))]


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "validation.jsonl"
    rows = [{"instruction": f"Where is cat {n}?", "solution": f"On mat {n}."} for n in range(4)]
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def _weight(model):
    return model.transformer.h[0].attn.c_attn.weight.detach()


def _delta(folder):
    """alpha/r · B·A of the first layer, as (in, out)."""
    from safetensors.torch import load_file

    state = load_file(folder / "adapter" / "adapter_model.safetensors")
    part = "base_model.model.transformer.h.0.attn.c_attn.lora_{}.weight"
    return 2 * (state[part.format("B")] @ state[part.format("A")]).T


def test_one_adapter_with_weight_one_is_that_adapter(base, adapters):
    before = _weight(base.model).clone()
    merged = combine(base, adapters[:1], "linear", Mix((1.0,)))
    torch.testing.assert_close(_weight(merged), before + _delta(adapters[0]))
    assert not any("lora" in name for name, _ in merged.named_parameters())


def test_linear_sums_the_matrices_of_each_side(base, adapters):
    from safetensors.torch import load_file

    before = _weight(base.model).clone()
    states = [load_file(folder / "adapter" / "adapter_model.safetensors") for folder in adapters]
    part = "base_model.model.transformer.h.0.attn.c_attn.lora_{}.weight"
    sides = [
        sum(math.sqrt(weight * 2) * state[part.format(side)] for weight, state in zip((1.0, 0.25), states))
        for side in "BA"
    ]
    merged = combine(base, adapters, "linear", Mix((1.0, 0.25)))
    torch.testing.assert_close(_weight(merged), before + (sides[0] @ sides[1]).T)


def test_ties_keeps_the_share_that_density_says(base, adapters):
    before = _weight(base.model).clone()
    nothing_trimmed = combine(base, adapters[:1], "ties", Mix((1.0,), density=1.0))
    torch.testing.assert_close(_weight(nothing_trimmed), before + _delta(adapters[0]))


def test_the_comparison_measures_what_combine_makes(base, adapters, data):
    examples = conversations([data], base)
    mix = Mix((1.0, 0.5), density=0.7, seed=4)
    before = _weight(base.model).clone()
    found = compare(base, adapters, examples, mix)
    assert torch.equal(_weight(base.model), before)
    assert found.base == pytest.approx(mean_loss(base.model, examples).mean)
    assert list(found.adapters) == ["dates", "cats"]
    alone = PeftModel.from_pretrained(load_checkpoint(base.name).model, adapters[1] / "adapter")
    assert found.adapters["cats"] == pytest.approx(mean_loss(alone, examples).mean)
    for method, loss in found.methods.items():
        merged = combine(load_checkpoint(base.name, name=base.name), adapters, method, mix)
        assert mean_loss(merged, examples).mean == pytest.approx(loss, abs=1e-5)
    assert found.methods[found.best] == min(found.methods.values())
    assert len({round(loss, 6) for loss in found.methods.values()}) == 4


def test_the_loss_is_on_the_assistants_tokens_only(base, data):
    examples = conversations([data], base)
    learned = [token for example in examples for token, learn in zip(example.ids, example.learned) if learn]
    said = "".join(f"On mat {n}.<|im_end|>" for n in range(4))
    assert base.tokenizer.decode(learned) == said
    assert mean_loss(base.model, examples).tokens == len(learned)


def _change(folder, **values):
    path = folder / "adapter" / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def _deeper(tiny_checkpoint, tmp_path):
    """A base of the same width with one layer more."""
    from transformers import AutoConfig, AutoModelForCausalLM

    folder = tmp_path / "deeper" / "tiny"
    config = AutoConfig.from_pretrained(tiny_checkpoint)
    config.n_layer = 3
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    load_checkpoint(tiny_checkpoint).tokenizer.save_pretrained(folder)
    return folder


def test_adapters_that_do_not_fit_are_refused_in_one_line(base, adapters, tiny_checkpoint, tmp_path):
    first, second = adapters
    deeper = _deeper(tiny_checkpoint, tmp_path)
    damaged = _adapter(tiny_checkpoint, tmp_path / "damaged", 9)
    (damaged / "adapter" / "adapter_model.safetensors").write_bytes(b"1234567890")
    cases = [
        ([first, _adapter(tiny_checkpoint, tmp_path / "r8", 3, r=8)], {}, "differ in rank"),
        ([first, _adapter(tiny_checkpoint, tmp_path / "fc", 3, target_modules=["c_fc"])], {}, "adapt other layers"),
        ([_adapter(deeper, tmp_path / "d", 3)], {}, "does not fit the base"),
        ([damaged], {}, "damaged"),
        ([tmp_path], {}, "no adapter in it"),
        ([first, second], {"base_model_name_or_path": "/some/other"}, "trained on other, not on"),
        ([second], {"base_model_name_or_path": None, "use_dora": True}, "holds use_dora"),
        ([second], {"use_dora": False, "use_rslora": True}, "holds use_rslora"),
        ([second], {"use_rslora": False, "lora_bias": True}, "holds lora_bias"),
        ([second], {"lora_bias": False, "bias": "all"}, "holds bias"),
        ([second], {"bias": "none", "task_type": "SEQ_CLS"}, "holds LORA for SEQ_CLS"),
        (
            [_adapter(tiny_checkpoint, tmp_path / "tied", 3, target_modules=["wte"])],
            {},
            r"adapts transformer\.wte, whose",
        ),
        ([second], {"peft_type": "IA3"}, "holds IA3"),
    ]
    for paths, changes, told in cases:
        if changes:
            _change(second, **changes)
        checkpoint = load_checkpoint(tiny_checkpoint, name=str(tiny_checkpoint))
        with pytest.raises((InputError, ModelError), match=told) as raised:
            combine(checkpoint, paths, "linear", Mix((1.0,) * len(paths)))
        assert "\n" not in str(raised.value)
    shallow = Checkpoint("tiny", load_checkpoint(deeper).model, base.tokenizer, 256)
    with pytest.raises(ModelError, match="does not fit the base"):
        combine(shallow, [first], "linear", Mix((1.0,)))


def test_bad_numbers_are_refused(base, adapters):
    with pytest.raises(InputError, match="1 given for 2 adapters"):
        combine(base, adapters, "linear", Mix((1.0,)))
    with pytest.raises(InputError, match="--method must be one of"):
        combine(base, adapters, "cat", Mix((1.0, 1.0)))
    for density in (0, -1, 1.1, math.nan):
        with pytest.raises(InputError, match="--density"):
            Mix((1.0,), density)
    with pytest.raises(InputError, match="finite"):
        Mix((math.inf,))


def test_rows_that_fit_no_window_are_counted_and_refused_where_none_does(base, data, tmp_path, capsys):
    path = tmp_path / "long.jsonl"
    path.write_text(json.dumps({"instruction": "What?", "solution": "word " * 600}))
    with pytest.raises(InputError, match="none of the 1 rows fits the 256 positions"):
        conversations([path], base)
    assert len(conversations([path, data], base)) == 4
    assert capsys.readouterr().err == "left out: 1 of 5 rows, longer than the 256 positions\n"


def test_the_best_method_is_one_whose_loss_is_a_number():
    names = ("linear", "ties", "dare_linear", "dare_ties")
    assert Comparison(1.0, {}, dict(zip(names, (math.nan, 2.0, 1.5, math.inf))), 1).best == "dare_linear"
    with pytest.raises(InputError, match="--weights: with these no method gives a loss"):
        _ = Comparison(1.0, {}, dict.fromkeys(names, math.nan), 1).best


def test_weights_too_large_to_be_saved_are_refused_and_nothing_is_left(
    models, tiny_checkpoint, adapters, data, tmp_path
):
    out = tmp_path / "out"
    given = ("combine", tiny_checkpoint, *adapters, "--data", data, "--method", "linear", "-o", out)
    found = models(*given, "--weights", "1e12,1")
    assert isinstance(found.exception, InputError)
    assert str(found.exception).startswith("--weights: too large; name smaller ones (")
    assert not out.exists()


def test_an_output_that_is_taken_is_refused_before_anything_is_measured(tmp_path):
    for write in (
        lambda: measure_and_save("none", [tmp_path], [tmp_path], Mix((1.0,)), None, tmp_path),
        lambda: export("none", tmp_path, "int8", [tmp_path]),
    ):
        with pytest.raises(InputError, match="already exists"):
            write()


def test_labels_tell_folders_of_one_name_apart(tmp_path):
    folders = [tmp_path / "a" / "adapter", tmp_path / "b", tmp_path / "c" / "b"]
    assert labels(folders) == ["a", "b (2)", "b (3)"]


def test_an_example_without_learned_tokens_adds_nothing(base):
    one = Rendered([5, 6, 7], [False, True, True])
    none = Rendered([5, 6], [False, False])
    assert mean_loss(base.model, [one, none]) == mean_loss(base.model, [one])


def test_the_command_compares_and_saves_the_chosen_one(models, tiny_checkpoint, adapters, data, tmp_path):
    def run(*more):
        return models("combine", tiny_checkpoint, *adapters, "--data", data, "--weights", "1,0.5", *more)

    shown = run("--method", "ties", "--density", "0.6")
    assert shown.exit_code == 0, shown.exception
    assert "<- chosen" in next(line for line in shown.stdout.splitlines() if line.startswith("ties"))
    out = tmp_path / "out"
    saved = json.loads(run("-o", out, "--json").stdout)
    record = json.loads((out / "run.json").read_text())
    assert (record["kind"], record["base"], record["adapters"]) == ("combine", "tiny", ["dates", "cats"])
    assert record["method"] == saved["method"] == min(saved["losses"]["methods"], key=saved["losses"]["methods"].get)
    assert record["losses"] == saved["losses"]
    assert record["weights"] == [1.0, 0.5]
    loaded = load_checkpoint(out)
    loss = mean_loss(loaded.model, conversations([data], loaded)).mean
    assert loss == pytest.approx(saved["losses"]["methods"][saved["method"]], abs=5e-3)  # half precision
    assert isinstance(run("--weights", "1,x").exception, InputError)
    assert "already exists" in str(run("-o", out).exception)

"""int8 weights: the arithmetic by properties, the files by a tiny real model."""

import json
import shutil

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from assistant.checkpoint import load_checkpoint
from assistant.errors import ModelError
from assistant.quantized import FORMAT, SCALE, WEIGHTS, dequantize, is_quantized, quantize, save_quantized

_SHAPES = st.tuples(st.integers(32, 48), st.integers(32, 48))
_EXPONENTS = st.integers(-30, 30)


@st.composite
def matrices(draw):
    """A matrix whose rows differ widely in size, some of them all zeros."""
    rows, columns = draw(_SHAPES)
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    sizes = draw(st.lists(_EXPONENTS | st.none(), min_size=rows, max_size=rows))
    scale = torch.tensor([0.0 if size is None else 2.0**size for size in sizes])
    return torch.randn(rows, columns, generator=generator) * scale[:, None]


@given(matrices(), st.booleans())
def test_a_number_is_off_by_half_a_step_at_most(matrix, in_out):
    state = {"h.weight": matrix.T.contiguous() if in_out else matrix}
    stored = quantize(state, in_out={"h.weight"} if in_out else ())
    scale = stored["h.weight" + SCALE]
    assert scale.shape == ((1, len(matrix)) if in_out else (len(matrix), 1))
    error = (dequantize(stored)["h.weight"] - state["h.weight"]).abs()
    assert (error <= scale * 0.5001).all()  # the products are rounded too, to 24 bits


@given(matrices())
def test_zeros_and_the_largest_of_a_row_stay(matrix):
    restored = dequantize(quantize({"w": matrix}))["w"]
    assert (restored[matrix == 0] == 0).all()
    torch.testing.assert_close(restored.abs().amax(1), matrix.abs().amax(1))


@given(matrices())
def test_the_order_of_a_row_is_kept(matrix):
    restored = dequantize(quantize({"w": matrix}))["w"]
    ordered = restored.gather(1, matrix.argsort(dim=1))
    assert (ordered.diff(dim=1) >= 0).all()


@given(matrices())
def test_storing_what_was_restored_changes_nothing(matrix):
    once = quantize({"w": matrix})
    again = quantize(dequantize(once))
    assert torch.equal(again["w"], once["w"])


def test_only_matrices_become_int8_and_names_keep_their_order():
    state = {
        "b.weight": torch.ones(32, 32),
        "a.bias": torch.ones(4096),
        "norm.scale": torch.ones(8),
        "small.weight": torch.ones(4, 4),
        "mask": torch.tensor([True]),
    }
    stored = quantize(state)
    assert [str(tensor.dtype).removeprefix("torch.") for tensor in stored.values()] == [
        *("int8", "float32", "float16", "float16", "float16", "bool")
    ]
    restored = dequantize(stored)
    assert list(restored) == list(state)
    assert all(torch.equal(restored[name], tensor) for name, tensor in state.items())


@pytest.mark.parametrize("scale", [None, torch.ones(32), torch.ones(2, 1), torch.ones(32, 1, dtype=torch.int8)])
def test_an_int8_matrix_without_its_scale_is_refused(scale):
    state = {"w": torch.ones(32, 32, dtype=torch.int8)} | ({} if scale is None else {"w.scale": scale})
    with pytest.raises(ModelError, match="w is int8 without a scale"):
        dequantize(state)


@pytest.fixture
def stored(tiny_model, tiny_tokenizer, tmp_path):
    save_quantized(tiny_model, tmp_path)
    tiny_tokenizer.save_pretrained(tmp_path)
    return tmp_path


def test_a_folder_of_int8_loads_as_any_other(stored, tiny_model):
    assert is_quantized(stored)
    loaded = load_checkpoint(stored).model
    weights = load_file(stored / WEIGHTS)
    assert weights["transformer.h.0.attn.c_attn.weight"].dtype == torch.int8
    assert weights["transformer.h.0.attn.c_attn.weight.scale"].shape == (1, 96)
    assert weights["transformer.wte.weight.scale"].shape == (tiny_model.config.vocab_size, 1)
    assert "lm_head.weight" not in weights  # tied
    assert loaded.lm_head.weight is loaded.transformer.wte.weight
    assert loaded.generation_config.eos_token_id == tiny_model.generation_config.eos_token_id
    assert loaded.name_or_path == str(stored)
    ids = torch.arange(200)[None]
    with torch.inference_mode():
        torch.testing.assert_close(loaded(ids).logits, tiny_model(ids).logits, atol=0.02, rtol=0)


def test_loading_leaves_the_random_generator_alone(stored):
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    load_checkpoint(stored)
    assert torch.rand(1) == expected


def _rewrite(folder, change, declared=FORMAT):
    state = load_file(folder / WEIGHTS)
    change(state)
    save_file(state, folder / WEIGHTS, metadata={"format": declared})


@pytest.mark.parametrize(
    "change, told",
    [
        (lambda state: state.pop("transformer.ln_f.bias"), "1 missing (as transformer.ln_f.bias)"),
        (lambda state: state.update(extra=torch.ones(1)), "1 unexpected (as extra)"),
        (lambda state: state.update({"transformer.ln_f.bias": torch.ones(5)}), "1 of another shape"),
        (lambda state: state.pop("transformer.wte.weight.scale"), "without a scale"),
    ],
)
def test_tensors_that_do_not_fit_are_named(stored, change, told):
    _rewrite(stored, change)
    with pytest.raises(ModelError) as raised:
        load_checkpoint(stored)
    assert told in str(raised.value)
    assert "\n" not in str(raised.value)


def test_another_of_our_formats_is_refused(stored):
    _rewrite(stored, lambda state: None, declared="footnote-int4-7")
    with pytest.raises(ModelError, match=r"footnote-int4-7.*export"):
        load_checkpoint(stored)


@pytest.mark.parametrize("kept", [0, 5, 1000, -1])
def test_a_damaged_file_is_a_model_error(stored, kept):
    path = stored / WEIGHTS
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ModelError, match=str(stored)):
        load_checkpoint(stored)


def test_a_config_of_another_size_is_refused(stored):
    path = stored / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "n_layer": 3}))
    with pytest.raises(ModelError, match="12 missing"):
        load_checkpoint(stored)


def test_a_run_record_of_another_format_is_still_refused(stored, tmp_path_factory):
    copy = shutil.copytree(stored, tmp_path_factory.mktemp("copy") / "model")
    (copy / "run.json").write_text('{"prompt_format": "other-9"}')
    with pytest.raises(ModelError, match="other-9"):
        load_checkpoint(copy)

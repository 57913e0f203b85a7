"""What a run starts from: random weights, or a checkpoint with its tags and adapters."""

import warnings
from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from transformers import AutoModelForSequenceClassification, GPT2Config, GPT2LMHeadModel, PreTrainedModel
from transformers import PreTrainedTokenizerBase as Tokenizer

from assistant.chatml import END_OF_TEXT, IM_END, IM_START, PAD
from assistant.checkpoint import find_checkpoint, load_checkpoint
from assistant.config import read_config
from assistant.errors import InputError, ModelError
from finetune.config import Lora, ModelShape, Recipe
from finetune.copying import start_copying
from finetune.progress import progress

if TYPE_CHECKING:  # what pretrains needs no adapters, nor the library for them
    from peft import PeftModel

_TEXT_TAGS = "text"
_ADVICE = "Set base to bundled, a checkpoint folder, or a Hugging Face id."


@dataclass(frozen=True, slots=True)
class Base:
    """A model to train, with its tokenizer; `added` are the ids of tags that were added to it."""

    model: PreTrainedModel
    tokenizer: Tokenizer
    added: tuple[int, ...] = ()


def new_model(shape: ModelShape, tokenizer: Tokenizer) -> GPT2LMHeadModel:
    """A GPT-2 of `shape`, without dropout: a corpus seen about once is not overfitted."""
    config = GPT2Config(
        vocab_size=len(tokenizer),
        n_layer=shape.layers,
        n_embd=shape.width,
        n_head=shape.heads,
        n_positions=shape.positions,
        # The same function as GPT-2's own gelu_new, in one fused kernel.
        activation_function="gelu_pytorch_tanh",
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        bos_token_id=tokenizer.convert_tokens_to_ids(END_OF_TEXT),
        eos_token_id=tokenizer.convert_tokens_to_ids(IM_END),
        pad_token_id=tokenizer.convert_tokens_to_ids(PAD),
    )
    model = GPT2LMHeadModel(config)
    if shape.start == "copying":
        start_copying(model, tokenizer)
    return model


def load_base(recipe: Recipe) -> Base:
    """The checkpoint that `recipe` names, its tags as the recipe asks for them, ready to be trained whole."""
    source = find_checkpoint(recipe.base, read_config().home / "models")
    with progress(f"loading {recipe.base}"):
        try:
            checkpoint = load_checkpoint(source, name=recipe.base, advice=_ADVICE)
        except ModelError as fault:
            raise ModelError(f"base: {fault}") from fault
    model, tokenizer = checkpoint.model, checkpoint.tokenizer
    if model.config.model_type != "gpt2":
        raise InputError(f"base: {recipe.base} is a {model.config.model_type}; recipes train models of the GPT-2 kind")
    if recipe.training.window > checkpoint.positions:
        raise InputError(
            f"training.window: {recipe.training.window} tokens do not fit the {checkpoint.positions} positions "
            f"of {recipe.base}"
        )
    if tokenizer.pad_token_id is None:  # a stock GPT-2 has none; what is padded is masked
        tokenizer.pad_token = tokenizer.eos_token
        model.config.pad_token_id = tokenizer.pad_token_id
    added = _add_tags(model, tokenizer) if recipe.tags != _TEXT_TAGS else ()
    return Base(model, tokenizer, added)


def _add_tags(model: PreTrainedModel, tokenizer: Tokenizer) -> tuple[int, ...]:
    """Give ChatML's tags tokens of their own, their embeddings at the mean of all; nothing where they have them."""
    if not tokenizer.add_special_tokens({"additional_special_tokens": [IM_START, IM_END]}):
        return ()
    model.resize_token_embeddings(len(tokenizer), mean_resizing=True)
    return tuple(tokenizer.convert_tokens_to_ids([IM_START, IM_END]))


def with_head(base: Base, labels: list[str]) -> PreTrainedModel:
    """The base's transformer under a new classification head, which reads the last token that is not padding."""
    config = base.model.config
    config.num_labels = len(labels)
    config.id2label = dict(enumerate(labels))
    config.label2id = {label: number for number, label in enumerate(labels)}
    model = AutoModelForSequenceClassification.from_config(config)
    model.base_model.load_state_dict(base.model.base_model.state_dict())
    return model


def adapted(model: PreTrainedModel, lora: Lora, base: Base, task: str = "CAUSAL_LM") -> "PeftModel":
    """`model` frozen, with trainable adapters, and with the embeddings of added tags trained too."""
    from peft import LoraConfig, get_peft_model

    # Layers with a matrix; a name may have parts of its path before it, as in attn.c_proj.
    weights = {f".{name}": getattr(layer, "weight", None) for name, layer in model.named_modules()}
    present = [name for name, weight in weights.items() if weight is not None and weight.ndim == 2]
    missing = [target for target in lora.target_modules if not any(name.endswith(f".{target}") for name in present)]
    if missing:
        raise InputError(f"lora.target_modules: the base has no layer {', '.join(missing)}")
    tied = [
        target for target in lora.target_modules if any(f".{name}".endswith(f".{target}") for name in shared(model))
    ]
    if tied:
        raise InputError(
            f"lora.target_modules: {', '.join(tied)} shares its weights with another layer, so an adapter of it alone "
            "cannot be merged; leave it out"
        )
    settings: dict[str, Any] = {"trainable_token_indices": {"wte": list(base.added)}} if base.added else {}
    adapters = LoraConfig(
        task_type=task,
        r=lora.r,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=lora.target_modules,
        # GPT-2 keeps its weights as (in, out).
        fan_in_fan_out=True,
        **settings,
    )
    with warnings.catch_warnings():  # peft asks by the name that transformers has since changed
        warnings.filterwarnings("ignore", ".is_gradient_checkpointing", FutureWarning)
        found = get_peft_model(model, adapters)
    # The embeddings of added tags are saved as part of the adapters; peft would save all the others beside them.
    found.save_pretrained = partial(found.save_pretrained, save_embedding_layers=False)
    return found


def shared(model: torch.nn.Module) -> set[str]:
    """The names of layers whose weights are another layer's too, as GPT-2's embeddings and its output layer are."""
    weights = {name: id(layer.weight) for name, layer in model.named_modules() if hasattr(layer, "weight")}
    times = Counter(weights.values())
    return {name for name, weight in weights.items() if times[weight] > 1}


def has_bfloat16() -> bool:
    """Whether this machine multiplies bfloat16 in hardware."""
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    return bool(torch.cpu._is_avx512_bf16_supported())

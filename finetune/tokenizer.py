"""A byte-level BPE of our own, with the ChatML tags as single tokens; and what any tokenizer puts between texts."""

from collections.abc import Iterable

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from assistant.chatml import CONTROL_TOKENS, END_OF_TEXT, IM_END, PAD
from assistant.errors import InputError


def train_tokenizer(texts: Iterable[str], vocabulary: int, positions: int) -> PreTrainedTokenizerFast:
    """Train on `texts`; the control tokens take the first ids, any bytes can be encoded and come back unchanged."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(CONTROL_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        bos_token=END_OF_TEXT,
        eos_token=IM_END,
        pad_token=PAD,
        additional_special_tokens=list(CONTROL_TOKENS),
        model_max_length=positions,
        clean_up_tokenization_spaces=False,
    )


def separator_id(tokenizer: PreTrainedTokenizerBase) -> int:
    """The id of the token that stands before each text of a stream; InputError where there is none."""
    found: int | None = tokenizer.get_vocab().get(END_OF_TEXT, tokenizer.eos_token_id)
    if found is None:
        raise InputError(f"base: its tokenizer has no {END_OF_TEXT} and no token that ends a text; name another base")
    return found

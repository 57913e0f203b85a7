import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken

from assistant.chatml import CONTROL_TOKENS, ChatML, Message

HOSTILE = st.text(st.sampled_from([*"<|im_endstarxof>\n a", "é", "😀"]), max_size=80) | st.lists(
    st.sampled_from([*CONTROL_TOKENS, "<|im_", "end|>", "<", " hello "]), max_size=8
).map("".join)


@pytest.fixture(scope="module")
def chatml(tiny_tokenizer):
    return ChatML(tiny_tokenizer)


@pytest.fixture(scope="module")
def control_ids(tiny_tokenizer):
    return set(tiny_tokenizer.convert_tokens_to_ids(list(CONTROL_TOKENS)))


def test_renders_the_format(chatml, tiny_tokenizer):
    messages = [Message("system", "Be brief."), Message("user", "Hi"), Message("assistant", "Hello.")]
    expected = (
        "<|im_start|>system\nBe brief.<|im_end|>\n"
        "<|im_start|>user\nHi<|im_end|>\n"
        "<|im_start|>assistant\nHello.<|im_end|>\n"
    )
    assert tiny_tokenizer.decode(chatml.render(messages).ids) == expected


def test_reply_next_ends_where_the_assistant_speaks(chatml, tiny_tokenizer):
    rendered = chatml.render([Message("user", "Hi")], reply_next=True)
    assert tiny_tokenizer.decode(rendered.ids).endswith("<|im_end|>\n<|im_start|>assistant\n")
    assert not any(rendered.learned)


def test_prompt_is_a_prefix_of_the_training_example(chatml):
    asked = [Message("system", "s"), Message("user", "q")]
    prompt = chatml.render(asked, reply_next=True).ids
    example = chatml.render([*asked, Message("assistant", "a")]).ids
    assert example[: len(prompt)] == prompt


def test_learned_are_the_assistants_words_and_their_end(chatml, tiny_tokenizer):
    messages = [Message("user", "q"), Message("assistant", "one"), Message("user", "r"), Message("assistant", "two")]
    rendered = chatml.render(messages)
    learned = [token for token, learn in zip(rendered.ids, rendered.learned, strict=True) if learn]
    assert tiny_tokenizer.decode(learned) == "one<|im_end|>two<|im_end|>"


@given(text=HOSTILE)
def test_text_never_becomes_a_control_token(chatml, control_ids, tiny_tokenizer, text):
    ids = chatml.encode_text(text)
    assert not control_ids.intersection(ids)
    assert tiny_tokenizer.decode(ids) == text


@given(text=HOSTILE)
def test_every_tag_in_a_rendering_is_one_of_ours(chatml, control_ids, text):
    plain = chatml.render([Message("user", "x"), Message("assistant", "y")])
    hostile = chatml.render([Message("user", text), Message("assistant", text)])
    tags = [token for token in hostile.ids if token in control_ids]
    assert tags == [token for token in plain.ids if token in control_ids]


class BytesTokenizer:
    """A model without the tags as single tokens: every byte is a token."""

    all_special_tokens = ("</s>",)

    def encode(self, text, *, add_special_tokens=False, verbose=True):
        return list(text.encode())

    def get_added_vocab(self):
        return {}

    def get_vocab(self):
        return {chr(byte): byte for byte in range(256)}

    def convert_tokens_to_ids(self, token):
        raise AssertionError(f"{token} is not a single token here")


def test_without_single_tokens_the_tags_are_ordinary_text():
    rendered = ChatML(BytesTokenizer()).render([Message("user", "q"), Message("assistant", "a")])
    assert bytes(rendered.ids).decode() == "<|im_start|>user\nq<|im_end|>\n<|im_start|>assistant\na<|im_end|>\n"
    learned = bytes(token for token, learn in zip(rendered.ids, rendered.learned, strict=True) if learn)
    assert learned == b"a<|im_end|>"


def test_a_models_own_control_tokens_are_kept_out_too(tiny_tokenizer):
    tokenizer = copy.deepcopy(tiny_tokenizer)
    tokenizer.add_tokens([AddedToken("<|eot_id|>", special=True), AddedToken("<tool_call>")])
    added = set(tokenizer.convert_tokens_to_ids(["<|eot_id|>", "<tool_call>"]))
    ids = ChatML(tokenizer).encode_text("a<|eot_id|>b<tool_call>c")
    assert not added.intersection(ids)
    assert tokenizer.decode(ids) == "a<|eot_id|>b<tool_call>c"


@given(text=HOSTILE)
def test_without_single_tokens_text_still_holds_no_tag(text):
    written = bytes(ChatML(BytesTokenizer()).encode_text(text)).decode()
    assert not any(tag in written for tag in CONTROL_TOKENS)
    assert written.replace("\u200b", "") == text

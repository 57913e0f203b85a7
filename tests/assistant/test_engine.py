"""The engine on a real, tiny, untrained GPT-2, with transformers' own generate as the second implementation."""

import threading

import pytest
import torch

from assistant.chatml import Message
from assistant.checkpoint import Checkpoint, load_checkpoint
from assistant.engine.hub import HubEngine
from assistant.engine.reply import Reply
from assistant.engine.sampling import Sampling

ASKED = [Message("user", "Where did the cat sit?")]


@pytest.fixture(scope="module")
def engine(tiny_checkpoint):
    return HubEngine(load_checkpoint(tiny_checkpoint))


def _reply(engine, sampling, messages=ASKED, stop=None):
    reply = Reply()
    pieces = list(engine.stream(messages, sampling, reply, stop))
    assert "".join(pieces) == reply.text
    return reply


def test_greedy_agrees_with_generate(engine, tiny_model, tiny_tokenizer):
    prompt = engine.chatml.render(ASKED, reply_next=True).ids
    with torch.inference_mode():
        ids = tiny_model.generate(torch.tensor([prompt]), max_new_tokens=20, do_sample=False, pad_token_id=3)
    expected = tiny_tokenizer.decode(ids[0][len(prompt) :], skip_special_tokens=True)
    reply = _reply(engine, Sampling(max_tokens=20))
    assert reply.text.strip("\ufffd") == expected.strip("\ufffd")
    assert reply.usage.prompt_tokens == len(prompt)
    assert reply.usage.completion_tokens <= 20


def test_a_seed_repeats_and_another_differs(engine):
    hot = {"temperature": 1.5, "max_tokens": 30}
    first, again, other = (_reply(engine, Sampling(**hot, seed=seed)).text for seed in (7, 7, 8))
    assert first == again != other


def test_a_presence_penalty_stops_repetition(engine):
    sampling = Sampling(max_tokens=40, presence_penalty=2, frequency_penalty=2)
    plain, penalised = (_reply(engine, s).text for s in (Sampling(max_tokens=40), sampling))
    assert len(set(penalised)) > len(set(plain))


def test_a_stop_text_ends_the_reply_and_is_not_shown(engine):
    whole = _reply(engine, Sampling(max_tokens=30)).text
    stop = whole[4:7]
    cut = _reply(engine, Sampling(max_tokens=30, stop=(stop,))).text
    assert cut == whole[: whole.index(stop)]


def test_a_set_event_ends_the_reply(engine):
    stop = threading.Event()
    stop.set()
    assert _reply(engine, Sampling(max_tokens=200), stop=stop).usage.completion_tokens <= 1


def test_a_reader_that_leaves_does_not_block_the_next(engine):
    stream = engine.stream(ASKED, Sampling(max_tokens=200), Reply())
    next(stream)
    stream.close()
    assert _reply(engine, Sampling(max_tokens=3)).usage.completion_tokens <= 3


def test_the_window_is_never_overrun(engine):
    long = [Message("user", "cat " * 60)]
    reply = _reply(engine, Sampling(max_tokens=4000), long)
    assert reply.usage.prompt_tokens + reply.usage.completion_tokens <= engine.positions


def test_the_chatml_end_stops_a_model_that_writes_it_as_ordinary_text(tiny_model, tiny_tokenizer):
    """A model whose tags are several tokens: the end is found in the decoded text."""

    class PlainTags(type(tiny_tokenizer)):
        def get_vocab(self):
            return {token: i for token, i in super().get_vocab().items() if not token.startswith("<|im_")}

    tokenizer = PlainTags(tokenizer_object=tiny_tokenizer.backend_tokenizer)
    engine = HubEngine(Checkpoint("plain", tiny_model, tokenizer, 256))
    assert not engine.chatml.single_tokens
    script = tokenizer.encode("It sat.") + [ord_ for piece in ("<", "|im_end|>") for ord_ in tokenizer.encode(piece)]
    script += tokenizer.encode(" and more")
    engine._model = Scripted(tiny_model, script)
    assert _reply(engine, Sampling(max_tokens=60)).text == "It sat."


class Scripted:
    """The model's own generate, with logits that spell a script."""

    def __init__(self, model, script):
        self._model = model
        self._script = script

    def generate(self, ids, *, logits_processor, **settings):
        start = ids.shape[1]

        def spell(input_ids, scores):
            scores = torch.full_like(scores, -1e9)
            place = min(input_ids.shape[1] - start, len(self._script) - 1)
            scores[:, self._script[place]] = 0
            return scores

        return self._model.generate(ids, logits_processor=[*logits_processor, spell], **settings)

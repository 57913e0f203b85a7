"""The engine on a real, tiny, untrained GPT-2, with transformers' own generate as the second implementation."""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from transformers import LogitsProcessorList

from assistant.chatml import Message
from assistant.checkpoint import Checkpoint, load_checkpoint
from assistant.engine.hub import HubEngine
from assistant.engine.penalties import NoRunTwice
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


def test_a_run_is_said_once_where_the_checkpoint_or_the_request_says_so(engine, tiny_checkpoint, tiny_model):
    prompt = engine.chatml.render(ASKED, reply_next=True).ids
    with torch.inference_mode():
        ids = tiny_model.generate(
            torch.tensor([prompt]),
            max_new_tokens=30,
            do_sample=False,
            pad_token_id=3,
            logits_processor=LogitsProcessorList([NoRunTwice(2, len(prompt))]),
        )[0, len(prompt) :]
    assert len(set(zip(ids[:-1].tolist(), ids[1:].tolist()))) == len(ids) - 1
    once = engine._tokenizer.decode(ids, skip_special_tokens=True).strip("\ufffd")
    checkpoint = load_checkpoint(tiny_checkpoint)
    checkpoint.model.generation_config.no_repeat_ngram_size = 2
    own, plain = HubEngine(checkpoint), Sampling(max_tokens=30)
    assert _reply(engine, Sampling(max_tokens=30, no_repeat=2)).text.strip("\ufffd") == once
    assert _reply(own, plain).text.strip("\ufffd") == once
    assert _reply(own, Sampling(max_tokens=30, no_repeat=0)) == _reply(engine, plain)
    assert _reply(engine, plain).text.strip("\ufffd") != once


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


def test_the_length_of_a_prompt_too_long_is_told_without_a_warning(tiny_checkpoint, caplog):
    logging.getLogger("transformers").addHandler(caplog.handler)
    engine = HubEngine(load_checkpoint(tiny_checkpoint))
    try:
        assert engine.length([Message("user", "cat " * 600)]) > engine.positions
    finally:
        logging.getLogger("transformers").removeHandler(caplog.handler)
    assert caplog.text == ""


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


class Fixed:
    """The model's own generate on fixed logits; keeps the probabilities that the first token was drawn from."""

    def __init__(self, model, logits):
        self._model = model
        self._logits = logits
        self.probabilities = []

    def generate(self, ids, *, logits_processor, **settings):
        def fix(input_ids, scores):
            scores = torch.full_like(scores, -torch.inf)
            scores[:, 10 : 10 + len(self._logits)] = torch.tensor(self._logits)
            return scores

        out = self._model.generate(
            ids, logits_processor=[fix, *logits_processor], return_dict_in_generate=True, output_scores=True, **settings
        )
        self.probabilities = torch.softmax(out.scores[0][0], dim=0)[10 : 10 + len(self._logits)].tolist()


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"temperature": 0.5}, [0.98, 0.02, 0.00]),
        ({"temperature": 1.0}, [0.87, 0.12, 0.02]),
        ({"temperature": 2.0}, [0.67, 0.24, 0.09]),
        ({"temperature": 1.0, "top_k": 2}, [0.88, 0.12, 0.00]),
        ({"temperature": 1.0, "top_p": 0.5}, [1.00, 0.00, 0.00]),
        ({"temperature": 1.0, "top_p": 0.95}, [0.88, 0.12, 0.00]),
    ],
)
def test_the_first_token_is_drawn_from_the_worked_example(tiny_checkpoint, tiny_model, settings, expected):
    engine = HubEngine(load_checkpoint(tiny_checkpoint))
    engine._model = fixed = Fixed(tiny_model, [4.0, 2.0, 0.0])
    _reply(engine, Sampling(max_tokens=1, **settings))
    assert [round(p, 2) for p in fixed.probabilities] == expected


def test_a_checkpoints_own_habits_do_not_leak_in(tiny_checkpoint):
    checkpoint = load_checkpoint(tiny_checkpoint)
    checkpoint.model.generation_config.update(num_beams=2, repetition_penalty=1.7)
    plain = HubEngine(load_checkpoint(tiny_checkpoint))
    assert _reply(HubEngine(checkpoint), Sampling(max_tokens=9)) == _reply(plain, Sampling(max_tokens=9))


def test_who_waits_for_a_turn_can_be_told_to_stop(engine):
    first = engine.stream(ASKED, Sampling(max_tokens=200), Reply())
    next(first)
    stop = threading.Event()
    stop.set()
    assert list(engine.stream(ASKED, Sampling(), Reply(), stop)) == []
    first.close()


def test_two_threads_get_their_own_replies(engine):
    asked = ["Where did the cat sit?", "Who lit the lighthouse?"]
    alone = [_reply(engine, Sampling(max_tokens=15), [Message("user", text)]).text for text in asked]
    with ThreadPoolExecutor(2) as pool:
        together = pool.map(lambda text: _reply(engine, Sampling(max_tokens=15), [Message("user", text)]).text, asked)
        assert list(together) == alone

"""Replies that are written at once, on real tiny models: fair, repeatable, and none hurts another."""

import hashlib
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
import torch

from assistant.chatml import Message
from assistant.checkpoint import load_checkpoint
from assistant.engine.hub import HubEngine
from assistant.engine.reply import Reply
from assistant.engine.sampling import Sampling
from assistant.engine.turns import Turns
from assistant.errors import ModelError
from assistant.fingerprint import fingerprint

HOT = {"temperature": 1.5, "max_tokens": 40}
PATIENCE = 20


def asked(text="Where did the cat sit?"):
    return [Message("user", text)]


@pytest.fixture(scope="module")
def engine(tiny_checkpoint):
    return HubEngine(load_checkpoint(tiny_checkpoint))


@pytest.fixture(scope="module")
def other(tiny_checkpoint):
    """A second engine in the same process: another contestant."""
    return HubEngine(load_checkpoint(tiny_checkpoint))


class Writing:
    """A reply that is written in a thread of its own; notes after which of all pieces each of its own came."""

    def __init__(self, engine, sampling, order=None, stop=None, messages=None):
        self.reply, self.fault, self.order = Reply(), None, order if order is not None else []
        args = (engine, messages or asked(), sampling, stop)
        self._thread = threading.Thread(target=self._write, args=args, daemon=True)
        self._thread.start()

    def _write(self, engine, messages, sampling, stop):
        try:
            for _ in engine.stream(messages, sampling, self.reply, stop):
                self.order.append(self)
        except Exception as fault:
            self.fault = fault

    def ended(self):
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
        return self.reply


def alone(engine, sampling, messages=None):
    return Writing(engine, sampling, messages=messages).ended()


@pytest.mark.parametrize("beside", ["the same engine", "another engine"])
def test_a_seeded_reply_is_the_same_beside_others(engine, other, beside):
    first, second = Sampling(**HOT, seed=7), Sampling(**HOT, seed=8)
    expected = alone(engine, first), alone(engine, second)
    two = engine if beside == "the same engine" else other
    for _ in range(3):
        together = [Writing(engine, first), Writing(two, second), Writing(two, Sampling(**HOT))]
        assert (together[0].ended(), together[1].ended()) == expected
        together[2].ended()


class Noting:
    """The model's own generate; notes in `order` whose token is made, while it is made."""

    def __init__(self, model, order, name):
        self._model, self._order, self._name = model, order, name

    def generate(self, ids, *, logits_processor, **settings):
        def note(input_ids, scores):
            self._order.append(self._name)
            return scores

        return self._model.generate(ids, logits_processor=[*logits_processor, note], **settings)


def test_two_replies_grow_together(tiny_checkpoint):
    """From when both are being written until one ends, every token is the other's."""
    order, engines = [], [HubEngine(load_checkpoint(tiny_checkpoint)) for _ in range(2)]
    for name, each in enumerate(engines):
        each._model = Noting(each._model, order, name)
    sampling = Sampling(max_tokens=60, temperature=2.0, no_repeat=1, seed=1)
    engines[0]._turns.take(lambda: False)
    busy = [Writing(each, sampling) for each in engines]
    while len(engines[0]._turns._line) < 2:
        time.sleep(0.001)
    engines[0]._turns.give()
    lengths = [each.ended().usage.completion_tokens for each in busy]
    assert min(lengths) > 10
    both = order[: 2 * min(lengths)]
    assert all(one != other for one, other in pairwise(both))
    assert [order.count(name) for name in (0, 1)] == lengths


def test_the_process_has_its_own_chance_back(engine):
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    writing = [Writing(engine, Sampling(**HOT, seed=1)), Writing(engine, Sampling(**HOT, seed=2))]
    for each in writing:
        each.ended()
    assert torch.equal(torch.rand(4), expected)


def test_without_a_seed_chance_decides(engine):
    texts = {alone(engine, Sampling(**HOT)).text for _ in range(3)}
    assert len(texts) > 1


def test_a_fault_in_one_reply_does_not_hurt_the_other(engine, tiny_checkpoint):
    class Broken:
        """A model that fails at its third token, while it has the turn."""

        def __init__(self, model):
            self._model = model

        def generate(self, ids, *, logits_processor, **settings):
            def fail(input_ids, scores):
                if input_ids.shape[1] >= ids.shape[1] + 3:
                    raise RuntimeError("out of memory")
                return scores

            return self._model.generate(ids, logits_processor=[*logits_processor, fail], **settings)

    broken = HubEngine(load_checkpoint(tiny_checkpoint))
    broken._model = Broken(broken._model)
    sampling = Sampling(**HOT, seed=7)
    expected = alone(engine, sampling)
    well, ill = Writing(engine, sampling), Writing(broken, sampling)
    assert well.ended() == expected
    ill.ended()
    assert isinstance(ill.fault, RuntimeError)
    assert str(ill.fault) == "out of memory"
    assert alone(engine, sampling) == expected, "the turn was given back"


def test_who_stops_while_waiting_leaves_the_line(engine):
    engine._turns.take(lambda: False)
    try:
        stop = threading.Event()
        waiting = Writing(engine, Sampling(), stop=stop)
        time.sleep(0.1)
        stop.set()
        assert waiting.ended() == Reply()
    finally:
        engine._turns.give()
    assert alone(engine, Sampling(max_tokens=3)).usage.completion_tokens


def test_a_reader_that_leaves_while_waiting_leaves_the_line(engine):
    """The reader has one token; the next is waited for while another has the turn."""
    stream = engine.stream(asked(), Sampling(max_tokens=200, no_repeat=1), Reply())
    next(stream)
    assert engine._turns.take(lambda: False)
    began = time.perf_counter()
    stream.close()
    assert time.perf_counter() - began < 5
    engine._turns.give()
    assert alone(engine, Sampling(max_tokens=3)).usage.completion_tokens


def test_a_stopped_reply_keeps_what_it_has_and_the_other_goes_on(engine, other):
    sampling = Sampling(**HOT, seed=7)
    expected = alone(engine, sampling)
    stop = threading.Event()
    stopped, going = Writing(other, Sampling(max_tokens=200, no_repeat=1), stop=stop), Writing(engine, sampling)
    while not stopped.order:
        time.sleep(0.001)
    stop.set()
    assert stopped.ended().text
    assert going.ended() == expected


def test_turns_are_fair_and_first_come_first_served():
    turns, order = Turns(), []
    turns.take(lambda: False)

    def wait(number):
        assert turns.take(lambda: False)
        order.append(number)
        turns.give()

    with ThreadPoolExecutor(5) as pool:
        for number in range(5):
            pool.submit(wait, number)
            while len(turns._line) <= number:
                time.sleep(0.001)
        turns.give()
    assert order == [0, 1, 2, 3, 4]


def test_the_checkpoint_is_the_hash_of_the_files_that_decide(engine, tiny_checkpoint, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(tiny_checkpoint, copy)
    (copy / "run.json").write_text("{}")
    assert len(engine.checkpoint) == 64
    assert engine.checkpoint == fingerprint(tiny_checkpoint) == fingerprint(copy)
    config = copy / "config.json"
    names = ["config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"]
    lines = [f"{name}\0{hashlib.sha256((copy / name).read_bytes()).hexdigest()}\n" for name in names]
    assert hashlib.sha256("".join(lines).encode()).hexdigest() == engine.checkpoint
    config.write_text(config.read_text().replace('"n_head": 2', '"n_head": 4'))
    assert fingerprint(copy) != engine.checkpoint
    shutil.rmtree(copy)
    with pytest.raises(ModelError, match="cannot be read any more"):
        fingerprint(copy)

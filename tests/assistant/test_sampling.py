import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import NoRepeatNGramLogitsProcessor

from assistant.engine.penalties import NoRunTwice, Penalties
from assistant.engine.sampling import Sampling
from assistant.errors import InputError


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", -0.1),
        ("temperature", 2.1),
        ("temperature", math.nan),
        ("top_k", -1),
        ("top_p", 0),
        ("top_p", 1.01),
        ("frequency_penalty", 2.5),
        ("presence_penalty", -2.5),
        ("max_tokens", 0),
        ("seed", -1),
        ("no_repeat", -1),
    ],
)
def test_each_parameter_is_refused_by_name(name, value):
    with pytest.raises(InputError, match=name):
        Sampling(**{name: value})


def test_penalties_count_the_reply_and_not_the_prompt():
    penalties = Penalties(Sampling(frequency_penalty=0.5, presence_penalty=0.25), prompt_length=2)
    scores = penalties(torch.tensor([[0, 0, 1, 1, 2]]), torch.zeros(1, 4))
    assert scores.tolist() == [[0.0, -(2 * 0.5 + 0.25), -(0.5 + 0.25), 0.0]]


@given(st.lists(st.lists(st.integers(0, 3), min_size=14, max_size=14), min_size=2, max_size=2), st.integers(1, 5))
def test_no_run_is_said_twice_as_transformers_has_it_of_a_whole_text(said, length):
    ids, scores = torch.tensor(said), torch.zeros(2, 4)
    ours, theirs = NoRunTwice(length, prompt_length=0), NoRepeatNGramLogitsProcessor(length)
    for stop in range(1, 15):
        assert torch.equal(ours(ids[:, :stop], scores), theirs(ids[:, :stop], scores.clone()))
    assert torch.equal(scores, torch.zeros(2, 4))


def test_what_the_prompt_says_may_be_said_once():
    ids = torch.tensor([[1, 2, 3, 1, 2]])
    assert NoRunTwice(3, prompt_length=3)(ids, torch.zeros(1, 4)).tolist() == [[0.0] * 4]
    assert NoRunTwice(3, prompt_length=0)(ids, torch.zeros(1, 4)).tolist() == [[0.0, 0.0, 0.0, -math.inf]]

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from assistant.engine.penalties import Penalties
from assistant.engine.sampling import Sampling, probabilities
from assistant.errors import InputError


@pytest.mark.parametrize(
    ("temperature", "expected"),
    [(0.5, [0.98, 0.02, 0.00]), (1.0, [0.87, 0.12, 0.02]), (2.0, [0.67, 0.24, 0.09])],
)
def test_temperature_by_the_worked_example(temperature, expected):
    assert [round(p, 2) for p in probabilities([4, 2, 0], temperature)] == expected


@given(
    logits=st.lists(st.floats(-50, 50), min_size=1, max_size=20),
    temperature=st.floats(0.05, 2),
)
def test_probabilities_agree_with_torch(logits, temperature):
    expected = torch.softmax(torch.tensor(logits, dtype=torch.float64) / temperature, dim=0)
    torch.testing.assert_close(torch.tensor(probabilities(logits, temperature), dtype=torch.float64), expected)


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
    ],
)
def test_each_parameter_is_refused_by_name(name, value):
    with pytest.raises(InputError, match=name):
        Sampling(**{name: value})


def test_penalties_count_the_reply_and_not_the_prompt():
    penalties = Penalties(Sampling(frequency_penalty=0.5, presence_penalty=0.25), prompt_length=2)
    scores = penalties(torch.tensor([[0, 0, 1, 1, 2]]), torch.zeros(1, 4))
    assert scores.tolist() == [[0.0, -(2 * 0.5 + 0.25), -(0.5 + 0.25), 0.0]]

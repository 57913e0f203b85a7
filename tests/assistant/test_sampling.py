import math

import pytest
import torch

from assistant.engine.penalties import Penalties
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
    ],
)
def test_each_parameter_is_refused_by_name(name, value):
    with pytest.raises(InputError, match=name):
        Sampling(**{name: value})


def test_penalties_count_the_reply_and_not_the_prompt():
    penalties = Penalties(Sampling(frequency_penalty=0.5, presence_penalty=0.25), prompt_length=2)
    scores = penalties(torch.tensor([[0, 0, 1, 1, 2]]), torch.zeros(1, 4))
    assert scores.tolist() == [[0.0, -(2 * 0.5 + 0.25), -(0.5 + 0.25), 0.0]]

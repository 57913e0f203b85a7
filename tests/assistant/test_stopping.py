import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.engine.stopping import cut_at_stop, safe_length

STOPS = ("<|im_end|>", "STOP")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("hello", ("hello", False)), ("hi<|im_end|>x", ("hi", True)), ("a STOP b<|im_end|>", ("a ", True))],
)
def test_cut_at_the_first_stop(text, expected):
    assert cut_at_stop(text, STOPS) == expected


@pytest.mark.parametrize(
    ("text", "shown"), [("hello", "hello"), ("hello<|im", "hello"), ("hello ST", "hello "), ("caf\ufffd", "caf")]
)
def test_what_may_become_a_stop_is_held_back(text, shown):
    assert text[: safe_length(text, STOPS)] == shown


@given(before=st.text("abST<|", max_size=20), stop=st.sampled_from(STOPS))
def test_nothing_of_a_stop_is_ever_shown(before, stop):
    whole = before + stop
    final, _ = cut_at_stop(whole, STOPS)
    for size in range(len(whole) + 1):
        text, ended = cut_at_stop(whole[:size], STOPS)
        shown = text if ended else text[: safe_length(text, STOPS)]
        assert final.startswith(shown)

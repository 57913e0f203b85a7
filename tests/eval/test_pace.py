"""Answers in step: nothing lost, the order of each kept, and no answer ahead of the other while both grow."""

from hypothesis import given
from hypothesis import strategies as st

from assistant.types import Answer, Answered, Prompted, Retrieved, Token
from eval.pace import in_step

END = Answered(Answer("q", "a", False, 0.0, (), (), (), "m"))


@given(st.data(), st.integers(0, 8), st.integers(0, 8))
def test_both_grow_as_the_slower_and_end_together(data, left, right):
    streams = [
        [Retrieved("q", ()), Prompted(()), *(Token(f"{side}{n}") for n in range(count)), END]
        for side, count in enumerate((left, right))
    ]
    turns = data.draw(st.permutations([0] * len(streams[0]) + [1] * len(streams[1])))
    iterators = [iter(stream) for stream in streams]
    said = list(in_step(((side, next(iterators[side])) for side in turns), 2))
    for side, stream in enumerate(streams):
        assert [event for place, event in said if place == side] == stream
    grown = [0, 0]
    for place, event in said:
        if isinstance(event, Token):
            grown[place] += 1
            longer = abs(grown[0] - grown[1])
            assert longer <= 1 or min(grown) == min(left, right)
    assert [event for _, event in said[-2:]] == [END, END] or min(left, right) == 0
    ends = [number for number, (_, event) in enumerate(said) if event is END]
    assert all(not isinstance(event, Token) or place == 1 for place, event in said[ends[0] :])


def test_what_is_stopped_gives_what_there_is():
    assert list(in_step(iter([(0, Token("a")), (1, Token("b")), (0, Token("c"))]), 2)) == [
        *((0, Token("a")), (1, Token("b")), (0, Token("c"))),
    ]

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.chatml import ChatML
from assistant.errors import InputError
from assistant.prompt import Window
from assistant.rows import read_rows
from eval.questions import SOURCE_WORDS, choose_grounded, choose_instructions, shortened

LONG = " ".join(f"Ship {number} left the harbour at dawn." for number in range(60))
GROUNDED = [
    (f"{LONG} The pump is oiled every 40 days. {LONG}", "How often is the pump oiled?", ["40 days"]),
    ("The lease ends in March. The tenant signs it.", "When does the lease end?", ["Mar", "March"]),
    ("Bread needs flour and salt. It rests overnight.", "What does bread need?", ["flour"]),
    ("Europa orbits Jupiter. It is a moon.", "How heavy is Europa?", []),
    ("The house is from 1787.", "How many rooms has it?", ["7"]),
]


@pytest.fixture
def window(tiny_tokenizer):
    """A window of any width, in the tokens of the tiny tokenizer (about two characters each)."""
    return lambda positions: Window(ChatML(tiny_tokenizer), positions, 16)


def written(tmp_path, lines):
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return list(read_rows(path))


@pytest.fixture
def grounded(tmp_path):
    keys = ("context", "question", "answers")
    return written(tmp_path, [{**dict(zip(keys, row)), "answerable": bool(row[2])} for row in GROUNDED])


def test_a_question_stands_with_its_own_passage_and_two_others(grounded, window):
    chosen = choose_grounded(grounded, window(4000), 0, seed=1)
    assert {item.question for item in chosen.items} == {row[1] for row in GROUNDED[:4]}
    assert chosen.left_out == 0
    for item in chosen.items:
        assert len(set(item.sources)) == 3
        assert all(any(answer in source for source in item.sources) for answer in item.answers[:1])
        assert all(f"[{number}] " in item.messages()[1].content for number in (1, 2, 3))
    assert {answers for answers in (item.answers for item in chosen.items) if not answers} == {()}


def test_the_own_passage_is_not_always_at_the_same_place(grounded, window):
    places = set()
    for seed in range(12):
        (item,) = [one for one in choose_grounded(grounded, window(4000), 0, seed).items if one.answers == ("flour",)]
        places.add([source.startswith("Bread") for source in item.sources].index(True))
    assert places == {0, 1, 2}


def test_a_long_passage_is_cut_to_whole_sentences_around_the_answer(grounded, window):
    (item,) = [one for one in choose_grounded(grounded, window(4000), 0, seed=1).items if one.answers == ("40 days",)]
    (source,) = [source for source in item.sources if "40 days" in source]
    assert source.startswith("Ship ")
    assert source.endswith("at dawn.")
    assert SOURCE_WORDS - 14 < len(source.split()) <= SOURCE_WORDS


def test_in_a_small_window_less_is_kept_and_what_cannot_fit_is_counted(grounded, window):
    small = choose_grounded(grounded, window(200), 0, seed=1)
    assert all(window(200).holds(item.messages()) for item in small.items)
    assert any("40 days" in source for item in small.items for source in item.sources)
    none = choose_grounded(grounded, window(40), 0, seed=1)
    assert (none.items, none.left_out) == ((), 4)


def test_the_seed_chooses(grounded, window):
    first, again, other = (choose_grounded(grounded, window(4000), 2, seed) for seed in (1, 1, 3))
    assert first == again != other
    assert len(first.items) == 2


def test_instructions_that_do_not_fit_are_left_out(tmp_path, window):
    lines = [{"instruction": text, "solution": "Yes."} for text in ("Why?", "word " * 300, "How?")]
    chosen = choose_instructions(written(tmp_path, lines), window(100), 0, seed=1)
    assert {item.text for item in chosen.items} == {"Why?", "How?"}
    assert chosen.left_out == 1


def test_rows_of_another_kind_are_named(tmp_path, window):
    rows = written(tmp_path, [{"question": "Why?"}])
    with pytest.raises(InputError, match=r"rows.jsonl:1: 'instruction'"):
        choose_instructions(rows, window(100), 0, seed=1)
    with pytest.raises(InputError, match=r"rows.jsonl:1: 'context'"):
        choose_grounded(rows, window(100), 0, seed=1)


@given(st.lists(st.sampled_from(["One.", "Two words.", "Here are four words."]), min_size=1), st.data())
def test_what_is_kept_is_a_run_that_could_not_be_longer(lines, data):
    centre = data.draw(st.integers(0, len(lines) - 1))
    most = data.draw(st.integers(0, 30))
    kept = shortened(lines, centre, most)
    runs = [
        (first, last)
        for first in range(centre + 1)
        for last in range(centre, len(lines))
        if " ".join(lines[first : last + 1]) == kept
    ]
    assert runs
    if len(kept.split()) > most:
        assert kept == lines[centre]
    elif len(runs) == 1:
        ((first, last),) = runs
        for begin, end in ((first - 1, last), (first, last + 1)):
            wider = lines[max(begin, 0) : end + 1]
            assert begin < 0 or end == len(lines) or len(" ".join(wider).split()) > most

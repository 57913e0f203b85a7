import json

import pytest

from assistant.chatml import ChatML
from assistant.errors import InputError
from assistant.prompt import Window
from assistant.rows import read_rows
from assistant.wording import grounded_messages
from eval.questions import choose_grounded, choose_instructions
from retrieval.embed import Embedder

LONG = " ".join(f"Ship {number} left the harbour at dawn." for number in range(60))
GROUNDED = [
    (f"{LONG} The pump is oiled every 40 days. {LONG}", "How often is the pump oiled?", ["40 days"]),
    ("The lease ends in March. The tenant signs it.", "When does the lease end?", ["Mar", "March"]),
    ("Bread needs flour and salt. It rests overnight.", "What does bread need?", ["flour"]),
    ("Europa orbits Jupiter. It is a moon.", "How heavy is Europa?", []),
    ("The house is from 1787.", "How many rooms has it?", ["7"]),
]


@pytest.fixture(scope="module")
def encode():
    return Embedder().encode


@pytest.fixture
def window(tiny_tokenizer):
    """A window of any width, in the tokens of the tiny tokenizer (about two characters each)."""
    chatml = ChatML(tiny_tokenizer)
    return lambda positions: Window(lambda messages: len(chatml.render(messages, reply_next=True).ids), positions, 16)


def written(tmp_path, lines):
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return list(read_rows(path))


@pytest.fixture
def grounded(tmp_path):
    keys = ("context", "question", "answers")
    return written(tmp_path, [{**dict(zip(keys, row)), "answerable": bool(row[2])} for row in GROUNDED])


def test_a_question_is_asked_of_its_own_passage_and_two_others_best_first(grounded, window, encode):
    chosen = choose_grounded(grounded, window(4000), 0, seed=1, encode=encode)
    assert {item.question for item in chosen.items} == {row[1] for row in GROUNDED[:4]}
    assert chosen.left_out == 0
    for item in chosen.items:
        assert len(set(item.sources)) == 3
        assert all(any(answer in item.sources[0] for answer in item.answers) for _ in item.answers[:1])
        assert item.messages == tuple(grounded_messages(item.question, item.sources))
    assert [item.question for item in chosen.items if not item.answers] == ["How heavy is Europa?"]


def test_in_a_small_window_sources_are_left_out_and_questions_that_cannot_fit_are_counted(grounded, window, encode):
    small = choose_grounded(grounded, window(120), 0, seed=1, encode=encode)
    assert small.items
    assert all(window(120).holds(item.messages) for item in small.items)
    assert not all(source in item.messages[-1].content for item in small.items for source in item.sources)
    none = choose_grounded(grounded, window(40), 0, seed=1, encode=encode)
    assert (none.items, none.left_out) == ((), 4)


def test_the_seed_chooses(grounded, window, encode):
    first, again, other = (choose_grounded(grounded, window(4000), 2, seed, encode) for seed in (1, 1, 3))
    assert first == again != other
    assert len(first.items) == 2


def test_instructions_that_do_not_fit_are_left_out(tmp_path, window):
    lines = [{"instruction": text, "solution": "Yes."} for text in ("Why?", "word " * 300, "How?")]
    chosen = choose_instructions(written(tmp_path, lines), window(100), 0, seed=1)
    assert {item.text for item in chosen.items} == {"Why?", "How?"}
    assert chosen.left_out == 1


def test_rows_of_another_kind_are_named(tmp_path, window, encode):
    rows = written(tmp_path, [{"question": "Why?"}])
    with pytest.raises(InputError, match=r"rows.jsonl:1: 'instruction'"):
        choose_instructions(rows, window(100), 0, seed=1)
    with pytest.raises(InputError, match=r"rows.jsonl:1: 'context'"):
        choose_grounded(rows, window(100), 0, seed=1, encode=encode)

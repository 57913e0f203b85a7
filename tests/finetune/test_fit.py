"""Whatever does not fit the window: context is lost, in a fixed order, and a solution never."""

import random
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.chatml import ChatML, Message
from assistant.rows import Row
from assistant.wording import CHAT_SYSTEM, grounded_question, grounded_reply
from finetune.conversations import example
from finetune.fit import SHORTENED, TOO_LONG, fitted

TEXT = st.one_of(
    st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=120),
    st.integers(1, 60).map(lambda count: " ".join(f"word{n}" for n in range(count))),
    st.integers(1, 60).map(lambda count: "一二三四五"[: count % 5 + 1] * count),
    st.integers(1, 30).map(lambda count: "\n".join(f"{n},{n * n}" for n in range(count))),
).filter(str.strip)
TURNS = st.lists(st.tuples(st.sampled_from(("user", "assistant", "system")), TEXT), max_size=5)
WINDOWS = st.integers(8, 400)


@pytest.fixture(scope="module")
def single(tiny_tokenizer):
    return ChatML(tiny_tokenizer)


@pytest.fixture(scope="module")
def stock(stock_tokenizer):
    return ChatML(stock_tokenizer)


def _example(contexts=(), seed=0, **values):
    return example(Row(values, Path("rows.jsonl"), 1), contexts, random.Random(seed))


def _chat(*turns):
    return _example(messages=[{"role": role, "content": content} for role, content in turns])


def _last_learned(rendered):
    """The ids of the last run of learned tokens."""
    end = max(place for place, learned in enumerate(rendered.learned) if learned) + 1
    start = end
    while start and rendered.learned[start - 1]:
        start -= 1
    return rendered.ids[start:end]


def _decoded(chatml, rendered):
    return chatml._tokenizer.decode(rendered.ids)


@settings(max_examples=150)
@given(turns=TURNS, solution=TEXT, window=WINDOWS)
@pytest.mark.parametrize("tokenizer", ["single", "stock"])
def test_what_is_returned_fits_and_its_solution_is_whole(request, tokenizer, turns, solution, window):
    chatml = request.getfixturevalue(tokenizer)
    counts = Counter()
    rendered = fitted(_chat(*turns, ("assistant", solution)), chatml, window, counts)
    if rendered is None:
        assert counts == {TOO_LONG: 1}
        return
    assert len(rendered.ids) <= window
    assert len(rendered.learned) == len(rendered.ids)
    assert _last_learned(rendered) == [*chatml.encode_text(solution.strip()), *chatml.end_ids]
    whole = chatml.render(_chat(*turns, ("assistant", solution)).messages)
    assert counts[SHORTENED] == (len(whole.ids) > window)
    assert (rendered == whole) == (not counts[SHORTENED])
    assert counts["tokens"] == len(rendered.ids)


@given(asked=TEXT, solution=TEXT, window=WINDOWS)
def test_a_question_is_cut_rather_than_left_out(single, asked, solution, window):
    """It is left out only where not even the first letters of the question have room."""
    counts = Counter()
    rendered = fitted(_chat(("user", asked), ("assistant", solution)), single, window, counts)
    least = [Message("system", CHAT_SYSTEM), Message("user", ""), Message("assistant", solution.strip())]
    spare = window - len(single.render(least).ids)
    if spare >= 4 * 16 + len(single.encode_text(" … ")):  # four bytes a character, sixteen characters a piece
        assert rendered is not None
    if spare < 1:
        assert rendered is None


@given(sources=st.lists(TEXT, min_size=1, max_size=4), window=WINDOWS, data=st.data())
def test_a_grounded_row_cites_what_is_there(single, sources, window, data):
    place = data.draw(st.integers(1, len(sources)))
    history = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}] * data.draw(
        st.integers(0, 2)
    )
    answer = [{"text": sources[place - 1], "source": place}]
    one = _example(sources=sources, question="What?", history=history, answer=answer)
    rendered = fitted(one, single, window, Counter())
    forms = [one.messages, *one.shorter]
    fitting = [form for form in forms if len(single.render(form).ids) <= window]
    assert rendered == (single.render(fitting[0]) if fitting else None)
    for form in forms:
        sentence, number = form[-1].content.strip().rsplit(" [", 1)
        assert f"[{number} {sentence}" in form[-2].content.splitlines()


def test_the_oldest_turns_are_lost_first(single):
    turns = [(role, f"{role} {number}.") for number in range(4) for role in ("user", "assistant")]
    one = _chat(*turns)
    lost = []
    for window in range(len(single.render(one.messages).ids), 20, -1):
        counts = Counter()
        rendered = fitted(one, single, window, counts)
        if rendered is None:
            break
        text = _decoded(single, rendered)
        kept = [number for number in range(4) if f"user {number}." in text]
        assert f"<|im_start|>system\n{CHAT_SYSTEM}<|im_end|>" in text
        assert [f"assistant {number}." in text for number in kept] == [True] * len(kept)
        if kept:
            assert kept == list(range(kept[0], 4))
            if kept[0] not in lost:
                lost.append(kept[0])
    assert lost == [0, 1, 2, 3]


def test_a_question_that_was_asked_in_two_turns_keeps_the_last(single):
    one = _chat(("user", "Old words. " * 20), ("user", "Which day?"), ("assistant", "Monday."))
    text = _decoded(single, fitted(one, single, 64, Counter()))
    assert "<|im_start|>user\nWhich day?<|im_end|>" in text
    assert "Old" not in text


def test_a_reply_is_never_learned_cut(single):
    one = _chat(("user", "Go on."), ("assistant", "Once upon a time. " * 20), ("assistant", "The end."))
    counts = Counter()
    assert fitted(one, single, 64, counts) is None
    assert counts == {TOO_LONG: 1}


def test_a_long_question_keeps_its_beginning_and_its_end(single):
    words = [f"w{n}" for n in range(200)]
    text = _decoded(single, fitted(_chat(("user", " ".join(words)), ("assistant", "Yes.")), single, 100, Counter()))
    asked = text.split("<|im_start|>user\n")[1].split("<|im_end|>")[0]
    head, tail = asked.split(" … ")
    assert len(head) > 15
    assert len(tail) > 15
    assert " ".join(words).startswith(head)
    assert " ".join(words).endswith(tail)


@pytest.mark.parametrize("asked", ["一" * 300, "\n".join(f"{n},{n}" for n in range(200)), "x" * 500])
def test_a_question_without_blanks_keeps_some_of_its_text(single, asked):
    text = _decoded(single, fitted(_chat(("user", asked), ("assistant", "Yes.")), single, 128, Counter()))
    head, tail = text.split("<|im_start|>user\n")[1].split("<|im_end|>")[0].split(" … ")
    assert head
    assert asked.startswith(head)
    assert asked.endswith(tail)


def test_distractors_are_lost_before_the_passage(single):
    passage = "The lighthouse at Skerryvore was lit in 1844."
    others = ["The cat sat on the mat and slept there all day long. " * 6] * 3
    row = {"context": passage, "question": "When was it lit?", "answers": ["1844"], "answerable": True}
    seed = next(seed for seed in range(20) if "cat" in _example(others, seed, **row).messages[-2].content)
    one = _example(others, seed, **row)
    assert "cat" in _decoded(single, fitted(one, single, 1000, Counter()))
    counts = Counter()
    alone = [*one.messages[:1], Message("user", grounded_question("When was it lit?", [passage]))]
    shorter = single.render([*alone, Message("assistant", grounded_reply([(passage, 1)]))])
    assert fitted(one, single, len(shorter.ids), counts) == shorter
    assert counts[SHORTENED] == 1
    assert fitted(one, single, len(shorter.ids) - 1, counts) is None
    assert counts[TOO_LONG] == 1


def test_a_row_of_sources_loses_its_history_then_the_sources_that_are_not_cited(single):
    history = [{"role": "user", "content": "Hello!"}, {"role": "assistant", "content": "Good day."}]
    sources = ["The cat sat on the mat.", "It was lit in 1844.", "Dogs bark."]
    answer = [{"text": "Dogs bark.", "source": 3}, {"text": "It was lit in 1844.", "source": 2}]
    one = _example(sources=sources, question="What?", history=history, answer=answer)
    said = [
        ("Good day.", "The cat", "Dogs bark. [3] It was lit in 1844. [2]"),
        (None, "The cat", "Dogs bark. [3] It was lit in 1844. [2]"),
        (None, None, "Dogs bark. [2] It was lit in 1844. [1]"),
    ]
    window = 1000
    for earlier, unused, reply in said:
        rendered = fitted(one, single, window, Counter())
        text = _decoded(single, rendered)
        assert ("Good day." in text, "The cat" in text) == (bool(earlier), bool(unused))
        assert text.endswith(f"<|im_start|>assistant\n {reply}<|im_end|>\n")
        window = len(rendered.ids) - 1
    assert fitted(one, single, window, Counter()) is None


def test_a_refusal_keeps_all_its_sources(single):
    one = _example(sources=["The cat sat on the mat.", "Dogs bark."], question="What?")
    window = len(single.render(one.messages).ids)
    assert fitted(one, single, window, Counter()) is not None
    assert fitted(one, single, window - 1, Counter()) is None

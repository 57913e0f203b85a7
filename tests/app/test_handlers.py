"""The handlers of the page over a real library, without a browser."""

import threading

import pytest

from app.asking import Asking
from app.conversation import Session
from assistant.engine.sampling import Sampling
from assistant.pipeline import Assistant

SETTINGS = ("default", True, 0.0, 0, 1.0, 0.0, 0.0, 60, "")


@pytest.fixture
def assistant(tmp_path, chat_checkpoint):
    with Assistant.open(tmp_path / "home", model=str(chat_checkpoint)) as assistant:
        yield assistant


@pytest.fixture
def otters(assistant):
    """The library knows of otters."""
    assistant.library.submit(b"The otter eats fish. The beaver eats bark.", "otter.txt")
    assistant.library.worker.run_until_idle()
    return assistant


def test_a_question_that_is_refused_comes_back_with_the_reason(assistant):
    *_, (session, messages, box, notice, _) = Asking(assistant).ask(Session(), "x" * 100_000, *SETTINGS)
    assert session == Session()
    assert messages == []
    assert box["value"] == "x" * 100_000
    assert "100,000 characters" in notice


@pytest.mark.parametrize(
    ("position", "value", "said"),
    [
        (2, 9, "temperature"),
        (4, 0, "top_p"),
        (8, "-1", "seed"),
        (8, "x", "seed"),
        (0, " ", "collection"),
        (0, [], "collection"),
    ],
)
def test_sampling_out_of_range_is_named(assistant, position, value, said):
    sampling = [*SETTINGS[:position], value, *SETTINGS[position + 1 :]]
    *_, (_, _, box, notice, _) = Asking(assistant).ask(Session(), "Why?", *sampling)
    assert said in notice
    assert box["value"] == "Why?"


def test_the_controls_stand_in_the_order_of_the_settings():
    from dataclasses import fields

    names = [item.name for item in fields(Sampling)]
    expected = ["temperature", "top_k", "top_p", "frequency_penalty", "presence_penalty", "max_tokens", "seed"]
    assert names[: len(SETTINGS) - 2] == expected


def test_only_the_chosen_collection_is_asked(otters):
    asking = Asking(otters)
    *_, (session, *_) = asking.ask(Session(), "What does the otter eat?", *SETTINGS)
    assert "The otter eats fish." in session.turns[0].answer.answer
    otters.library.submit(b"The moon Europa orbits Jupiter.", "moons.txt", "space")
    otters.library.worker.run_until_idle()
    *_, (session, *_) = asking.ask(Session(), "What does the otter eat?", "space", *SETTINGS[1:])
    assert {hit.document for hit in session.turns[0].answer.hits} == {"moons.txt"}
    *_, (_, _, _, notice, _) = asking.ask(Session(), "What does the otter eat?", "law", *SETTINGS[1:])
    assert "There are no documents in the collection &#x27;law&#x27; yet." in notice


def test_a_stop_ends_the_answer_and_what_there_is_is_checked(otters):
    asking = Asking(otters)
    views = asking.ask(Session(), "What does the otter eat?", *SETTINGS)
    session = next(views)[0]
    asking.stop(session)
    *_, (session, _, _, _, saved) = views
    assert session.stop is None
    assert session.turns[0].answer is not None
    assert session.turns[0].answer.usage.completion_tokens <= 1
    assert len(saved) == 1


def test_chat_without_documents_supports_nothing(assistant):
    views = list(Asking(assistant).ask(Session(), "Hello", "default", False, *SETTINGS[2:]))
    (turn,) = views[-1][0].turns
    assert turn.answer.citations == ()
    assert {sentence.verdict for sentence in turn.answer.sentences} <= {"unsupported"}
    shown = [view[1] for view in views if isinstance(view[1], list)]
    assert "fn-supported" not in shown[-1][-1]["content"].value


def test_a_reader_who_leaves_ends_the_answer(assistant):
    views = Asking(assistant).ask(Session(), "Why?", *SETTINGS)
    stop = next(views)[0].stop
    views.close()
    assert stop.is_set()


def test_clear_waits_until_nothing_more_of_the_answer_comes(assistant):
    asking = Asking(assistant)
    views = asking.ask(Session(), "Why?", *SETTINGS)
    session = next(views)[0]
    cleared = []
    clearing = threading.Thread(target=lambda: cleared.append(asking.clear(session)))
    clearing.start()
    clearing.join(0.3)
    assert cleared == []
    assert session.stop.is_set()
    views.close()
    clearing.join(5)
    assert cleared[0][:2] == (Session(), [])


def test_a_second_question_waits_for_the_first(assistant):
    asking = Asking(assistant)
    first = asking.ask(Session(), "Why?", *SETTINGS)
    session = next(first)[0]
    [(unchanged, *_)] = asking.ask(session, "And why?", *SETTINGS)
    assert unchanged is session

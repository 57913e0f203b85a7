"""The fold of events into turns, and the copy that the browser keeps."""

import json

import pytest

from app.conversation import Turn, advance, from_stored, history, to_stored
from assistant.chatml import Message
from assistant.types import Answer, Answered, Citation, Retrieved, Sentence, Token, Verified
from retrieval.types import Hit

HIT = Hit(7, "The otter eats fish.", "otters.pdf", "d1", 3, 0, 20, 0.5, 1, None)
SENTENCES = (Sentence("The otter eats fish.", "supported", 0.9, (1,)),)
CITATIONS = (Citation(1, "otters.pdf", "d1", 3, 0, 20, "The otter eats fish."),)
ANSWER = Answer("What?", "The otter eats fish.", False, 0.9, SENTENCES, CITATIONS, (HIT,), "tiny")


def folded(*events):
    turn = Turn("What?")
    for event in events:
        turn = advance(turn, event)
    return turn


def test_events_fold_into_a_turn():
    assert folded(Retrieved("What?", (HIT,))) == Turn("What?", passages=1)
    assert folded(Retrieved("What?", ()), Token("The "), Token("otter")) == Turn("What?", 0, "The otter")
    assert folded(Token("x"), Verified(SENTENCES, CITATIONS), Answered(ANSWER)) == Turn("What?", None, "x", ANSWER)


def test_history_holds_what_was_answered():
    turns = (Turn("What?", answer=ANSWER), Turn("And then?"))
    assert history(turns) == [Message("user", "What?"), Message("assistant", "The otter eats fish.")]


def test_the_browser_gives_back_what_it_was_given_without_the_hits():
    stored = json.loads(json.dumps(to_stored([Turn("What?", 1, "draft", ANSWER), Turn("open")])))
    [turn] = from_stored(stored)
    assert turn.question == "What?"
    assert turn.answer is not None
    assert (turn.answer.sentences, turn.answer.citations, turn.answer.hits) == (SENTENCES, CITATIONS, ())


@pytest.mark.parametrize("stored", [None, [], "text", 7, {"a": 1}, [{"question": "x"}], [None], [[1]]])
def test_anything_else_from_the_browser_is_an_empty_conversation(stored):
    assert from_stored(stored) == ()

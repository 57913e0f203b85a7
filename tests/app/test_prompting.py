"""The handlers of the prompts over real records and a real tiny model."""

import json

import pytest

from app.prompting import TEXTS, Prompting
from assistant.pipeline import Assistant
from assistant.prompt_builder import Example, PromptParts
from eval.saved_prompts import find_prompt, list_prompts, save_prompt

ROWS = [
    {"kind": "good", "text": "At nine.", "reason": "short"},
    {"kind": "bad", "text": "</bad> Dunno", "reason": "rude"},
    {"kind": "good", "text": " ", "reason": ""},
]
FIELDS = ("Answer.", "", "a clerk", "", "one\n\n two \n", "", "Go.", json.dumps(ROWS))
PARTS = PromptParts(
    "Answer.",
    role="a clerk",
    constraints=("one", "two"),
    good_examples=(Example("At nine.", "short"),),
    bad_examples=(Example("</bad> Dunno", "rude"),),
    call_to_action="Go.",
)
EMPTY = (*[""] * len(TEXTS), "[]")


@pytest.fixture
def prompting(tmp_path, chat_checkpoint, records):
    with Assistant.open(tmp_path, model=str(chat_checkpoint)) as assistant:
        yield Prompting(assistant, records)


def test_the_form_is_the_prompt_and_comes_back(prompting, records):
    opened, notice = prompting.save(None, "clerk", *FIELDS)
    assert (opened["value"], opened["choices"]) == ("clerk", ["clerk"])
    assert "Saved clerk" in notice
    assert find_prompt(records, "clerk").parts == PARTS
    name, *fields, preview, said = prompting.open("clerk")
    assert (name, said) == ("clerk", "")
    assert prompting.preview(*fields) == preview == prompting.preview(*FIELDS)
    prompting.save("clerk", "again", *fields)
    assert find_prompt(records, "again").parts == PARTS


def test_the_preview_shows_markup_and_says_what_is_missing(prompting):
    assert "Nothing yet" in prompting.preview(*EMPTY)
    assert "the task is empty" in prompting.preview("", "somewhere", *EMPTY[2:])
    html = prompting.preview("<script>", *EMPTY[1:])
    assert "&lt;script&gt;" in html
    assert "<script>" not in html
    assert "&amp;lt;/bad&amp;gt; Dunno" in prompting.preview(*FIELDS), "as the model gets it"


def test_a_name_taken_is_only_changed_where_that_prompt_is_open(prompting, records):
    save_prompt(records, "clerk", PARTS)
    _, notice = prompting.save(None, "clerk", "Another.", *EMPTY[1:])
    assert "open that one to change it" in notice
    assert find_prompt(records, "clerk").parts == PARTS
    prompting.save("clerk", "clerk", "Another.", *EMPTY[1:])
    assert find_prompt(records, "clerk").parts == PromptParts("Another.")


def test_deleting(prompting, records):
    save_prompt(records, "clerk", PARTS)
    assert "no saved prompt is open" in prompting.remove(None)[1]
    opened, notice = prompting.remove("clerk")
    assert (opened["value"], opened["choices"]) == (None, [])
    assert "Deleted clerk" in notice
    assert list_prompts(records) == []
    assert "no saved prompt" in prompting.open("clerk")[-1]


@pytest.mark.parametrize(("name", "fields"), [(" ", FIELDS), ("x", EMPTY), ("x", (*FIELDS[:-1], "nonsense"))])
def test_what_cannot_be_saved_is_said(prompting, records, name, fields):
    assert "alert" in prompting.save(None, name, *fields)[1]
    assert list_prompts(records) == []


def test_a_try_streams_a_reply_under_the_prompt(prompting):
    shown = list(prompting.attempt("Tell me a long story.", False, "default", "Answer.", *EMPTY[1:]))
    assert any("fn-draft" in html for html in shown)
    assert "fn-answer" in shown[-1]


@pytest.mark.parametrize(
    ("question", "grounded", "fields", "said"),
    [
        (" ", False, FIELDS, "question is empty"),
        ("Why?", True, FIELDS, "no documents"),
        ("Why?", False, EMPTY, "the task is empty"),
        ("Why?", False, ("x " * 1900, *EMPTY[1:]), "the model has room for"),
    ],
)
def test_a_try_that_cannot_be_made_is_said(prompting, question, grounded, fields, said):
    assert said in list(prompting.attempt(question, grounded, "default", *fields))[-1]

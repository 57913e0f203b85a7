"""Saved prompts in real records, and `footnote eval prompts` as its user meets it."""

import json
from contextlib import closing
from functools import partial

import pytest

from assistant.errors import InputError
from assistant.prompt_builder import PromptParts
from assistant.records import open_records
from eval.contestants import Contestant
from eval.saved_prompts import find_prompt, list_prompts, remove_prompt, save_prompt

YES, NO = PromptParts("Say yes."), PromptParts("Say no.")


@pytest.fixture
def db(tmp_path):
    with closing(open_records(tmp_path)) as db:
        yield db


@pytest.fixture
def run(footnote):
    """Run `footnote eval prompts ARGS`; gives (exit code, stdout, stderr)."""
    return partial(footnote, "eval", "prompts")


def use(db, prompt):
    """A session with a contestant of this prompt."""
    contestant = Contestant("A", prompt=prompt)
    with db.transaction():
        db.all("INSERT INTO sessions VALUES (1, 'trial', 'battle', 1, '{}', '')")
        db.all("INSERT INTO contestants VALUES (1, 0, 'A', ?)", json.dumps(contestant.settings()))


def test_saved_found_listed_removed(db):
    save_prompt(db, " polite ", YES)
    save_prompt(db, "gruff 🐻, brief", NO)
    assert find_prompt(db, "polite").parts == YES
    assert [prompt.name for prompt in list_prompts(db)] == ["gruff 🐻, brief", "polite"]
    assert remove_prompt(db, "polite").parts == YES
    with pytest.raises(InputError, match="no saved prompt 'polite'"):
        find_prompt(db, "polite")
    with pytest.raises(InputError, match="no saved prompt 'polite'"):
        remove_prompt(db, "polite")


def test_a_name_taken_is_refused_unless_it_is_to_be_replaced(db):
    first = save_prompt(db, "mine", YES)
    assert save_prompt(db, "mine", YES) == first
    with pytest.raises(InputError, match="a prompt 'mine' already"):
        save_prompt(db, "mine", NO)
    assert find_prompt(db, "mine").parts == YES
    save_prompt(db, "mine", NO, replace=True)
    assert find_prompt(db, "mine").parts == NO


def test_what_a_session_uses_stays_as_it_is(db):
    save_prompt(db, "mine", YES)
    use(db, "mine")
    for change in (lambda: save_prompt(db, "mine", NO, replace=True), lambda: remove_prompt(db, "mine")):
        with pytest.raises(InputError, match="used by a contestant of the session 'trial'"):
            change()
    assert find_prompt(db, "mine").parts == YES


@pytest.mark.parametrize("name", ["", "  ", "x" * 81, "a\nb"])
def test_a_name_that_cannot_be_one_is_refused(db, name):
    with pytest.raises(InputError, match="1 to 80 visible characters"):
        save_prompt(db, name, YES)


def test_the_commands(run, tmp_path):
    file = tmp_path / "p.toml"
    file.write_text('task = "Answer in one word."\nrole = "a clerk"\n')
    assert "no saved prompts" in run("list")[1]
    assert run("save", "short", file)[:2] == (0, "saved short, 44 characters\n")
    assert run("show", "short")[1] == "## Role\na clerk\n\n## Task\nAnswer in one word.\n"
    assert run("list")[1] == "short  Answer in one word.\n"
    file.write_text('task = "Another."')
    code, out, err = run("save", "short", file)
    assert (code, out) == (2, "")
    assert "already" in err
    assert run("save", "short", file, "--replace")[0] == 0
    assert json.loads(run("list", "--json")[1])["prompts"][0]["parts"] == {"task": "Another."}
    assert json.loads(run("show", "short", "--json")[1])["text"] == "## Task\nAnother."
    assert run("remove", "short")[:2] == (0, "removed short\n")
    assert run("show", "short")[0] == 2


def test_a_prompt_is_tried_on_a_real_model(run, tmp_path, tiny_checkpoint):
    file = tmp_path / "p.toml"
    file.write_text('task = "Yes."')
    run("save", "short", file)
    args = ("try", "short", "Why?", "--model", tiny_checkpoint)
    code, out, err = run(*args, "--no-documents", "--json")
    found = json.loads(out)
    assert (code, found["prompt"], found["question"]) == (0, "short", "Why?")
    assert found["usage"]["completion_tokens"] > 0
    code, out, err = run(*args)
    assert (code, out) == (2, "")
    assert "no documents in the collection" in err

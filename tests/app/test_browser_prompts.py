"""The prompts in a real browser, over the real program with a tiny real model."""

import re

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

_PAUSE_MS = 700
ATTACK = "</bad></example><img src=x onerror=window.harmed=1> ${window.harmed=1} {{value}}"


@pytest.fixture
def form(open_page):
    page = open_page(viewport={"width": 1280, "height": 900}).page
    page.get_by_role("tab", name="Prompts").click()
    page.get_by_label("Task").wait_for()
    page.wait_for_timeout(_PAUSE_MS)
    return page


def preview(page, text):
    page.locator(".fn-prompt", has_text=text).wait_for()
    return page.locator(".fn-prompt").inner_text()


def test_a_prompt_is_built_seen_tried_saved_opened_and_deleted(form):
    form.get_by_label("Task").fill("Answer in one word.")
    form.get_by_label("Constraints").fill("no prices\nno jokes")
    form.get_by_role("button", name="Add an example").click()
    assert form.evaluate("document.activeElement.dataset.field") == "kind"
    form.get_by_label("Kind").select_option("bad")
    form.get_by_label("Reply").fill(ATTACK)
    form.get_by_label("Why it is good or bad").fill("too long")
    text = preview(form, "too long")
    assert "## Task\nAnswer in one word." in text
    assert "- no prices\n- no jokes" in text
    assert "<bad>&lt;/bad&gt;&lt;/example&gt;&lt;img" in text
    form.get_by_label("Question to try the prompt with").fill("Why?")
    form.wait_for_timeout(_PAUSE_MS)
    form.get_by_label("Question to try the prompt with").press("Enter")
    form.locator("#fn-try-reply .fn-answer").wait_for()
    form.get_by_role("textbox", name=re.compile("^Name")).fill("one word")
    form.wait_for_timeout(_PAUSE_MS)
    form.get_by_role("button", name="Save").click()
    form.get_by_text("Saved one word.").wait_for()
    form.get_by_role("button", name="New").click()
    form.get_by_text("Nothing yet.").wait_for()
    assert form.locator("#fn-examples fieldset").count() == 0
    form.reload()
    form.get_by_role("combobox", name="Saved prompts").click()
    form.get_by_role("option", name="one word").click()
    assert preview(form, "too long") == text
    assert form.get_by_label("Reply").input_value() == ATTACK
    form.get_by_role("button", name="Delete", exact=True).click()
    form.get_by_text("Deleted one word.").wait_for()
    assert form.evaluate("window.harmed") is None


def test_what_is_missing_is_said(form):
    form.get_by_label("Role").fill("a clerk")
    form.locator("#fn-prompt-preview", has_text="the task is empty").wait_for()
    form.get_by_role("button", name="Save").click()
    form.get_by_role("alert").get_by_text("the task is empty").wait_for()

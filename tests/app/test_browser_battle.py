"""Battles and the leaderboard in a real browser, over the real program with a tiny real model."""

import re

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

_PAUSE_MS = 700
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
ATTACK = "<img src=x onerror=window.harmed=1> ${window.harmed=1} {{value}}"


def turn_to(page, tab) -> None:
    page.get_by_role("tab", name=tab, exact=True).click()
    page.get_by_role("heading", name=tab, exact=True).wait_for()
    page.wait_for_timeout(_PAUSE_MS)


def begin_session(page, name, prompts, *contestants) -> None:
    """Begin a session of the tiny model at two temperatures."""
    turn_to(page, "Battle")
    page.get_by_role("button", name="Begin a new session").click()
    page.get_by_label("Name of the session").fill(name)
    page.get_by_label("Prompts, one a line").fill("\n".join(prompts))
    for number, called in enumerate(contestants or ("calm", "wild")):
        row = page.locator("#fn-contestants fieldset").nth(number)
        row.get_by_label("Name").fill(called)
        row.get_by_label("Reads").select_option("none")
        row.get_by_label("Temperature").fill(str(number))
    page.wait_for_timeout(_PAUSE_MS)
    page.get_by_role("button", name="Begin the session").click()
    page.get_by_role("status").filter(has_text=f"Made {name}").wait_for()
    page.get_by_role("button", name="Begin a new session").click()


def start(page, rater) -> None:
    page.get_by_label("Your name as rater").fill(rater)
    page.wait_for_timeout(_PAUSE_MS)
    page.get_by_role("button", name="Start", exact=True).click()
    ready(page)


def ready(page, number=None) -> None:
    """Both answers are there, of battle `number`."""
    page.locator(".fn-arena[data-state=ready]").wait_for()
    if number is not None:
        page.locator(".fn-progress", has_text=f"Battle {number} of").wait_for()


def told(page) -> str:
    page.locator(".fn-arena[data-state=told]").wait_for()
    return page.locator(".fn-outcome").inner_text()


def test_a_session_is_begun_voted_on_by_keyboard_alone_and_shown_in_the_leaderboard(open_page):
    page = open_page(viewport={"width": 1280, "height": 900}).page
    begin_session(page, "keys", ["Why?", "How?"])
    start(page, "Ada")
    assert "calm" not in page.locator("#fn-arena").inner_text()
    assert page.locator("#fn-arena .fn-said").inner_text().startswith("Both answers are there.")
    page.locator(".fn-asked").focus()
    page.keyboard.press("1")
    assert re.match(r"You preferred A\. A was (calm|wild), B was (calm|wild)\.", told(page))
    assert page.evaluate("document.activeElement.textContent") == "Next battle"
    page.keyboard.press("Enter")
    ready(page, 2)
    assert page.evaluate("document.activeElement.className") == "fn-asked"
    page.keyboard.press("ArrowRight")
    assert told(page).startswith("You preferred B.")
    page.keyboard.press("Enter")
    page.get_by_role("status").filter(has_text="You have voted on all 2 battles of keys.").wait_for()
    turn_to(page, "Leaderboard")
    board = page.get_by_role("region", name="Ratings")
    board.wait_for()
    assert {"calm", "wild"} <= set(re.split(r"\s", board.inner_text()))
    assert page.get_by_role("img", name="Ratings, by people").is_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Votes (CSV)").click()
    assert download.value.suggested_filename == "keys.csv"


def test_a_key_typed_into_a_field_or_another_tab_is_no_vote(open_page):
    page = open_page().page
    begin_session(page, "typed", ["Why?"])
    start(page, "Ada")
    page.get_by_label("Your name as rater").press_sequentially("12345")
    page.get_by_role("tab", name="Chat", exact=True).click()
    page.get_by_role("textbox", name="Your question").wait_for()
    page.locator("body").press("1")
    turn_to(page, "Battle")
    assert page.locator(".fn-arena").get_attribute("data-state") == "ready"


def test_a_reload_goes_on_with_the_same_battle_and_a_second_window_counts_no_vote_twice(open_page):
    page = open_page().page
    begin_session(page, "twice", ["Why?", "How?", "Where?"])
    start(page, "Ada")
    before = page.locator(".fn-panes").inner_text()
    page.reload()
    ready(page, 1)
    assert page.locator(".fn-panes").inner_text() == before
    assert page.get_by_label("Your name as rater").input_value() == "Ada"
    second = page.context.new_page()
    second.goto(page.url)
    ready(second, 1)
    page.get_by_role("button", name="Tie").click()
    told(page)
    second.get_by_role("button", name="Both bad").click()
    second.get_by_role("alert").get_by_text("has your vote already").wait_for()
    ready(second, 2)
    assert "1 of 3 voted" in second.locator(".fn-progress").inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_one_answer_below_the_other_and_votes_by_touch(open_page, scheme):
    page = open_page(color_scheme=scheme, **PHONE).page
    begin_session(page, f"phone {scheme}", ["Why?"])
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["viewport"]["width"]
    start(page, "Ada")
    left, right = (page.get_by_label(f"Answer {letter}", exact=True).bounding_box() for letter in "AB")
    assert left["x"] == right["x"]
    assert left["y"] + left["height"] <= right["y"]
    button = page.get_by_role("button", name="B is better")
    assert button.bounding_box()["height"] >= 40
    button.tap()
    assert told(page).startswith("You preferred B.")
    for tab in ("Leaderboard", "Prompts", "Report", "Rate"):
        page.get_by_role("tab", name=tab, exact=True).click()
        page.wait_for_timeout(_PAUSE_MS)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["viewport"]["width"]


def test_markup_in_names_and_prompts_is_shown_and_never_runs(open_page):
    page = open_page().page
    begin_session(page, ATTACK, [ATTACK], f"{ATTACK[:60]} 1", f"{ATTACK[:60]} 2")
    start(page, ATTACK)
    assert page.locator(".fn-asked").inner_text() == ATTACK
    page.locator(".fn-asked").focus()
    page.keyboard.press("3")
    assert ATTACK[:60] in told(page)
    turn_to(page, "Leaderboard")
    page.get_by_role("region", name="Ratings").wait_for()
    assert page.evaluate("window.harmed") is None


def test_what_is_wrong_with_a_new_session_is_said(open_page):
    page = open_page().page
    turn_to(page, "Battle")
    page.get_by_role("button", name="Begin a new session").click()
    page.wait_for_timeout(_PAUSE_MS)
    page.get_by_role("button", name="Remove Contestant 2").click()
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Remove Contestant 1"
    page.get_by_label("Name of the session").fill("few")
    page.get_by_label("Prompts, one a line").fill("Why?")
    page.wait_for_timeout(_PAUSE_MS)
    page.get_by_role("button", name="Begin the session").click()
    page.get_by_role("alert").get_by_text("a session takes 2 to 60 contestants, not 1").wait_for()

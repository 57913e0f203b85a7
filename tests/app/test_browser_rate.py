"""Rating a form in a real browser, over the real program."""

import itertools
import json

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

_SERIAL = itertools.count()
_SETTLE_MS = 500
ATTACK = "<script>window.harmed=1</script><img src=x onerror=window.harmed=1> ${window.harmed=1} {{value}}"
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}


@pytest.fixture
def rate_page(open_page, tmp_path):
    """A function that opens the Rate tab with a new form of four texts chosen; gives the page and the form's name."""

    def opened(extra="", **options):
        name = f"form {next(_SERIAL)}"
        page = open_page(**options).page
        to_rate(page)
        path = tmp_path / f"{name}.jsonl"
        rows = [
            {
                "item": f"i{item}",
                "system": f"system {which}",
                "text": f"Text {item}{which}. {extra}",
                "source": "S " * 900,
            }
            for item in range(2)
            for which in "ab"
        ]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        page.get_by_role("button", name="New form").click()
        page.locator("#fn-form-texts input[type=file]").set_input_files(path)
        page.locator("#fn-form-texts").get_by_text(".jsonl").first.wait_for()
        page.get_by_role("button", name="Make the form").click()
        page.get_by_text(f"Made {name}: 4 texts.").wait_for()
        page.wait_for_timeout(_SETTLE_MS)
        return page, name

    return opened


def to_rate(page):
    page.get_by_role("tab", name="Rate").click()
    page.locator(".fn-stage :is(p, form)").first.wait_for()
    page.wait_for_timeout(_SETTLE_MS)


def start(page, rater="Ann"):
    box = page.get_by_label("Your name")
    box.fill(rater)
    page.wait_for_timeout(_SETTLE_MS)
    box.press("Enter")
    at(page, 1)


def at(page, number):
    page.get_by_role("heading", name=f"Text {number} of 4").wait_for()


def tick_all(page, score="1"):
    for group in page.get_by_role("group").all():
        group.get_by_role("radio").nth(int(score) + 2).check()


def save(page):
    page.get_by_role("button", name="Save").click()


def focused(page, expression):
    return page.evaluate(f"document.activeElement.{expression}")


def test_a_form_is_rated_by_keyboard_alone(rate_page):
    page, name = rate_page(viewport={"width": 1280, "height": 900})
    start(page)
    assert focused(page, "textContent") == "Text 1 of 4"
    # By Tab and arrows: a group is one stop.
    for _ in range(20):
        page.keyboard.press("Tab")
        if focused(page, "type") == "radio":
            break
    for aspect in ("Coherence", "Informativeness", "Factual accuracy"):
        assert focused(page, "closest('fieldset').querySelector('legend').textContent") == aspect
        page.keyboard.press("Space")
        page.keyboard.press("ArrowRight")
        assert focused(page, "value") == "-1"
        assert focused(page, "checked")
        page.keyboard.press("Tab")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    at(page, 2)
    assert focused(page, "textContent") == "Text 2 of 4"
    # By digits.
    for number in (2, 3, 4):
        for digit in "543":
            page.keyboard.press(digit)
        assert focused(page, "textContent") == "Save and next"
        page.keyboard.press("Enter")
        if number < 4:
            at(page, number + 1)
    page.get_by_role("heading", name="Thank you, Ann.").wait_for()
    assert "all 4 texts" in page.locator(".fn-thanks").inner_text()
    page.get_by_role("button", name="Results").focus()
    page.keyboard.press("Enter")
    table = page.get_by_role("table", name="Who has scored how much")
    table.wait_for()
    assert "4 of 4" in table.inner_text()
    with page.expect_download() as saved:
        page.get_by_role("button", name="Download the scores (CSV)").click()
    assert saved.value.suggested_filename == f"{name}.csv"
    rows = saved.value.path().read_text("utf-8").splitlines()
    assert rows[0] == "item,rater,system,aspect,score,kind"
    assert len(rows) == 1 + 4 * 3
    assert sum(row.endswith(",-1,person") for row in rows) == 3


def test_a_reload_goes_on_where_the_rater_stopped_with_what_was_ticked(rate_page):
    page, _ = rate_page()
    start(page)
    tick_all(page)
    save(page)
    at(page, 2)
    page.get_by_role("radio").nth(3).check()
    page.reload()
    to_rate(page)
    at(page, 2)
    assert page.get_by_role("radio").nth(3).is_checked()
    assert page.locator(".fn-stage input:checked").count() == 1
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("button", name="Start rating").wait_for()
    assert page.get_by_label("Your name").input_value() == "Ann"
    page.get_by_role("button", name="Start rating").click()
    at(page, 2)


def test_back_shows_what_was_scored_and_corrects_it(rate_page):
    page, _ = rate_page()
    start(page)
    tick_all(page, "1")
    save(page)
    at(page, 2)
    page.get_by_role("button", name="Back").click()
    at(page, 1)
    assert page.locator(".fn-stage input:checked[value='1']").count() == 3
    tick_all(page, "-2")
    save(page)
    at(page, 2)
    assert page.locator(".fn-stage input:checked").count() == 0
    page.get_by_role("button", name="Back").click()
    at(page, 1)
    assert page.locator(".fn-stage input:checked[value='-2']").count() == 3


def test_an_aspect_without_a_score_is_shown_and_gets_the_focus(rate_page):
    page, _ = rate_page()
    start(page)
    page.get_by_role("group", name="Coherence").get_by_role("radio").first.check()
    save(page)
    page.locator(".fn-missing:visible").first.wait_for()
    assert page.locator(".fn-missing:visible").count() == 2
    assert focused(page, "closest('fieldset').dataset.aspect") == "informativeness"
    at(page, 1)


def test_two_browsers_of_one_rater_count_nothing_twice(rate_page, open_page):
    page, name = rate_page()
    start(page)
    other = open_page().page
    to_rate(other)
    other.locator("#fn-form input").click()
    other.get_by_role("option", name=name, exact=True).click()
    start(other)
    for each in (page, other):
        tick_all(each)
        save(each)
        at(each, 2)
    other.get_by_role("alert").get_by_text("nothing was counted twice").wait_for()
    other.get_by_role("button", name="Results").click()
    assert "1 of 4" in other.get_by_role("table", name="Who has scored how much").inner_text()


def test_markup_in_a_form_is_shown_and_never_runs(rate_page):
    page, _ = rate_page(ATTACK)
    start(page, f"Eve {ATTACK[:32]}")
    assert ATTACK in page.locator(".fn-scored").inner_text()
    tick_all(page)
    save(page)
    at(page, 2)
    page.get_by_role("button", name="Results").click()
    page.get_by_role("table", name="Who has scored how much").wait_for()
    assert page.evaluate("window.harmed") is None


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_the_form_without_sideways_scrolling(rate_page, scheme):
    page, _ = rate_page(color_scheme=scheme, **PHONE)
    start(page)
    source, text = (page.get_by_role("region", name=name).bounding_box() for name in ("Source", "Text to score"))
    assert source["y"] + source["height"] <= text["y"]
    assert page.get_by_role("region", name="Source").evaluate("box => box.scrollHeight > box.clientHeight")
    tick_all(page)
    save(page)
    at(page, 2)
    page.get_by_role("button", name="Results").click()
    page.get_by_role("table", name="Coherence").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["viewport"]["width"]


def test_on_a_wide_page_the_source_stands_beside_the_text(rate_page):
    page, _ = rate_page(viewport={"width": 1280, "height": 900})
    start(page)
    source, text = (page.get_by_role("region", name=name).bounding_box() for name in ("Source", "Text to score"))
    assert source["y"] == text["y"]
    assert source["x"] + source["width"] < text["x"]

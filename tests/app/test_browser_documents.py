"""The documents of the page in a real browser. Each test has a collection of its own, so none sees another's files."""

import re

import httpx
import pytest

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

_PAUSE_MS = 700


def choose(page, collection) -> None:
    """Turn to a collection, and wait until its documents are shown."""
    box = page.get_by_role("combobox", name="Collection")
    box.fill(collection)
    box.press("Enter")
    page.locator(f"#fn-collections option[value='{collection}']").wait_for(state="attached")


def add(page, *paths) -> None:
    page.locator("#fn-files input[type=file]").set_input_files(paths)


def row(page, name):
    return page.locator(f'.fn-list li[data-name="{name}"]')


def is_ready(page, name):
    """The row of a document, once it is one."""
    ready = page.locator(f'.fn-list li[data-name="{name}"][data-state=ready]')
    ready.wait_for()
    return ready


def ask(page, question) -> str:
    """The answer to a question."""
    answers = page.locator(".fn-answer").count()
    page.get_by_role("textbox", name="Your question").fill(question)
    page.wait_for_timeout(_PAUSE_MS)
    page.get_by_role("textbox", name="Your question").press("Enter")
    page.locator(".fn-answer").nth(answers).wait_for()
    page.get_by_role("button", name="Ask", exact=True).wait_for()
    return page.locator(".fn-answer").nth(answers).inner_text()


@pytest.fixture
def long(tmp_path):
    """A text that takes a while to embed."""
    path = tmp_path / "long.txt"
    path.write_text(" ".join(f"Sentence {number} tells of the river {number % 77}." for number in range(20_000)))
    return path


@pytest.fixture
def otter(tmp_path):
    path = tmp_path / "otter.txt"
    path.write_text("The otter eats fish.")
    return path


def test_a_file_is_seen_on_its_way_and_cancelled_and_others_are_searched_meanwhile(open_page, otter, long):
    page = open_page().page
    choose(page, "way")
    add(page, otter)
    is_ready(page, "otter.txt")
    add(page, long)
    page.locator('.fn-list li[data-name="long.txt"][data-state=embedding]').wait_for()
    bar = page.get_by_role("progressbar", name="long.txt: embedding")
    page.wait_for_function("bar => bar.value > 0", arg=bar.element_handle())
    assert "The otter eats fish." in ask(page, "What does the otter eat?")
    page.get_by_role("button", name="Cancel long.txt").click()
    page.get_by_text("Cancelled long.txt.").wait_for()
    assert "cancelled" in row(page, "long.txt").inner_text()
    page.get_by_role("button", name="Dismiss long.txt").click()
    row(page, "long.txt").wait_for(state="detached")


def test_files_that_fail_say_why_and_the_others_are_taken(open_page, otter, tmp_path):
    (tmp_path / "empty.txt").touch()
    with (tmp_path / "huge.pdf").open("wb") as file:
        file.truncate(101_000_000)
    page = open_page().page
    choose(page, "failing")
    add(page, tmp_path / "huge.pdf", tmp_path / "empty.txt", otter)
    page.get_by_role("alert").get_by_text("split it").wait_for()
    is_ready(page, "otter.txt")
    page.locator('.fn-list li[data-name="empty.txt"][data-state=failed]').wait_for()
    assert re.search(r"failed\s.*0 bytes", row(page, "empty.txt").inner_text(), re.DOTALL)
    assert row(page, "huge.pdf").count() == 0


def test_a_password_half_typed_stays_while_another_program_adds_files_and_opens_its_own(open_page, served, locked):
    page = open_page().page
    choose(page, "locked")
    add(page, locked)
    box = page.get_by_label("Password of locked.pdf")
    box.press_sequentially("xylo")
    httpx.post(f"{served}/v1/files", files={"file": ("beaver.txt", b"It eats bark.")}, data={"collection": "locked"})
    is_ready(page, "beaver.txt")
    assert box.evaluate("box => [box.value, document.activeElement === box, box.type]") == ["xylo", True, "password"]
    box.press_sequentially("phone")
    box.press("Enter")
    is_ready(page, "locked.pdf")
    assert page.locator(".fn-said").inner_text() == "locked.pdf is ready."
    # The field went, and the focus to what is in its place.
    assert row(page, "locked.pdf").evaluate("row => row.contains(document.activeElement)")


def test_a_long_text_is_read_in_parts_by_keyboard(open_page, tmp_path):
    (tmp_path / "tale.txt").write_text("\n".join(f"Line {number} of the tale." for number in range(1000)))
    page = open_page().page
    choose(page, "tales")
    add(page, tmp_path / "tale.txt")
    is_ready(page, "tale.txt")
    page.get_by_role("button", name="Preview tale.txt").press("Enter")
    text = page.get_by_role("region", name="Text of tale.txt")
    text.get_by_text("Line 0 of the tale.").wait_for()
    assert "Line 999" not in text.inner_text()
    page.get_by_role("button", name="Next").press("Enter")
    page.get_by_text("Part 2 of").wait_for()
    assert "Line 0 of the tale." not in text.inner_text()
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="detached")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Preview tale.txt"


def test_a_question_is_answered_from_the_chosen_collection_alone_and_documents_move(open_page, otter):
    page = open_page().page
    choose(page, "animals")
    add(page, otter)
    is_ready(page, "otter.txt")
    choose(page, "elsewhere")
    page.get_by_text("No documents yet.").wait_for()
    page.get_by_role("textbox", name="Your question").fill("What does the otter eat?")
    page.wait_for_timeout(_PAUSE_MS)
    page.get_by_role("textbox", name="Your question").press("Enter")
    page.get_by_role("alert").get_by_text("no documents in the collection 'elsewhere'").wait_for()
    choose(page, "animals")
    is_ready(page, "otter.txt")
    page.get_by_role("button", name="Move otter.txt").click()
    page.get_by_label("To the collection").fill("elsewhere")
    page.get_by_role("button", name="Move", exact=True).click()
    page.get_by_text("Moved otter.txt to elsewhere.").wait_for()
    row(page, "otter.txt").wait_for(state="detached")
    choose(page, "elsewhere")
    is_ready(page, "otter.txt")
    assert "The otter eats fish." in ask(page, "What does the otter eat?")
    page.reload()
    is_ready(page, "otter.txt")
    assert page.get_by_role("combobox", name="Collection").input_value() == "elsewhere"


def test_a_name_that_no_collection_can_have_is_refused_in_a_sentence(open_page):
    page = open_page().page
    box = page.get_by_role("combobox", name="Collection")
    box.fill("x" * 201)
    box.press("Enter")
    page.get_by_role("alert").get_by_text("use 1 to 200 visible characters").wait_for()
    page.wait_for_function("box => box.value === 'default'", arg=box.element_handle())

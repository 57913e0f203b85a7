"""The page in a real browser, over the real program with a tiny real model."""

import re

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

QUESTION = "How often must the Kestrel pump be oiled?"
WARRANTY = "How many months does the warranty last?"
QUOTE = "The Kestrel pump must be oiled every 40 days."
PAGES = (
    "Handbook. This guide covers the care of the Kestrel pump. It was designed in Delft.",
    f"Maintenance. {QUOTE} Use only the blue oil that comes with it.",
    "Warranty. The warranty lasts 36 months from the day of purchase.",
)
_PAUSE_MS = 700
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}


@pytest.fixture
def handbook(tmp_path):
    """A PDF of three pages; the answer is on the second."""
    from fpdf import FPDF

    pdf = FPDF()
    pdf.set_font("Helvetica", size=12)
    for text in PAGES:
        pdf.add_page()
        pdf.multi_cell(0, 8, text)
    path = tmp_path / "kestrel.pdf"
    pdf.output(path)
    return path


@pytest.fixture
def asked(open_page, handbook):
    """A page on which the question was answered from the handbook; the handbook is deleted in the end."""
    watched = open_page(viewport={"width": 1280, "height": 850})
    upload(watched.page, handbook)
    ask(watched.page, QUESTION)
    yield watched.page
    listed = watched.page.get_by_role("button", name="Delete kestrel.pdf")
    if listed.count():
        listed.click()
        watched.page.get_by_text("Deleted kestrel.pdf.").wait_for()


def upload(page, *paths) -> None:
    """Add files, and wait until they are documents."""
    page.locator("#fn-files input[type=file]").set_input_files(paths)
    for path in paths:
        page.get_by_role("button", name=f"Delete {path.name}").wait_for()


def ask(page, question) -> None:
    """Ask, and wait for the checked answer."""
    answers = page.locator(".fn-answer").count()
    submit(page, question)
    page.locator(".fn-answer").nth(answers).wait_for()
    page.get_by_role("button", name="Ask", exact=True).wait_for()


def submit(page, question) -> None:
    """Type a question and send it, at the pace of a person: Gradio takes what is typed over a moment later."""
    page.get_by_role("textbox", name="Your question").fill(question)
    page.wait_for_timeout(_PAUSE_MS)
    page.get_by_role("textbox", name="Your question").press("Enter")


def edit(page, question) -> None:
    """Edit the question, and wait until its answer is seen: the instant before its end."""
    page.get_by_role("button", name="Edit").click()
    page.locator("#fn-chat textarea").fill(question)
    page.get_by_role("button", name="Submit").click()
    page.locator(".fn-answer", has_text="36 months").wait_for()


def test_a_draft_streams_and_the_checked_answer_takes_its_place(asked):
    assert any(state.startswith("Draft, being checked…") for state in asked.evaluate("window.states"))
    assert asked.locator(".fn-draft").count() == 0
    assert QUOTE in asked.locator(".fn-answer").inner_text()


def test_a_footnote_opens_the_passage_with_the_words_marked(asked):
    asked.get_by_role("button", name="Footnote 1: kestrel.pdf, page 2").click()
    card = asked.locator(".fn-card:popover-open")
    assert card.locator("mark").inner_text() == QUOTE
    assert "kestrel.pdf" in card.inner_text()
    assert "p. 2" in card.inner_text()
    assert "Use only the blue oil" in card.inner_text()


def test_footnotes_are_opened_and_closed_by_keyboard(asked):
    asked.locator(".fn-mark").first.focus()
    asked.keyboard.press("Enter")
    assert asked.locator(".fn-card:popover-open mark").is_visible()
    asked.keyboard.press("Escape")
    assert asked.locator(".fn-card:popover-open").count() == 0
    assert asked.evaluate("document.activeElement.className") == "fn-mark"


def test_a_reload_keeps_documents_and_conversation(asked):
    asked.reload()
    asked.get_by_role("button", name="Delete kestrel.pdf").wait_for()
    asked.get_by_role("button", name="Footnote 1: kestrel.pdf, page 2").click()
    assert asked.locator(".fn-card:popover-open mark").inner_text() == QUOTE


def test_a_deleted_document_is_named_and_gone_after_a_reload(asked):
    asked.get_by_role("button", name="Delete kestrel.pdf").click()
    asked.get_by_text("Deleted kestrel.pdf.").wait_for()
    asked.get_by_text("No documents yet.").wait_for()
    asked.reload()
    asked.get_by_text("No documents yet.").wait_for()


def test_a_question_is_retried_and_edited_in_its_place(asked):
    asked.get_by_role("button", name="Retry").click()
    asked.get_by_role("button", name="Stop", exact=True).wait_for()
    asked.get_by_role("button", name="Ask", exact=True).wait_for()
    assert asked.locator(".user-row").count() == 1
    edit(asked, WARRANTY)
    assert asked.locator(".user-row").count() == 1


def test_clear_empties_the_conversation_also_in_the_instant_in_which_an_answer_ends(asked):
    for _ in range(3):
        edit(asked, WARRANTY)
        asked.get_by_role("button", name="Clear").click()
        asked.locator(".user-row").wait_for(state="detached")
        asked.wait_for_timeout(2 * _PAUSE_MS)
        assert asked.locator(".user-row").count() == 0
        ask(asked, QUESTION)
    asked.get_by_role("button", name="Clear").click()
    asked.locator(".user-row").wait_for(state="detached")
    asked.wait_for_timeout(2 * _PAUSE_MS)  # the page is empty at once, the browser's copy when the server has answered
    asked.reload()
    asked.get_by_role("button", name="Delete kestrel.pdf").wait_for()
    asked.wait_for_timeout(_PAUSE_MS)
    assert asked.locator(".user-row").count() == 0


def test_clear_while_an_answer_is_written_empties_a_long_conversation_for_good(open_page):
    page = open_page().page
    page.get_by_label("Answer from my documents").uncheck()
    for number in range(4):
        ask(page, f"Tell me story {number}.")
    submit(page, "Tell me a long story.")
    page.locator(".fn-draft").wait_for()
    page.get_by_role("button", name="Clear").click()
    page.get_by_role("button", name="Ask", exact=True).wait_for()
    page.wait_for_timeout(3 * _PAUSE_MS)
    assert page.locator(".user-row").count() == 0
    page.reload()
    page.wait_for_timeout(3 * _PAUSE_MS)
    assert page.locator(".user-row").count() == 0


def test_a_question_that_is_too_long_is_refused_in_a_sentence_and_kept(asked):
    box = asked.get_by_role("textbox", name="Your question")
    submit(asked, "x" * 100_000)
    asked.get_by_role("alert").get_by_text("100,000 characters").wait_for()
    assert box.input_value() == "x" * 100_000
    assert asked.locator(".user-row").count() == 1


def test_asking_without_documents_says_what_to_do(open_page):
    page = open_page().page
    submit(page, "Is anybody there?")
    page.get_by_role("alert").get_by_text("no documents").wait_for()


def test_markup_in_names_documents_and_questions_is_shown_and_never_runs(open_page, tmp_path):
    attack = "<img src=x onerror=window.harmed=1>"
    path = tmp_path / f"{attack}.txt"
    path.write_text(
        f"The otter <script>window.harmed=1</script> {attack} ${{window.harmed=1}} {{{{value}}}} eats fish."
    )
    page = open_page().page
    upload(page, path)
    assert f"{attack}.txt" in page.locator(".fn-list").inner_text()
    page.locator(".fn-preview").click()
    assert "<script>window.harmed=1</script>" in page.locator(".fn-reading").inner_text()
    page.keyboard.press("Escape")
    ask(page, "<script>window.harmed=1</script> What does the <b>otter</b> eat?")
    assert "<script>window.harmed=1</script>" in page.locator(".user-row").inner_text().replace("\u2060", "")
    assert "<script>window.harmed=1</script>" in page.locator(".fn-answer").inner_text()
    page.locator(".fn-mark").first.click()
    assert attack in page.locator(".fn-card:popover-open").inner_text()
    page.locator(".fn-card:popover-open .fn-close").click()
    page.locator(".fn-delete").click()
    page.get_by_text("No documents yet.").wait_for()
    assert page.evaluate("window.harmed") is None


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_the_page_without_sideways_scrolling(open_page, scheme):
    page = open_page(color_scheme=scheme, **PHONE).page
    page.get_by_role("button", name="How the model writes").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["viewport"]["width"]


def test_the_page_follows_the_dark_scheme(open_page):
    shades = {}
    for scheme in ("light", "dark"):
        page = open_page(color_scheme=scheme).page
        colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
        shades[scheme] = sum(int(part) for part in re.findall(r"\d+", colour)[:3])
    assert shades["dark"] < 150
    assert shades["light"] > 600


def test_a_seed_that_is_no_number_is_refused_and_none_is_the_start(open_page):
    page = open_page().page
    page.get_by_role("button", name="How the model writes").click()
    page.wait_for_timeout(_PAUSE_MS)  # what is folded away is only built when it is opened
    assert page.get_by_label("Seed").input_value() == ""
    page.get_by_label("Seed").fill("seven")
    page.get_by_label("Seed").press("Tab")
    page.wait_for_timeout(_PAUSE_MS)
    submit(page, "Why?")
    page.get_by_role("alert").get_by_text("seed must be a whole number").wait_for()

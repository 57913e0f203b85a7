"""Whatever people, documents and models write is shown as text and is never markup."""

from dataclasses import replace
from html.parser import HTMLParser
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.conversation import Turn
from app.listing import library_html, notice_html, refused_html
from app.preview import preview_html
from app.render import answer_html, as_typed, shown_question, turn_html
from assistant.types import Answer, Citation, Sentence
from retrieval.types import LOCKED_ENDS, Document, Job, JobState, Section

TAGS = set(
    "div p span sup button ol ul li header blockquote mark bdi "
    "progress form input datalist option article h3 h4 h5 nav".split()
)
ATTRIBUTES = set(
    "class id role type title popover popovertarget popovertargetaction autocomplete required placeholder max value "
    "tabindex disabled".split()
)
TEXT = "First words. The otter eats fish. Last words."
CITATION = Citation(1, "otters.pdf", "d1", 3, 13, 33, "The otter eats fish.")
ANSWER = Answer(
    question="What does the otter eat?",
    answer="The otter eats fish. It is big.",
    abstained=False,
    confidence=0.9,
    sentences=(Sentence("The otter eats fish.", "supported", 1.0, (1,)), Sentence("It is big.", "unsupported", 0.1)),
    citations=(CITATION,),
    hits=(),
    model="tiny",
)

ATTACKS = (
    "<script>x</script>",
    '"><img src=x onerror=x>',
    "' onclick='x",
    "</bdi></div>",
    "&lt;b&gt;",
    "<!--",
    "]]>",
    "\ud800",
)
texts = st.lists(st.text(max_size=20) | st.sampled_from(ATTACKS), min_size=1, max_size=4).map("".join)


def test_the_summary_counts_what_is_supported_and_says_when_nothing_was_checked():
    assert "1 of 2 sentences are supported by your documents." in answer_html(0, ANSWER, lambda _: TEXT)
    chatted = replace(ANSWER, sentences=(Sentence("It is big.", "unsupported", 0.0),), citations=())
    shown = answer_html(0, chatted, lambda _: TEXT)
    assert "Written without documents, so none of it was checked." in shown
    assert "supported by your documents" not in shown


class Reader(HTMLParser):
    """Parses as a browser does: the elements with their attributes and text; wrong nesting is an error."""

    def __init__(self, html: str):
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: dict[str, str] = {"all": ""}
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        if tag != "input":  # which has no end
            self._open.append(tag)
        self.elements.append((tag, dict(attrs)))
        self.words.setdefault(tag, "")

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        for tag in {*self._open, "all"}:
            self.words[tag] += data

    def handle_comment(self, data):
        raise AssertionError("a comment got through")

    handle_decl = unknown_decl = handle_pi = handle_comment

    def with_class(self, name):
        return [attributes for _, attributes in self.elements if name in (attributes.get("class") or "").split()]


def safe(html: str) -> Reader:
    """The elements of `html`, when only ours are in it."""
    reader = Reader(html)
    for tag, attributes in reader.elements:
        assert tag in TAGS
        assert all(name in ATTRIBUTES or name.startswith(("aria-", "data-")) for name in attributes)
    return reader


def sent(text: str) -> str:
    """`text` as it can be sent: without lone surrogates."""
    return text.encode("utf-8", "replace").decode()


@given(name=texts, quote=texts, said=texts, around=texts, page=st.none() | st.integers(1, 9))
def test_nothing_in_an_answer_becomes_markup(name, quote, said, around, page):
    text = f"{around}{quote}{around}"
    citation = Citation(1, name, "d1", page, len(around), len(around) + len(quote), quote)
    answer = replace(ANSWER, sentences=(Sentence(said, "supported", 1.0, (1,)),), citations=(citation,))
    reader = safe(answer_html(0, answer, lambda _: text))
    assert reader.words["mark"] == sent(quote)
    assert sent(name) in reader.words["bdi"]


@given(texts, st.booleans())
def test_nothing_in_a_draft_a_refusal_or_a_notice_becomes_markup(text, abstained):
    refusal = replace(ANSWER, answer=text, abstained=abstained, sentences=(), citations=())
    assert sent(text) in safe(answer_html(0, refusal, lambda _: "")).words["all"]
    assert sent(text) in safe(notice_html(text, warning=abstained)).words["all"]
    assert sent(text.strip()) in safe(turn_html(0, Turn("q", 1, text), lambda _: "")).words["all"]


@given(name=texts, reason=st.none() | texts, state=st.sampled_from(get_args(JobState)), locked=st.booleans())
def test_nothing_in_the_list_of_documents_becomes_markup(name, reason, state, locked):
    reason = f"{reason}{LOCKED_ENDS}" if locked else reason
    job = Job(name, name, name, 9, state, 0.5, reason, name, "2025-11-23T10:00:00", "2025-11-23T10:00:00")
    document = Document(name, name, name, "text/plain", "", 9, None, 2, "2025-11-23T10:00:00")
    reader = safe(library_html([job], [document], {name: name}, [name], 9))
    rows = [attributes for tag, attributes in reader.elements if tag == "li"]
    assert [row["data-id"] for row in rows] == [sent(name)] * 2
    labels = [attributes["aria-label"] for tag, attributes in reader.elements if tag == "button"]
    assert labels[-3:] == [f"{act} {sent(name)}" for act in ("Preview", "Move", "Delete")]
    assert reader.elements[-1] == ("option", {"value": sent(name)})
    assert sent(name) in safe(refused_html([(name, name)])).words["bdi"]


@given(name=texts, text=texts, heading=texts, page=st.none() | st.integers(1, 9))
def test_nothing_in_a_preview_becomes_markup(name, text, heading, page):
    document = Document(name, name, "default", "text/plain", "", 9, None, 2, "2025-11-23T10:00:00")
    reader = safe(preview_html(document, f"{heading}\n{text}", [Section(0, page, heading)], 1, 1))
    assert sent(name) in reader.words["bdi"]
    [article] = [attributes for tag, attributes in reader.elements if tag == "article"]
    assert article["data-document"] == sent(name)


def test_the_quote_stands_in_its_context():
    html = answer_html(4, ANSWER, lambda _: TEXT)
    assert "First words. <mark>The otter eats fish.</mark> Last words." in html


def test_long_context_is_cut_at_words():
    text = "left " * 200 + "quote" + " right" * 200
    citation = replace(CITATION, start=1000, end=1005, quote="quote")
    html = answer_html(0, replace(ANSWER, citations=(citation,)), lambda _: text)
    assert "<blockquote>…left left" in html
    assert "right right…</blockquote>" in html


@pytest.mark.parametrize("text", ["", TEXT.replace("otter", "beaver")])
def test_without_the_document_the_quote_stands_alone(text):
    html = answer_html(0, ANSWER, lambda _: text)
    assert "<blockquote><mark>The otter eats fish.</mark></blockquote>" in html
    assert ("no longer in the library" in html) == (text == "")


def test_a_number_and_its_line_open_the_same_card_and_are_named():
    reader = safe(answer_html(4, ANSWER, lambda _: TEXT))
    [mark], [line], [card] = (reader.with_class(name) for name in ("fn-mark", "fn-line", "fn-card"))
    assert mark["popovertarget"] == line["popovertarget"] == card["id"] == "fn-4-1"
    assert mark["aria-label"] == "Footnote 1: otters.pdf, page 3"


def test_unsupported_sentences_and_refusals_are_marked_in_words():
    html = answer_html(0, ANSWER, lambda _: TEXT)
    assert '<span class="fn-unsupported">It is big.</span> <span class="fn-tag">unsupported</span>' in html
    assert "1 of 2 sentences are supported" in html
    refusal = replace(ANSWER, abstained=True, sentences=(), citations=(), answer="I don't know.")
    assert "not answered" in answer_html(0, refusal, lambda _: "")


@given(texts.map(lambda text: text.replace("\u2060", "")))
def test_a_question_is_shown_as_typed_and_comes_back_as_typed(question):
    shown = shown_question(question)
    assert as_typed(shown) == question
    reader = Reader(shown.encode("utf-8", "replace").decode())
    assert reader.elements == []
    assert reader.words["all"].replace("\u2060", "") == sent(question)

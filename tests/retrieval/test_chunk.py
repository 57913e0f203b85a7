from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.chunk import TARGET, estimate_pieces, passages
from retrieval.headings import outline

ENGLISH = "The quick brown fox jumps over the lazy dog. " * 3 + "It sleeps in section 12345! "
TEXTS = st.text() | st.text("ab. \n", max_size=4000) | st.text("字。 \n", max_size=1500)


@dataclass(frozen=True)
class Mark:
    level: int
    start: int
    end: int


MARKS = st.lists(st.builds(Mark, st.integers(-1, 7), st.integers(-5, 4000), st.integers(-5, 4000)), max_size=12)


def marked(*parts):
    """A text with its headings: a part is a text, or a heading as (level, title)."""
    text, marks = "", []
    for part in parts:
        level, content = part if isinstance(part, tuple) else (None, part)
        if level:
            marks.append(Mark(level, len(text), len(text) + len(content)))
        text += content + "\n\n"
    return text, marks


@given(TEXTS, MARKS)
def test_passages_cover_the_text_in_order(text, marks):
    found = passages(text, headings=marks)
    covered = 0
    for passage in found:
        assert 0 <= passage.start < passage.end <= len(text)
        assert passage.page is None
        assert not text[covered : passage.start].strip()
        assert passage.end > covered
        assert text[passage.start : passage.end] == text[passage.start : passage.end].strip()
        assert estimate_pieces(text[passage.start : passage.end]) <= TARGET
        covered = passage.end
    assert not text[covered:].strip()
    assert [passage.start for passage in found] == sorted(passage.start for passage in found)


@given(st.lists(st.text(max_size=300), min_size=1, max_size=5), MARKS)
def test_no_passage_crosses_a_page(contents, marks):
    text, pages = "", []
    for number, content in enumerate(contents, start=1):
        pages.append((number, len(text), len(text) + len(content)))
        text += content
    bounds = {number: (start, end) for number, start, end in pages}
    covered = set()
    for passage in passages(text, pages, marks):
        start, end = bounds[passage.page]
        assert start <= passage.start < passage.end <= end
        covered.update(range(passage.start, passage.end))
    assert not "".join(char for place, char in enumerate(text) if place not in covered).strip()


def test_neighbours_share_a_sentence():
    text = ENGLISH * 20
    found = passages(text)
    assert len(found) > 2
    for left, right in pairwise(found):
        assert left.start < right.start < left.end
        assert text[right.start : left.end].endswith((".", "!"))


def test_a_sentence_too_long_is_cut_at_white_space_and_a_word_too_long_anywhere():
    text = "word " * 1000
    for passage in passages(text):
        assert set(text[passage.start : passage.end].split()) == {"word"}
    assert len(passages("x" * 10_000)) > 5
    assert passages("  \n ") == []


def test_the_estimate_keeps_passages_inside_the_models_window(tokenizer):
    text = (ENGLISH + "Invoice 8847-A cost $4,287.50 net; naïve Größe 名前. Anticonstitutionally! ") * 20
    for passage in passages(text):
        assert len(tokenizer.encode(text[passage.start : passage.end], verbose=False)) <= 256


def test_a_section_begins_a_passage_that_knows_the_headings_above_it():
    text, marks = marked(
        (1, "# Pump manual"), ENGLISH, (2, "Safety"), ENGLISH, (3, "Gloves"), ENGLISH, (2, "Care"), ENGLISH
    )
    found = passages(text, (), marks)
    assert [(passage.heading, text[passage.start : passage.end].split("\n")[0]) for passage in found] == [
        ("Pump manual", "# Pump manual"),
        ("Pump manual > Safety", "Safety"),
        ("Pump manual > Safety > Gloves", "Gloves"),
        ("Pump manual > Care", "Care"),
    ]


def test_the_path_goes_on_over_pages_and_long_sections():
    text, marks = marked((1, "Safety"), ENGLISH * 20)
    cut = text.index(ENGLISH, 900)
    found = passages(text, [(1, 0, cut), (2, cut, len(text))], marks)
    assert {passage.page for passage in found} == {1, 2}
    assert {passage.heading for passage in found} == {"Safety"}


def test_sections_too_short_to_stand_alone_go_together():
    text, marks = marked((1, "Hours"), "Nine to five.", (1, "Place"), "Main street.")
    assert [(passage.start, passage.heading) for passage in passages(text, (), marks)] == [(0, "Hours")]


@pytest.mark.parametrize("below", [ENGLISH * 9, "word " * 190, "字" * 195, "word " * 1000])
@pytest.mark.parametrize("before", ["", "A short beginning.", ENGLISH * 3])
def test_a_heading_stays_with_the_text_below_it(before, below):
    text, marks = marked(before, (1, "The first chapter"), (2, "Of the beginnings"), below, (1, "The end"))
    for passage in passages(text, (), marks):
        words = text[passage.start : passage.end].replace("The first chapter", "").replace("Of the beginnings", "")
        assert words.strip()
        assert not words.strip().endswith("The first chapter")
        assert estimate_pieces(text[passage.start : passage.end]) <= TARGET
    assert passages(text, (), marks)[-1].end == len(text.rstrip())


def test_headings_that_cannot_be_are_passed_over():
    text = "One two three four"
    places = [(1, 4, 7), (1, 5, 9), (1, -3, 3), (1, 8, 8), (1, 14, 99), (1, 7, 8), (2, 8, 13)]
    found = outline(text, [Mark(*place) for place in places])
    assert found.spans == ((4, 7), (8, 13))
    assert found.paths == ("two", "two > three")
    assert [found.path(place) for place in (0, 4, 7, 8, 18)] == ["", "two", "two", "two > three", "two > three"]


def test_what_is_said_to_be_a_heading_and_is_a_whole_page_is_text():
    text = ENGLISH * 20
    assert len(passages(text, (), [Mark(1, 0, len(text))])) > 2

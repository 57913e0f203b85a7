from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from retrieval.chunk import TARGET, estimate_pieces, passages

ENGLISH = "The quick brown fox jumps over the lazy dog. " * 3 + "It sleeps in section 12345! "


@given(st.text() | st.text("ab. \n", max_size=4000) | st.text("字。 \n", max_size=1500))
def test_passages_cover_the_text_in_order(text):
    found = passages(text)
    covered = 0
    for passage in found:
        assert 0 <= passage.start < passage.end <= len(text)
        assert passage.page is None
        assert not text[covered : passage.start].strip()
        assert passage.end > covered
        assert estimate_pieces(text[passage.start : passage.end]) <= TARGET
        covered = passage.end
    assert not text[covered:].strip()
    assert [passage.start for passage in found] == sorted(passage.start for passage in found)


@given(st.lists(st.text(max_size=300), min_size=1, max_size=5))
def test_no_passage_crosses_a_page(contents):
    text, pages = "", []
    for number, content in enumerate(contents, start=1):
        pages.append((number, len(text), len(text) + len(content)))
        text += content
    bounds = {number: (start, end) for number, start, end in pages}
    for passage in passages(text, pages):
        start, end = bounds[passage.page]
        assert start <= passage.start < passage.end <= end


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


def test_the_estimate_keeps_passages_inside_the_models_window(embedder):
    tokenizer = embedder._loaded().tokenizer
    text = (ENGLISH + "Invoice 8847-A cost $4,287.50 net; naïve Größe 名前. Anticonstitutionally! ") * 20
    for passage in passages(text):
        assert len(tokenizer.encode(text[passage.start : passage.end], verbose=False)) <= 256

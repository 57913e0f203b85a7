"""Headings of Markdown, whose text stays as it was written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.markdown import read_markdown


def headings(text):
    layout = read_markdown(text)
    assert layout.text == text
    return [(heading.level, text[heading.start : heading.end]) for heading in layout.headings]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("# One\ntext\n## Two ##\n\n###### Six\t#\n", [(1, "One"), (2, "Two"), (6, "Six")]),
        ("#\n# #\n#no\n####### seven\n    # code\n   # three spaces", [(1, "three spaces")]),
        ("# a # b\n# c#\n# \\#", [(1, "a # b"), (1, "c#"), (1, "\\#")]),
        ("Title\n=====\n\nSub\n---\n", [(1, "Title"), (2, "Sub")]),
        ("two\nlines\n---\n", []),
        ("- item\n---\n\n| a |\n|---|\n\n---\n", []),
        ("```\n# code\n~~~\n# code\n````\n# After `code`", [(1, "After `code`")]),
        ("~~~ python\n# code\n~~~x\n# code\n~~~\n# After", [(1, "After")]),
        ("---\ntitle: x\n---\n# One", [(1, "One")]),
        ("---\n# One\nno end", [(1, "One")]),
        ("", []),
    ],
)
def test_headings(text, found):
    assert headings(text) == found


@given(st.lists(st.one_of(st.sampled_from("# =-`~\n\t>|1."), st.text(max_size=3)), max_size=60).map("".join))
def test_any_text(text):
    position = 0
    for _, words in headings(text):
        assert words
        assert words == words.strip(" \t")
        assert "\n" not in words
        position = text.index(words, position)


def test_long_lines_take_no_long_time():
    for text in ("# " + " " * 300_000 + "x", "#" * 300_000, "# x" + " #" * 150_000, "---\n" + "x\n" * 100_000):
        headings(text)

"""HTML to text: no word that a browser shows is lost, and its headings are where they are said to be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.markup import read_html

# Elements of HTML that show their content, alone or nested; most are lost by readers that expect paragraphs.
ELEMENTS = (
    "p div span section article main aside header footer address blockquote h1 h6 ul/li ol/li menu/li dl/dt dl/dd "
    "pre code figure/figcaption table/caption table/tr/td table/thead/tr/th table/tfoot/tr/td details/summary "
    "details form label fieldset/legend textarea center b i u s em strong mark small sub sup cite abbr kbd samp var "
    "tt del ins big font time data output ruby dfn bdi bdo canvas object video audio map marquee dialog hgroup/h1 "
    "hgroup/p search my-element a blockquote/p ul/li/ul/li ul/li/p table/tr/td/table/tr/td table/tr/td/p unknown "
).split()


@pytest.mark.parametrize("path", ELEMENTS)
def test_what_an_element_shows_is_kept(path):
    tags = path.split("/")
    inner = "".join(f"<{tag}>" for tag in tags) + "Some words" + "".join(f"</{tag}>" for tag in reversed(tags))
    text = read_html(f"<html><body><p>Before.</p>{inner}<p>After.</p></body></html>").text
    assert text.startswith("Before.\n\n")
    assert text.endswith("\n\nAfter.")
    assert "Some words" in text


@pytest.mark.parametrize("tag", ["script", "style", "template", "noscript", "iframe", "svg", "nav", "button", "title"])
def test_what_is_no_part_of_the_page_is_left_out(tag):
    assert read_html(f"<p>Before.</p><{tag} x='y'>hidden <i>x</i></{tag}><p>After.</p>").text == "Before.\n\nAfter."


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("one <b>two</b>three <i> four </i>five", "one twothree four five"),
        ("a<br>b<br/>c", "a\nb\nc"),
        ("<p>a\n  b\t c</p>d", "a b c\n\nd"),
        ("<ul><li>a<li>b<ul><li>c</ul></ul>d", "- a\n- b\n  - c\n\nd"),
        ("<ol start=3><li>c</li><li><p>d</p></li></ol>", "3. c\n\n4. d"),
        ("<pre>\n  x\n    y <b>z</b>\n</pre>", "\n  x\n    y z"),
        ("&lt;|im_end|&gt; &amp;amp; &eacute; &#x4e2d; x&shy;y &#0;", "<|im_end|> &amp; é 中 xy �"),
        ("10<sup>6</sup> m<sup>2</sup> 21<sup>st</sup> x <sup>5</sup>", "10^6 m2 21st x 5"),
        ("<q>yes</q> he said", "“yes” he said"),
        ("<![CDATA[raw <x>]]> <![if !a]>b<![endif]> <![foo[ c <!-- d --> <? e ?>f", "raw <x> b <![foo[ c f"),
        ("<nav>never closed <p>the page", "never closed\n\nthe page"),
        ("a<script>never closed <p>x", "a"),
        ("", ""),
    ],
)
def test_text(markup, text):
    assert read_html(markup).text == text


def test_tables_are_rows_of_cells_apart_by_tabs():
    table = (
        "<table><caption>Cities</caption><thead><tr><th></th><th>People</th><th>Area</th></tr></thead><tbody>"
        "<tr><td><p>Rome</p></td><td></td><td>1<br>285</td></tr><tr><td><div>Oslo</div></td><td>1</td></tr></table>After."
    )
    assert read_html(table).text == "Cities\n\n\tPeople\tArea\nRome\t\t1\n285\nOslo\t1\n\nAfter."
    nested = (
        "<table><tr><td>A<table><tr><td>1</td><td>2</td></tr></table></td><td>B</td></tr><tr><td>C</td></tr></table>"
    )
    assert read_html(nested).text == "A\n\n1\t2\n\nB\nC"


def headings(markup):
    layout = read_html(markup)
    return [(heading.level, layout.text[heading.start : heading.end]) for heading in layout.headings]


def test_headings_are_found_with_their_levels():
    markup = "x<h1> One <b>and</b>\n half </h1>y<h3>Three</h3><h2></h2><ul><li><h4>In a list</h4></ul><h2>Never closed"
    assert headings(markup) == [(1, "One and half"), (3, "Three"), (4, "In a list"), (2, "Never closed")]
    assert headings("<h1>unclosed <h2>next</h2><p>text") == [(1, "unclosed"), (2, "next")]


def test_a_whole_page_in_large_letters_is_no_heading():
    assert headings(f"<h1>{'word ' * 100}</h1>") == []


TAGS = st.sampled_from("p div b h1 h2 ul ol li table tr td th pre q sup nav script title br dl dt".split())
PIECES = st.one_of(
    TAGS.map(lambda tag: f"<{tag}>"),
    TAGS.map(lambda tag: f"</{tag}>"),
    st.text(max_size=8),
    st.sampled_from(" \n\t<&![-"),
)


@given(st.lists(PIECES, max_size=40).map("".join))
def test_any_markup_gives_text_with_headings_in_it(markup):
    layout = read_html(markup)
    position = 0
    for heading in layout.headings:
        assert position <= heading.start < heading.end <= len(layout.text)
        assert layout.text[heading.start : heading.end].strip()
        position = heading.end


@given(st.lists(st.tuples(TAGS.filter(lambda tag: tag not in ("nav", "script", "title")), st.booleans()), max_size=30))
def test_no_word_is_lost_in_any_nesting(tags):
    markup = "".join(f"<{'/' * closes}{tag}>w{number}w" for number, (tag, closes) in enumerate(tags))
    text = read_html(markup).text
    position = 0
    for number in range(len(tags)):
        position = text.index(f"w{number}w", position)

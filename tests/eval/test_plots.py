"""Plots: the same bytes again, well-formed, described in words, and safe with any name."""

from xml.etree import ElementTree

import pytest

from eval.plots import history_plot, interval_plot

ROWS = [
    {"name": "first", "rating": 1600.0, "low": 1550.0, "high": None},
    {"name": "second", "rating": 1400.0, "low": None, "high": 1450.0},
]
POINTS = [
    {"votes": votes, "ratings": {"first": {"rating": 1500.0 + votes, "low": 1400.0, "high": 1700.0 + votes}}}
    for votes in (10, 20, 30)
]
SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("plot", [lambda: interval_plot(ROWS), lambda: history_plot(POINTS)])
def test_the_same_rows_give_the_same_bytes_in_the_colours_of_the_page(plot):
    svg = plot()
    assert svg == plot()
    assert "currentColor" in svg
    assert "#000000" not in svg
    assert "#010203" not in svg
    assert "font-family" not in svg
    assert "DejaVu" not in svg
    assert "<metadata" not in svg
    assert "<style" not in svg
    assert 'href="http' not in svg


def test_a_plot_is_described_in_words():
    root = ElementTree.fromstring(interval_plot(ROWS, title="Ratings"))  # noqa: S314
    assert root.get("role") == "img"
    labels = [root.find(f"{SVG}{tag}") for tag in ("title", "desc")]
    assert root.get("aria-labelledby").split() == [label.get("id") for label in labels]
    assert labels[0].text == "Ratings"
    assert labels[1].text == "first 1600, from 1550 to open; second 1400, from open to 1450"
    words = {text.text for text in root.iter(f"{SVG}text")}
    assert {"first", "second", "rating"} <= words


@pytest.mark.parametrize("name", ["</text><script>alert(1)</script>", "$x_1$ & co", "熊 🐻", "a\x00b\ud800", "x" * 200])
def test_any_name_is_shown_as_text(name):
    rows = [{"name": name, "rating": 0.5, "low": 0.4, "high": 0.6}]
    points = [{"votes": 5, "ratings": {name: {"rating": 1500.0, "low": 1400.0, "high": 1600.0}}}] * 2
    for svg in (interval_plot(rows), history_plot(points)):
        root = ElementTree.fromstring(svg.encode())  # noqa: S314
        assert not list(root.iter(f"{SVG}script"))


def test_ids_of_two_plots_do_not_meet():
    first, second = (
        {element.get("id") for element in ElementTree.fromstring(svg).iter() if element.get("id")}  # noqa: S314
        for svg in (interval_plot(ROWS), history_plot(POINTS))
    )
    assert not first & second


def test_of_many_models_the_best_are_drawn_and_the_others_named_as_not():
    ratings = {f"model {n}": {"rating": 1500.0 - n, "low": 1400.0, "high": 1600.0} for n in range(12)}
    svg = history_plot([{"votes": 5, "ratings": ratings}] * 2)
    assert "4 more are not drawn" in svg
    assert "model 11" not in svg


def test_of_nothing_there_is_no_plot():
    assert interval_plot([]) == ""
    assert history_plot([]) == ""

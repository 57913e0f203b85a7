"""Plots as inline SVG: the same twice, words as they are, nothing from elsewhere."""

import re
import xml.etree.ElementTree as ET

from eval.plots import history_plot, interval_plot

ROWS = [('base <b>&" $x^2$', 0.3, 0.1, 0.5), ("other 東京 🚀", 0.6, None, 0.8), ("x" * 70, 0.2, None, None)]


def parsed(svg):
    return ET.fromstring(svg)  # noqa: S314 - our own


def test_a_plot_is_the_same_twice_and_well_formed():
    one, other = (interval_plot(ROWS, title="Shares", unit="share $", reference=0.25) for _ in range(2))
    assert one == other
    root = parsed(one)
    assert root.tag == "svg"
    said = root.get("aria-label")
    assert root.get("role") == "img"
    assert 'Shares. base <b>&" $x^2$: 0.3, 0.1 to 0.5; other 東京 🚀: 0.6, open to 0.8' in said
    words = [text.text for text in root.iter("text")]
    assert 'base <b>&" $x^2$' in words
    assert "share $" in words
    assert {"x" * 28, f"{'x' * 27}…"} <= set(words), "on two lines"


def test_nothing_comes_from_elsewhere_and_colours_are_the_pages():
    svg = interval_plot(ROWS, title="T")
    assert "http" not in svg
    assert "<style" not in svg
    assert "<script" not in svg
    assert "currentColor" in svg
    assert "var(--plot" in svg
    assert all(target.startswith("#p") for target in re.findall(r'href="([^"]*)"', svg))


def test_ids_of_two_plots_differ():
    ids = [set(re.findall(r'\bid="([^"]+)"', interval_plot(ROWS, title=title))) for title in ("one", "two")]
    assert ids[0]
    assert not ids[0] & ids[1]


def test_one_row_all_alike_and_no_rows():
    assert interval_plot([]) == ""
    assert parsed(interval_plot([("a", 0.0, 0.0, 0.0)])).tag == "svg"
    assert parsed(interval_plot([("\x00\n", 1e9, None, None)], reference=0)).tag == "svg"


def history(*names, votes=(10, 20, 30)):
    ratings = {name: {"rating": 1600.0 - 10 * n, "low": 1500.0, "high": 1700.0} for n, name in enumerate(names)}
    return [{"votes": number, "ratings": ratings} for number in votes]


def test_a_history_is_the_same_twice_and_said_in_words():
    names = ['base <b>&" $x^2$', "other 東京 🚀"]
    one, other = (history_plot(history(*names), title="As the votes came") for _ in range(2))
    assert one == other
    said = parsed(one).get("aria-label")
    assert said.startswith('As the votes came. After 30 votes: base <b>&" $x^2$: 1600, 1500 to 1700; other')
    assert {*names, "votes", "rating"} <= {text.text for text in parsed(one).iter("text")}
    assert "<style" not in one
    assert "#010203" not in one


def test_a_history_begins_late_for_some_and_ends_far_out_for_others():
    points = history("a", "b")
    points[0] = {"votes": 10, "ratings": {"a": {"rating": 9000.0, "low": 1.0, "high": 1e6}}}
    assert parsed(history_plot(points)).tag == "svg"
    assert parsed(history_plot(points[:1])).tag == "svg"


def test_of_many_models_the_best_are_drawn_and_the_others_said_to_be_left_out():
    svg = history_plot(history(*(f"model {n}" for n in range(12))))
    assert "; 4 more are not drawn" in svg
    assert "model 7" in svg
    assert "model 8" not in svg
    assert history_plot([]) == ""

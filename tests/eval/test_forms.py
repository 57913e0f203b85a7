"""Forms: the order of each rater, resuming, scores stored once, and what cannot be a form."""

import sqlite3
import subprocess
import sys
import threading
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.errors import InputError
from assistant.records import RECORDS_FILE, open_records
from eval.form_items import FormText, read_texts
from eval.form_order import order_of
from eval.forms import create_form, find_form, form_names, item_at, next_item, place_of, store_scores
from eval.rubric import SHIPPED_FOLDER, find_rubric, load_rubric

RUBRIC = find_rubric("summary")
ASPECTS = [aspect.name for aspect in RUBRIC.aspects]
GOOD = dict.fromkeys(ASPECTS, 2)
TEXTS = [
    FormText(f"story {item}", system, f"What {system} made of {item}.", f"The source of {item}.")
    for item in range(4)
    for system in ("old, 東京", "new 🚀")
]


@pytest.fixture
def db(tmp_path):
    db = open_records(tmp_path)
    yield db
    db.close()


@pytest.fixture
def form(db):
    return create_form(db, "spring", RUBRIC, TEXTS, seed=7)


def rows(db):
    return db.all("SELECT item, rater, aspect, score FROM scores ORDER BY item, rater, aspect")


def met(db, form, rater):
    """The numbers of the texts in the order in which `rater` meets and scores them."""
    numbers = []
    while (item := next_item(db, form, rater)) is not None:
        assert (item.place, item.of, item.done) == (len(numbers) + 1, len(TEXTS), len(numbers))
        numbers.append(item.number)
        store_scores(db, form, item.number, rater, GOOD)
    return numbers


def test_every_rater_meets_every_text_once_in_an_order_of_their_own(db, form):
    orders = {rater: met(db, form, rater) for rater in ("ann", "bob", "Zoë 🚀")}
    assert all(sorted(order) == list(range(8)) for order in orders.values())
    assert len({tuple(order) for order in orders.values()}) == 3
    assert len(rows(db)) == 3 * 8 * 3


def test_the_order_is_the_same_on_every_machine():
    assert order_of(["a", "a", "b", "b", "c", "c"], 1, "ann") == [4, 0, 5, 3, 1, 2]
    assert order_of([], 1, "ann") == []


@given(st.lists(st.sampled_from("abcde"), min_size=1, max_size=40), st.integers(0, 9))
def test_texts_of_one_source_are_kept_apart_where_it_can_be(groups, seed):
    order = order_of(groups, seed, "ann")
    assert sorted(order) == list(range(len(groups)))
    together = sum(groups[one] == groups[other] for one, other in pairwise(order))
    most = max(map(groups.count, groups))
    assert together == max(0, most - (len(groups) - most) - 1)


@pytest.mark.parametrize("typed", [" Ren\u00e9  Lee ", "Rene\u0301 Lee"])
def test_a_rater_goes_on_where_they_stopped_however_their_name_is_typed(db, form, typed):
    first = next_item(db, form, typed)
    store_scores(db, form, first.number, "Ren\u00e9 Lee", GOOD)
    second = next_item(db, find_form(db, "spring"), typed)
    assert (second.place, second.done) == (2, 1)
    assert second.number == item_at(db, form, typed, 2).number
    assert place_of(db, form, typed, second.number) == 2
    assert item_at(db, form, typed, 1).scores == GOOD


def test_what_a_rater_sees_has_no_system(db, form):
    item = next_item(db, form, "ann")
    assert not {"system", "name"} & set(item.__dataclass_fields__)
    assert item.source.startswith("The source of")


def test_a_later_edit_of_the_rubric_changes_no_form(db, tmp_path):
    path = tmp_path / "own.toml"
    path.write_text((SHIPPED_FOLDER / "summary.toml").read_text("utf-8"), "utf-8")
    create_form(db, "own", load_rubric(path), TEXTS)
    path.unlink()
    kept = find_form(db, "own").rubric
    assert (kept.name, kept.aspects, kept.instruction) == ("own", RUBRIC.aspects, RUBRIC.instruction)
    assert list(kept.aspects[0].points) == [-2, -1, 0, 1, 2]


def test_a_text_is_scored_once_and_corrected_only_on_purpose(db, form):
    store_scores(db, form, 3, "ann", GOOD, seconds=10.0)
    with pytest.raises(InputError, match="already; nothing was counted twice"):
        store_scores(db, form, 3, "ann", dict.fromkeys(ASPECTS, 0))
    assert {score for *_, score in rows(db)} == {2}
    store_scores(db, form, 3, "ann", dict.fromkeys(ASPECTS, -1), seconds=2.5, replace=True)
    assert [score for *_, score in rows(db)] == [-1, -1, -1]
    assert db.all("SELECT DISTINCT seconds FROM scores") == [(12.5,)]


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), -1, 1e9, None])
def test_a_time_that_cannot_be_is_no_time(db, form, seconds):
    store_scores(db, form, 0, "ann", GOOD, seconds=seconds)
    assert db.all("SELECT DISTINCT seconds FROM scores") == [(None,)]


def test_of_many_browsers_of_one_rater_one_is_counted(db, form):
    start, refused = threading.Barrier(8), []

    def score(value):
        start.wait()
        try:
            store_scores(db, form, 0, "ann", dict.fromkeys(ASPECTS, value))
        except InputError as fault:
            refused.append(str(fault))

    threads = [threading.Thread(target=score, args=[number % 5 - 2]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 7
    assert len(rows(db)) == 3
    assert len({score for *_, score in rows(db)}) == 1


def test_a_kill_amid_the_scores_of_a_text_leaves_none_of_them(db, form, tmp_path):
    killed = f"""
import os, sys
from pathlib import Path
from assistant.records import open_records
from eval import forms
db = open_records(Path(sys.argv[1]))
form = forms.find_form(db, "spring")
forms.store_scores(db, form, 0, "ann", {GOOD!r})
with db.transaction():
    forms.add_scores(db, form, 1, "ann", {GOOD!r})
    os._exit(9)
"""
    assert subprocess.run([sys.executable, "-c", killed, tmp_path], check=False).returncode == 9
    assert {item for item, *_ in rows(db)} == {0}
    assert next_item(db, form, "ann").done == 1
    with sqlite3.connect(tmp_path / RECORDS_FILE) as again:
        assert again.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    again.close()


@pytest.mark.parametrize(
    ("scores", "named"),
    [
        ({}, "'coherence' has no score"),
        ({**GOOD, "coherence": 3}, "must be -2, -1, 0, 1 or 2, not 3"),
        ({**GOOD, "coherence": True}, "not True"),
        ({**GOOD, "coherence": 1.0}, "not 1.0"),
        ({**GOOD, "style": 1}, "'style' is no aspect of 'summary'"),
        ({"coherence": 1, "informativeness": 1}, "'factual_accuracy' has no score"),
    ],
)
def test_scores_that_are_not_all_of_the_rubric_are_refused(db, form, scores, named):
    with pytest.raises(InputError, match=named):
        store_scores(db, form, 0, "ann", scores)
    assert rows(db) == []


def test_what_is_not_there_is_named(db, form):
    with pytest.raises(InputError, match="no text 8 any more"):
        store_scores(db, form, 8, "ann", GOOD)
    with pytest.raises(InputError, match="called 'autumn'; there are: 'spring'"):
        find_form(db, "autumn")
    with pytest.raises(InputError, match="texts 1 to 8, not 9"):
        item_at(db, form, "ann", 9)
    with pytest.raises(InputError, match="rater's name"):
        store_scores(db, form, 0, " ", GOOD)
    store_scores(db, form, 0, "gpt", GOOD, kind="model")
    with pytest.raises(InputError, match="'gpt' is the name of a model"):
        store_scores(db, form, 1, "gpt", GOOD)


def test_a_name_is_taken_once(db, form):
    with pytest.raises(InputError, match="called 'spring' already"):
        create_form(db, " spring ", RUBRIC, TEXTS)
    with pytest.raises(InputError, match="name must be"):
        create_form(db, " ", RUBRIC, TEXTS)
    with pytest.raises(InputError, match="has no text"):
        create_form(db, "empty", RUBRIC, [])
    assert form_names(db) == ["spring"]


GOOD_ROW = '{"item": "a", "system": "s", "text": "T", "source": "S"}'


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        ("", "no row"),
        ("[]", ":1: a row must be a JSON object"),
        (GOOD_ROW.replace('"s"', "7"), ":1: 'system' must be a text"),
        (GOOD_ROW.replace('"T"', '" "'), ":1: 'text' must be a text that is not empty"),
        (GOOD_ROW.replace('"S"', '""'), ":1: 'source' is missing or empty"),
        (GOOD_ROW.replace('"S"', "3"), ":1: 'source' must be a text"),
        (GOOD_ROW.replace('"T"', f'"{"x" * 20_001}"'), ":1: 'text' has 20,001 characters, 20,000 at most"),
        (GOOD_ROW.replace('"a"', '"a\\u0007b"'), ":1: 'item' must be"),
        (f"{GOOD_ROW}\n\n{GOOD_ROW}", "rows.jsonl:3: item 'a' by system 's' is there already .*rows.jsonl:1"),
    ],
)
def test_a_bad_row_is_named_by_file_and_line(tmp_path, lines, named):
    path = tmp_path / "rows.jsonl"
    path.write_text(lines)
    with pytest.raises(InputError, match=named):
        read_texts(path, RUBRIC)


def test_a_source_is_needed_only_where_the_rubric_needs_one(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"item": " a ", "system": "s", "text": "T", "more": 1}')
    assert read_texts(path, find_rubric("chat")) == [FormText("a", "s", "T", "")]


def test_too_many_systems_are_refused(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(GOOD_ROW.replace('"s"', f'"s{number}"') for number in range(31)))
    with pytest.raises(InputError, match=":31: a form has 30 systems at most"):
        read_texts(path, RUBRIC)

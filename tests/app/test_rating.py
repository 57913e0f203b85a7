"""The handlers of forms over real records, without a browser: nothing that a browser sends is trusted."""

import json
import re
from types import SimpleNamespace

import pytest

from app.rating import Rating
from assistant.records import open_records
from eval.form_items import FormText
from eval.form_report import form_report
from eval.forms import create_form, find_form, item_at, next_item
from eval.rubric import find_rubric
from eval.sessions import remove_session

ATTACK = "<img src=x onerror=alert(1)>"
RUBRIC = find_rubric("summary")
GOOD = {aspect.name: 1 for aspect in RUBRIC.aspects}
TEXTS = [
    FormText(f"story {item}", f"system {system}", f"Text {item}{system} {ATTACK}", f"Source {item}")
    for item in range(2)
    for system in "ab"
]
ROW = {"item": "a", "system": "s", "text": "T", "source": "S"}


@pytest.fixture
def records(tmp_path):
    records = open_records(tmp_path)
    yield records
    records.close()


@pytest.fixture
def rating(records):
    create_form(records, "spring", RUBRIC, TEXTS)
    return Rating(records)


def sent(**values):
    return SimpleNamespace(_data=values)


def shown(html):
    """What the browser would send of the text that `html` shows."""
    data = dict(re.findall(r'data-(\w+)="([^"]*)"', html))
    numbers = {name: int(data[name]) for name in ("id", "item", "place")}
    return {"form": data["form"], "rater": data["rater"], "again": data.get("again") == "true", **numbers}


def scored(rating, html, **values):
    return rating.score(sent(**shown(html), **{"scores": GOOD, "seconds": 20.5, **values}))


def counted(records):
    return records.all("SELECT count(*) FROM scores")[0][0]


def test_a_rater_scores_all_and_is_thanked(rating, records):
    kept, html, setup, refusal = rating.start("spring", "  Zoë  Lee ")
    assert (kept, setup["visible"], refusal) == ({"form": "spring", "rater": "Zoë Lee", "open": True}, False, "")
    for number in range(4):
        assert f"Text {number + 1} of 4" in html
        assert f'value="{number}"' in html
        html = scored(rating, html)
    assert "Thank you, <bdi>Zoë Lee</bdi>" in html
    assert counted(records) == 12
    assert records.all("SELECT DISTINCT seconds FROM scores") == [(20.5,)]


def test_no_system_and_no_markup_reaches_the_rater(rating):
    _, html, *_ = rating.start("spring", f"Eve {ATTACK}")
    assert "system a" not in html
    assert "system b" not in html
    assert "<img" not in html
    assert html.count("&lt;img") >= 2


def test_every_aspect_is_a_fieldset_of_five_labelled_radio_buttons(rating):
    _, html, *_ = rating.start("spring", "Ann")
    assert html.count("<fieldset") == html.count("<legend>") == 3
    assert html.count('type="radio"') == 15
    for aspect in RUBRIC.aspects:
        assert f"<legend>{aspect.title}</legend>" in html
        assert all(text in html for text in aspect.points.values())


def test_the_browser_is_told_where_it_stopped(rating):
    kept, html, *_ = rating.start("spring", "Ann")
    scored(rating, html)
    choice, name, stage, setup = rating.restore(kept)
    assert (choice["value"], name, setup["visible"]) == ("spring", "Ann", False)
    assert "Text 2 of 4" in stage
    kept, stage, setup = rating.leave("spring", "Ann")
    assert setup["visible"]
    assert "Text 2" not in rating.restore(kept)[2]


@pytest.mark.parametrize("kept", [None, [], "x", {"form": 3, "open": True}, {"form": "gone", "rater": "Ann"}])
def test_a_browser_that_keeps_something_else_begins_anew(rating, kept):
    choice, _, stage, setup = rating.restore(kept)
    assert choice["value"] == "spring"
    assert setup["visible"]
    assert "Choose a form" in stage


def test_back_and_a_correction(rating, records):
    _, first, *_ = rating.start("spring", "Ann")
    second = scored(rating, first)
    back = rating.back(sent(**shown(second)))
    assert "Save the change" in back
    assert back.count(" checked") == 3
    onward = scored(rating, back, scores=dict.fromkeys(GOOD, -2))
    assert "Text 2 of 4" in onward
    assert records.all("SELECT DISTINCT score FROM scores") == [(-2,)]
    assert counted(records) == 3


def test_the_last_text_is_reached_from_the_thanks(rating):
    _, html, *_ = rating.start("spring", "Ann")
    for _ in range(4):
        html = scored(rating, html)
    assert "Text 4 of 4" in rating.back(sent(**shown(html.replace('data-item="-1"', 'data-item="0"'))))


def test_a_second_browser_counts_nothing_twice_and_goes_on(rating, records):
    _, html, *_ = rating.start("spring", "Ann")
    scored(rating, html)
    late = scored(rating, html, scores=dict.fromkeys(GOOD, -2))
    assert "nothing was counted twice" in late
    assert "Text 2 of 4" in late
    assert records.all("SELECT DISTINCT score FROM scores") == [(1,)]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"scores": {"coherence": 1}}, "has no score"),
        ({"scores": {**GOOD, "coherence": 7}}, "must be -2, -1, 0, 1 or 2"),
        ({"scores": {**GOOD, ATTACK: 1}}, "is no aspect"),
        ({"scores": None}, "sent no scores"),
        ({"item": 99}, "no text 99"),
        ({"item": "x"}, "cannot be read"),
        ({"item": 10**30}, "cannot be read"),
        ({"form": "gone"}, "no session called"),
        ({"id": -1}, "made anew"),
        ({"rater": "\ud800"}, "UTF-8"),
        ({"rater": ""}, "rater"),
    ],
)
def test_what_cannot_be_kept_is_refused_in_a_sentence(rating, records, changed, said):
    _, html, *_ = rating.start("spring", "Ann")
    refused = rating.score(sent(**{**shown(html), "scores": GOOD, "seconds": "soon", **changed}))
    assert said in refused
    assert "<img" not in refused
    assert counted(records) == 0


def test_a_refusal_keeps_what_was_ticked(rating):
    _, html, *_ = rating.start("spring", "Ann")
    refused = scored(rating, html, scores={"coherence": 1, "informativeness": -2})
    assert refused.count(" checked") == 2
    assert 'role="alert"' in refused


@pytest.mark.parametrize(
    ("name", "rater", "said"),
    [(None, "Ann", "no form"), ("spring", " ", "your name"), ("gone", "Ann", "gone"), ("spring", "x" * 81, "80")],
)
def test_a_start_that_cannot_be_is_told(rating, name, rater, said):
    *_, refusal = rating.start(name, rater)
    assert said in refusal


def test_a_form_that_went_meanwhile_is_told(rating, records):
    _, html, *_ = rating.start("spring", "Ann")
    remove_session(records, "spring")
    refused = scored(rating, html)
    assert "no session called" in refused
    assert 'data-act="leave"' in refused


def upload(tmp_path, text, name="summer.jsonl"):
    path = tmp_path / f"up-{name}"
    path.write_text(text)
    return {"path": str(path), "orig_name": name}


def test_a_form_is_made_of_an_upload(rating, records, tmp_path):
    choice, *_, said = rating.create("", "chat", upload(tmp_path, json.dumps(ROW)), None)
    assert choice["value"] == "summer"
    assert "Made summer: 1 text." in said
    form = find_form(records, "summer")
    assert form.rubric.name == "chat"
    assert next_item(records, form, "Ann") == item_at(records, form, "Ann", 1)


def test_an_own_rubric_goes_before_the_shipped(rating, records, tmp_path):
    own = upload(tmp_path, (find_own()).read_text("utf-8").replace("Summaries", "Mine"), "mine.toml")
    rating.create("own", "chat", upload(tmp_path, json.dumps(ROW)), own)
    assert find_form(records, "own").rubric.title == "Mine"


def find_own():
    from eval.rubric import SHIPPED_FOLDER

    return SHIPPED_FOLDER / "summary.toml"


@pytest.mark.parametrize(
    ("name", "rubric", "text", "said"),
    [
        ("", "summary", None, "Add a file of texts first"),
        ("", "summary", json.dumps({**ROW, "source": ""}), "summer.jsonl:1: &#x27;source&#x27; is missing"),
        ("spring", "summary", json.dumps(ROW), "session called &#x27;spring&#x27; already"),
        ("", "/etc/passwd", json.dumps(ROW), "no rubric"),
        ("", "summary", "no json", "summer.jsonl:1: not JSON"),
    ],
)
def test_an_upload_that_makes_no_form_is_named_as_its_owner_does(rating, tmp_path, name, rubric, text, said):
    file = None if text is None else upload(tmp_path, text)
    *_, refusal = rating.create(name, rubric, file, None)
    assert said in refusal
    assert str(tmp_path) not in refusal


def test_results_are_tables_with_the_scores_to_save(rating, records):
    assert "Nobody has scored" in rating.results("spring")
    for rater in ("Ann", f"Bob {ATTACK}"):
        _, html, *_ = rating.start("spring", rater)
        for _ in range(4):
            html = scored(rating, html)
    found = rating.results("spring")
    assert "<img" not in found
    assert found.count("<table>") == found.count("<caption>") == 7
    assert "item,rater,system,aspect,score,kind" in found
    mean = form_report(records, "spring")["people"]["aspects"]["coherence"]["systems"]["system a"]["mean"]
    assert f"{mean:.2f}" in found
    assert "no form chosen" in rating.results(None)
    assert "no session called" in rating.results("gone")

"""What a form has found, as figures and as CSV there and back."""

import json

import numpy as np
import pytest

from assistant.errors import InputError
from assistant.records import now, open_records
from eval.contestants import Contestant
from eval.exchange import export_session
from eval.form_items import FormText, texts_of_battles
from eval.form_report import form_report
from eval.form_scores import export_scores, import_scores, scores_csv, scores_of
from eval.forms import create_form, find_form, next_item, store_scores
from eval.likert import measure_likert
from eval.likert_file import read_scores
from eval.replay import as_text, replay
from eval.rubric import find_rubric
from eval.sessions import create_session
from eval.takein import import_session

RUBRIC = find_rubric("summary")
ASPECTS = [aspect.name for aspect in RUBRIC.aspects]
SYSTEMS = ("old, 東京", "new 🚀")
TEXTS = [FormText(f"story {item}", system, "word " * 100, f"Source {item}.") for item in range(6) for system in SYSTEMS]


@pytest.fixture
def db(tmp_path):
    db = open_records(tmp_path)
    yield db
    db.close()


@pytest.fixture
def form(db):
    return create_form(db, "spring", RUBRIC, TEXTS, seed=7)


def rated(number, rater, aspect):
    """What a rater gives: the new system is better, and raters agree but for a little."""
    return max(-2, min(2, number % 5 - 2 + number % 2 + (len(rater) + len(aspect) + number) % 2))


def fill(db, form, rater, kind="person", seconds=60.0):
    while item := next_item(db, form, rater):
        scores = {aspect: rated(item.number, rater, aspect) for aspect in ASPECTS}
        store_scores(db, form, item.number, rater, scores, kind=kind, seconds=seconds)


def test_the_report_is_that_of_the_exported_file(db, form, tmp_path):
    for rater, kind in (("ann", "person"), ("bob, jr.", "person"), ("gpt 🚀", "model")):
        fill(db, form, rater, kind)
    path = tmp_path / "scores.csv"
    assert export_scores(db, form, path) == 3 * 12 * 3
    found = form_report(db, "spring", seed=3)
    read = measure_likert(read_scores(path, ASPECTS), 3)
    assert {**read, "rules": found["rules"]} == {name: found[name] for name in read}
    assert found["systems"] == list(SYSTEMS)
    assert [(each["name"], each["kind"], each["scored"]) for each in found["raters"]] == [
        ("ann", "person", 12),
        ("bob, jr.", "person", 12),
        ("gpt 🚀", "model", 12),
    ]
    assert found["people"]["scores"] == 72
    assert found["models"]["scores"] == 36


def test_an_imported_export_is_the_same_rows(db, form, tmp_path):
    fill(db, form, "ann")
    fill(db, form, "gpt", "model", None)
    export_scores(db, form, tmp_path / "scores.csv")
    other = create_form(db, "again", RUBRIC, TEXTS, seed=1)
    assert import_scores(db, other, tmp_path / "scores.csv") == 72
    assert scores_csv(db, other) == scores_csv(db, form)
    assert next_item(db, other, "ann") is None


def test_the_report_is_a_function_of_the_rows_not_of_their_order(db, form):
    other = create_form(db, "again", RUBRIC, TEXTS, seed=99)
    for rater in ("ann", "bob"):
        fill(db, form, rater)
    for rater in ("bob", "ann"):
        fill(db, other, rater)
    one, two = form_report(db, "spring"), form_report(db, "again")
    assert json.dumps({**one, "form": ""}) == json.dumps({**two, "form": ""})


def test_a_form_that_nobody_has_scored_says_so(db, form):
    assert scores_of(db, form) is None
    found = form_report(db, "spring")
    assert (found["people"], found["models"], found["raters"]) == (None, None, [])
    assert scores_csv(db, form) == "item,rater,system,aspect,score,kind\n"


def test_who_takes_too_little_time_to_read_is_named(db, form):
    # 500 characters and three aspects: 6.5 s.
    for rater, seconds in (("careful", 60.0), ("quick", 6.4), ("slower", 6.6), ("untimed", None)):
        fill(db, form, rater, seconds=seconds)
    fill(db, form, "gpt", "model", 0.1)
    found = form_report(db, "spring")
    quick = [sign for sign in found["people"]["signs"] if sign["sign"] == "quick"]
    assert quick == [{"rater": "quick", "sign": "quick", "value": 1.0, "of": 12}]
    assert found["people"]["signs_in_all"] == len(found["people"]["signs"])
    assert found["models"]["signs_in_all"] == len(found["models"]["signs"])
    assert "a second for each 100 characters" in found["rules"]["quick"]


HEAD = "item,rater,system,aspect,score\n"


def text_rows(item="story 0", rater="ann", system="new 🚀", aspects=ASPECTS, score=1):
    return "".join(f'"{item}",{rater},"{system}",{aspect},{score}\n' for aspect in aspects)


@pytest.mark.parametrize(
    ("rows", "named"),
    [
        (text_rows() + text_rows("story 9"), "scores.csv:5: item 'story 9' by system 'new 🚀' is not in the form"),
        (text_rows() + text_rows("story 1", aspects=ASPECTS[:2]), "scores.csv:5: 'factual_accuracy' has no score"),
        (text_rows() + text_rows("story 1", rater="gpt"), "scores.csv:5: 'gpt' is the name of a model"),
        (text_rows() + text_rows("story 1", rater="bob"), "scores.csv:5: bob has scored this text"),
        (text_rows(score=3), "scores.csv:2: column 'score': '3' is not a score"),
        (text_rows(aspects=["style"]), "scores.csv:2: column 'aspect': 'style' is not in the rubric"),
    ],
)
def test_a_file_that_does_not_fit_adds_nothing(db, form, tmp_path, rows, named):
    store_scores(db, form, 2, "gpt", dict.fromkeys(ASPECTS, 0), kind="model")
    store_scores(db, form, 3, "bob", dict.fromkeys(ASPECTS, 0))
    before = scores_csv(db, form)
    path = tmp_path / "scores.csv"
    path.write_text(HEAD + rows)
    with pytest.raises(InputError, match=named):
        import_scores(db, form, path)
    assert scores_csv(db, form) == before


def test_the_answers_of_battles_become_texts_with_their_question_and_quotes(db):
    session = create_session(db, "duel", ["Why?", "How?"], [Contestant("plain"), Contestant("cited", "other")])
    with pytest.raises(InputError, match="'duel' with answers"):
        texts_of_battles(db, "duel", RUBRIC)
    citation = {"id": 1, "document": "a.pdf", "document_id": "1", "page": 2, "start": 0, "end": 3, "quote": "So."}
    sentences = [{"text": "So it is.", "citations": [1]}, {"text": "Or not.", "citations": []}]
    answers = [
        {"answer": "Because.", "sentences": [], "citations": []},
        {"answer": "So it is. Or not.", "sentences": sentences, "citations": [citation]},
    ]
    with db.transaction():
        db.many(
            "INSERT INTO generations (session_id, contestant, prompt, answer, messages, draft, checkpoint, sampling, "
            "latency_ms, made_at) VALUES (?, ?, 0, ?, '[]', '', '', '{}', 1, ?)",
            [(session.id, number, json.dumps(answer), now()) for number, answer in enumerate(answers)],
        )
    assert texts_of_battles(db, "duel", RUBRIC) == [
        FormText("prompt 1", "plain", "Because.", "Why?"),
        FormText("prompt 1", "cited", "So it is. [1] Or not.", "Why?\n\n[1] a.pdf, page 2:\nSo."),
    ]
    with pytest.raises(InputError, match="'spring' with answers"):
        texts_of_battles(db, "spring", RUBRIC)


def test_scores_are_kept_as_the_numbers_that_were_given(db, form):
    fill(db, form, "ann")
    scores = scores_of(db, form)
    assert np.bincount(scores.score + 2, minlength=5).sum() == 36
    assert scores.names["aspect"] == tuple(ASPECTS)
    assert scores.kinds == ("person",)


def test_a_form_goes_to_another_home_whole(db, form, tmp_path):
    for rater, kind in (("ann", "person"), ("gpt", "model")):
        fill(db, form, rater, kind)
    export_session(db, "spring", "jsonl", tmp_path / "spring.jsonl")
    other = open_records(new_home(tmp_path))
    assert import_session(other, tmp_path / "spring.jsonl") == "spring"
    assert as_text(replay(other)) == as_text(replay(db))
    assert next_item(other, find_form(other, "spring"), "ann") is None
    other.close()


@pytest.mark.parametrize(
    ("old", "new"),
    [('\\"aspects\\": [', '\\"aspects\\": [3, '), ("[-2, ", "[-3, "), ('"aspect": "coherence"', '"aspect": "style"')],
)
def test_a_form_of_another_home_that_cannot_be_read_adds_nothing(db, form, tmp_path, old, new):
    fill(db, form, "ann")
    path = tmp_path / "spring.jsonl"
    export_session(db, "spring", "jsonl", path)
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")
    other = open_records(new_home(tmp_path))
    with pytest.raises(InputError, match="export the session again"):
        import_session(other, path)
    assert other.all("SELECT count(*) FROM sessions") == [(0,)]
    other.close()


def new_home(tmp_path):
    (tmp_path / "other").mkdir()
    return tmp_path / "other"

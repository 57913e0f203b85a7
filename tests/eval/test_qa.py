"""Answers to questions: scores as SQuAD 2.0 defines them, and the whole run on a real library and a tiny model."""

import json
import re
import string
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.config import read_config
from assistant.engine.pool import Engines
from assistant.errors import InputError
from assistant.pipeline import Assistant
from assistant.types import Answer, Citation, Sentence
from eval.legs import library_of
from eval.paired import Paired
from eval.qa import Asked, Given, as_row, ask_all, scored, sums
from eval.qa_report import QaReport
from eval.qa_rows import Question, read_questions

# The three questions of figure 1 of Rajpurkar et al. 2016, and one that its passage does not answer.
FALL = Question("What causes precipitation to fall?", ("gravity",), "p", "f:1", 1)
FORM = Question("What is another main form of precipitation besides drizzle?", ("graupel",), "p", "f:2", 2)
WHERE = Question("Where do water droplets collide?", ("within a cloud", "a cloud"), "q", "f:3", 3)
NONE = Question("Who fell?", (), "q", "f:4", 4)


@pytest.mark.parametrize(
    ("question", "prediction", "exact", "f1", "holds"),
    [
        (FALL, "Gravity.", 1, 1, 1),
        (FALL, "the force of gravity", 0, 1 / 2, 1),
        (FALL, "", 0, 0, 0),
        (FORM, "The main forms include graupel and hail", 0, 2 / 7, 1),
        (FORM, "snow", 0, 0, 0),
        (WHERE, "Within the cloud!", 1, 1, 1),
        (WHERE, "inside a cloud", 0, 2 / 3, 1),
        (NONE, "", 1, 1, None),
        (NONE, "Nobody", 0, 0, None),
        (NONE, "the", 1, 1, None),
    ],
)
def test_scores_worked_by_hand(question, prediction, exact, f1, holds):
    found = scored(question, prediction)
    assert (found.exact_match, found.holds_answer) == (exact, holds)
    assert found.token_f1 == pytest.approx(f1)


def official(prediction, answers):
    """The exact match and F1 of one question as in the evaluation script of SQuAD 2.0."""

    def words(text):
        bare = "".join(c for c in text.lower() if c not in string.punctuation)
        return re.sub(r"\b(a|an|the)\b", " ", bare).split()

    def f1(gold):
        said, wanted = words(prediction), words(gold)
        if not said or not wanted:
            return float(said == wanted)
        same = sum((Counter(said) & Counter(wanted)).values())
        return 2 * same / (len(said) + len(wanted))

    golds = [gold for gold in answers if words(gold)] or [""]
    return max(float(words(prediction) == words(gold)) for gold in golds), max(map(f1, golds))


ASCII = st.lists(st.sampled_from("a an the The cat sat, mat. on 7 $7 well-to-do !".split())).map(" ".join)


@given(ASCII, st.lists(ASCII, max_size=3))
def test_scores_are_those_of_the_official_script(prediction, answers):
    kept = tuple(answer for answer in answers if not official(answer, [""])[0])  # as `read_questions` keeps them
    found = scored(Question("?", kept, None, "f:1", 1), prediction)
    exact, f1 = official(prediction, answers)
    assert (found.exact_match, found.token_f1) == (exact, pytest.approx(f1))


def said(text, *, abstained=False, quotes=(), verdicts=(), seconds=1.0):
    sentences = tuple(Sentence(text, verdict, 1.0) for verdict in verdicts)
    citations = tuple(Citation(n, "d", "d", None, 0, 1, quote) for n, quote in enumerate(quotes, start=1))
    answer = Answer("?", text, abstained, 0.5, sentences, citations, (), "m")
    return Given(answer, "" if abstained or text.startswith("I don't know.") else text, seconds)


GROUNDED = [
    said("Gravity.", quotes=["It falls by gravity.", "It rains."], verdicts=["supported"], seconds=1),
    said("I don't know. The nearest passages are in snow.txt.", abstained=True, seconds=2),
    said("It is in a cloud", quotes=["in a cloud"], verdicts=["supported", "unsupported"], seconds=3),
    said("I don't know.", seconds=4),
]
PLAIN = [said("Gravity"), said("graupel"), said("no"), said("Nobody", seconds=0.5)]


@pytest.fixture
def asked():
    return tuple(map(Asked, (FALL, FORM, WHERE, NONE), GROUNDED, PLAIN))


def test_figures_worked_by_hand(asked):
    found = QaReport(asked, "m", None, 1).as_dict()
    grounded = found["grounded"]
    assert (found["questions"], found["answerable"], found["unanswerable"]) == (4, 3, 1)
    assert grounded["exact_match"] == pytest.approx(1 / 3)
    # "it is in cloud" against "cloud" is 2/5, against "within cloud" 2/6.
    assert grounded["token_f1"] == pytest.approx((1 + 0 + 2 / 5) / 3)
    assert grounded["holds_answer"] == pytest.approx(2 / 3)
    assert grounded["abstained_answerable"] == pytest.approx(1 / 3)
    assert grounded["abstained_unanswerable"] == 1
    assert grounded["sentences_supported"] == pytest.approx(2 / 3)
    assert grounded["citations_hold_answer"] == pytest.approx(2 / 3)
    assert grounded["seconds"] == {"mean": 2.5, "p50": 2.5, "p95": 3.85}
    assert found["overall"]["exact_match"] == 2 / 4
    assert found["overall"]["f1"] == pytest.approx((1 + 0 + 2 / 5 + 1) / 4)
    assert found["overall"]["unanswerable"] == {"exact_match": 1, "f1": 1}
    assert found["ungrounded"]["exact_match"] == pytest.approx(2 / 3)
    assert found["difference"]["exact_match"]["value"] == pytest.approx(-1 / 3)
    assert found["difference"]["abstained_unanswerable"] == {"value": 1, "ci": None}
    assert "sentences_supported" not in found["difference"]
    assert "the intervals are too narrow: there are 12 passages or fewer" in found["notes"]


def test_the_report_is_json_and_the_same_twice(asked):
    one, other = (json.dumps(QaReport(asked, "m", None, 7).as_dict(), allow_nan=False) for _ in range(2))
    assert one == other


def test_questions_on_one_passage_are_drawn_together():
    """Ten passages with two questions each that came out alike are as good as ten questions, not twenty."""
    questions = [Question(f"{n}?", ("x",), f"passage {n // 2}", f"f:{n}", n) for n in range(20)]
    given = [said("x" if n // 2 % 2 else "y") for n in range(20)]
    alone = [Question(q.text, q.answers, None, q.place, q.line) for q in questions]

    def width(asked):
        low, high = Paired([sums(asked, given)], [q.group for q in asked], 1).figures(0)["exact_match"].ci
        return high - low

    assert width(questions) > 1.2 * width(alone)


@pytest.fixture
def rows(tmp_path):
    def written(*lines):
        path = tmp_path / "q.jsonl"
        path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
        return path

    return written


GOOD = {"question": "Who lit it?", "answers": ["Alan"], "answerable": True, "context": "Alan lit it."}


@pytest.mark.parametrize(
    ("row", "named"),
    [
        ("{", "q.jsonl:2: not JSON"),
        ("[]", "q.jsonl:2: a row must be a JSON object"),
        ({**GOOD, "question": " "}, "q.jsonl:2: 'question'"),
        ({**GOOD, "question": "x" * 5000}, "q.jsonl:2: The question has 5,000 characters"),
        ({**GOOD, "question": 7}, "q.jsonl:2: 'question'"),
        ({**GOOD, "answers": []}, "q.jsonl:2: 'answers' holds no word"),
        ({**GOOD, "answers": ["the", "…"]}, "q.jsonl:2: 'answers' holds no word"),
        ({**GOOD, "answers": "Alan"}, "q.jsonl:2: 'answers' must be a list"),
        ({**GOOD, "answerable": 1}, "q.jsonl:2: 'answerable' must be true or false"),
        ({**GOOD, "answerable": False}, "q.jsonl:2: 'answers' must be empty"),
        ({**GOOD, "context": ""}, "q.jsonl:2: 'context'"),
        ({**GOOD, "context": [1]}, "q.jsonl:2: 'context'"),
    ],
)
def test_a_row_that_is_no_question_is_named(rows, row, named):
    with pytest.raises(InputError) as fault:
        read_questions(rows(GOOD, row))
    assert named in str(fault.value)
    assert "\n" not in str(fault.value)


def test_an_empty_file_is_refused(rows):
    with pytest.raises(InputError, match="no question; write a row"):
        read_questions(rows())


def test_a_question_that_stands_twice_is_asked_once_and_that_is_said(rows):
    other = {**GOOD, "context": "Bea lit it."}
    found = read_questions(rows(GOOD, other, {**GOOD, "answers": ["Bea"]}))
    assert [question.answers for question in found.questions] == [("Alan",), ("Alan",)]
    assert len(found.notes) == 1
    assert "1 row that repeats a question" in found.notes[0]
    assert "q.jsonl:3" in found.notes[0]


def test_questions_are_chosen_by_the_seed(rows):
    found = read_questions(rows(*({**GOOD, "question": f"{number}?"} for number in range(30))))
    one, same, other = (found.chosen(10, seed) for seed in (1, 1, 2))
    assert one == same != other
    assert len(set(one)) == 10
    assert found.chosen(0, 1) == found.chosen(0, 2) == found.questions
    assert len(found.chosen(99, 1)) == 30


def test_passages_are_needed_where_no_documents_are_named(rows):
    found = read_questions(rows(GOOD, {key: value for key, value in GOOD.items() if key != "context"}))
    with pytest.raises(InputError, match=r"q\.jsonl:2: no 'context'.*--collection"):
        found.contexts()


@pytest.fixture(scope="module")
def run(tmp_path_factory, tiny_checkpoint):
    """Both kinds of question, asked of a real library with a tiny untrained model."""
    context = "The Skerryvore lighthouse was lit in 1844. Its builder was Alan Stevenson."
    questions = (
        Question("When was the lighthouse lit?", ("1844",), context, "f:1", 1),
        Question("Who eats glue?", (), context, "f:2", 2),
    )
    engines = Engines(read_config(tmp_path_factory.mktemp("home")).home / "models")
    shares = []
    with library_of({"p1": context, "p2": "Bananas are rich in potassium."}) as library:
        assistant = Assistant(library, str(tiny_checkpoint), engines, passages=4)
        yield ask_all(assistant, "default", questions, shares.append), shares


def test_the_assistant_quotes_where_the_model_says_nonsense(run):
    (first, second), shares = run
    assert shares == [0.5, 1]
    assert first.grounded.prediction.startswith("The Skerryvore lighthouse was lit in 1844.")
    assert not first.grounded.abstained
    assert first.ungrounded.answer.citations == ()
    assert second.grounded.abstained
    assert second.grounded.prediction == ""
    found = QaReport((first, second), "tiny", None, 1).as_dict()
    assert found["grounded"]["holds_answer"] == found["grounded"]["citations_hold_answer"] == 1
    assert found["grounded"]["sentences_supported"] == 1
    assert found["grounded"]["abstained_unanswerable"] == 1
    assert found["ungrounded"]["holds_answer"] == 0
    assert found["difference"]["holds_answer"]["value"] == 1
    assert found["grounded"]["seconds"]["mean"] > 0


def test_a_row_of_the_file_has_all_that_happened(run):
    row = json.loads(json.dumps(as_row(run[0][0])))
    assert {"question", "answers", "answer", "abstained", "confidence", "hits", "scores", "ms"} <= set(row)
    assert row["scores"]["holds_answer"] == 1
    assert row["hits"][0]["document"] == "p1.txt"
    assert row["ungrounded"]["hits"] == []


def test_a_question_beyond_the_models_window_is_named_before_any_is_asked(tmp_path, tiny_checkpoint):
    long = Question("Why " * 900 + "?", (), None, "f:9", 9)
    assistant = Assistant(None, str(tiny_checkpoint), Engines(tmp_path), passages=4)
    with pytest.raises(InputError, match="f:9: The question takes"):
        ask_all(assistant, "default", [long])

"""Questions on paragraphs, searched for in a real library by keywords, by vectors and by both."""

import json

import pytest

from assistant.errors import InputError
from eval import legs
from eval.comparison import compare
from eval.legs import LEGS, rank, write_files
from eval.paragraphs import read_task
from eval.ranking import evaluate
from eval.trec import read_qrels, read_run
from retrieval.embed import Embedder

ROWS = [
    ("The lease ends in March. Form ZX-8841 must be signed.", "Which form is ZX-8841?", True),
    ("The lease ends in March. Form ZX-8841 must be signed.", "Who is the landlord?", False),
    ("A dog slept under the kitchen table all afternoon.", "Where did the puppy nap?", True),
    ("Bread needs flour, water and salt.", "What does bread need?", True),
    ("Dough of rye needs flour, water and sour leaven.", "What does bread need?", True),
    ("Europa orbits Jupiter under a crust of ice.", "Which planet does Europa orbit?", True),
    ("The pump is oiled every forty days.", "How heavy is the pump?", False),
    *((f"Bread number {number} was sold on day {number}.", f"Who bought {number}?", False) for number in range(2, 9)),
]


@pytest.fixture(scope="module")
def questions(tmp_path_factory):
    path = tmp_path_factory.mktemp("questions") / "rows.jsonl"
    rows = [dict(zip(("context", "question", "answerable"), row)) for row in ROWS]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture(scope="module")
def task(questions):
    return read_task(questions)


@pytest.fixture(scope="module")
def embedder():
    return Embedder()


@pytest.fixture(scope="module")
def told():
    return []


@pytest.fixture(scope="module")
def rankings(task, embedder, told):
    return rank(task, embedder, told.append)


def test_a_paragraph_is_one_document_and_a_question_may_have_two(task):
    assert len(task.paragraphs) == len(ROWS) - 1
    assert task.paragraphs["p1"] == ROWS[0][0]
    assert {query.id: query.judged for query in task.queries} == {
        "q1": {"p1": 1},
        "q3": {"p3": 1},
        "q4": {"p4": 1, "p5": 1},
        "q6": {"p6": 1},
    }


def test_the_seed_chooses_questions_but_all_paragraphs_stay(questions, task):
    chosen = [read_task(questions, 2, seed) for seed in (1, 1, 2)]
    assert chosen[0] == chosen[1] != chosen[2]
    assert len(chosen[0].queries) == 2
    assert chosen[0].paragraphs == task.paragraphs
    assert len(read_task(questions, 99).queries) == 4


def test_each_leg_finds_what_it_can(rankings):
    assert set(rankings) == set(LEGS)
    assert rankings["bm25"]["q1"][0] == "p1"
    assert rankings["bm25"]["q3"] == [], "no word in common"
    assert rankings["vectors"]["q3"][0] == rankings["both"]["q3"][0] == "p3"
    assert rankings["bm25"]["q4"][0] == "p4"
    for leg in LEGS:
        assert rankings[leg]["q6"][0] == "p6"
        for ranking in rankings[leg].values():
            assert len(ranking) == len(set(ranking)) <= legs.DEPTH
    assert all(len(ranking) == legs.DEPTH for ranking in rankings["vectors"].values())


def test_vectors_are_ordered_by_likeness(task, rankings, embedder):
    names, texts = list(task.paragraphs), list(task.paragraphs.values())
    for query in task.queries:
        vectors = embedder.encode([query.text, *texts])
        likeness = vectors[1:] @ vectors[0]
        assert rankings["vectors"][query.id][0] == names[likeness.argmax()]


def test_ten_documents_are_ranked_however_many_passages_each_has(tmp_path, embedder):
    path = tmp_path / "long.jsonl"
    texts = [f"Of bread number {n}. " + f"Bread number {n} was baked on day {n} with flour. " * 120 for n in range(12)]
    rows = [
        {"context": text, "question": f"Which bread is number {n}?", "answerable": True} for n, text in enumerate(texts)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    for leg, ranking in rank(read_task(path, limit=2), embedder).items():
        assert {len(documents) for documents in ranking.values()} == {legs.DEPTH}, leg


def test_progress_ends_at_one(task, rankings, told):
    assert told == sorted(told)
    assert (len(told) > len(task.paragraphs), told[-1]) == (True, 1.0)


def test_measures_agree_with_those_of_the_files_that_are_written(task, rankings, tmp_path):
    write_files(tmp_path, task, rankings)
    found = compare(task, rankings)
    qrels = read_qrels(tmp_path / "qrels.txt")
    for leg in LEGS:
        again = evaluate(read_run(tmp_path / f"{leg}.run"), qrels, complete=True)
        assert again.mrr == pytest.approx(getattr(found, leg).mrr_at_10)


@pytest.mark.parametrize(
    ("rows", "named"),
    [
        ([], "0 paragraphs and 0 questions"),
        ([{"context": "One.", "question": "Why?", "answerable": True}], "1 paragraphs"),
        ([{"context": text, "question": "Why?", "answerable": False} for text in "ab"], "0 questions"),
        ([{"question": "Why?", "answerable": True}], ":1: 'context'"),
        ([{"context": "One.", "question": "Why?"}], ":1: 'answerable'"),
        ([{"context": "One.", "question": " ", "answerable": True}], ":1: 'question'"),
        ([{"context": "\ud800", "question": "Why?", "answerable": True}], ":1: holds half"),
    ],
)
def test_rows_that_make_no_task_are_named(tmp_path, rows, named):
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(InputError) as caught:
        read_task(path)
    assert named in str(caught.value)


@pytest.mark.parametrize(
    ("bad", "named"),
    [
        ({"context": "\u0000\u0001", "question": "Why?", "answerable": False}, "the paragraph of line 2 cannot be"),
        ({"context": "Two.", "question": "why " * 5000, "answerable": True}, r"rows.jsonl:2: the query has 20,000"),
    ],
)
def test_what_the_library_refuses_is_named_by_its_line(tmp_path, embedder, bad, named):
    path = tmp_path / "rows.jsonl"
    rows = [{"context": "One.", "question": "Why one?", "answerable": True}, bad]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(InputError, match=named):
        rank(read_task(path), embedder)

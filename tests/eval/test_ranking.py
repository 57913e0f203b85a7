"""Measures worked by hand, what must hold of any ranking, and trec_eval itself (by pytrec_eval) as second opinion."""

import math

import pytest
import pytrec_eval
from hypothesis import assume, given
from hypothesis import strategies as st

from assistant.errors import InputError
from eval.ranking import average_precision, evaluate, hit, ndcg, ranked, recall, reciprocal_rank, usual_names

JUDGED = {b"d1": 2, b"d2": 1, b"d4": 0, b"d5": -2, b"d9": 3}
RANKING = [b"d3", b"d1", b"d5", b"d2"]


def test_measures_worked_by_hand():
    gained, best = 2 / math.log2(3) + 1 / math.log2(5), 3 / 1 + 2 / math.log2(3) + 1 / 2
    assert ndcg(RANKING, JUDGED, 10) == pytest.approx(gained / best)
    assert ndcg(RANKING, JUDGED, 2) == pytest.approx((2 / math.log2(3)) / (3 + 2 / math.log2(3)))
    assert (recall(RANKING, JUDGED, 10), recall(RANKING, JUDGED, 3)) == (2 / 3, 1 / 3)
    assert reciprocal_rank(RANKING, JUDGED) == 1 / 2
    assert average_precision(RANKING, JUDGED) == pytest.approx((1 / 2 + 2 / 4) / 3)
    assert [hit(RANKING, JUDGED, k) for k in (1, 2, 5)] == [0, 1, 1]


def test_nothing_relevant_is_zero():
    for judged in ({}, {b"d1": 0, b"d2": -1}):
        assert not any(measure(RANKING, judged) for measure in (reciprocal_rank, average_precision))
        assert not any(measure(RANKING, judged, 10) for measure in (ndcg, recall, hit))


def test_of_equal_scores_the_greater_id_goes_first():
    assert ranked({b"d1": 1.0, b"d10": 1.0, b"d2": 1.0, b"d0": 2.0}) == [b"d0", b"d2", b"d10", b"d1"]
    assert ranked({b"Z": 0.0, b"a": -0.0, b"\xc3\xa9": 0.0}) == [b"\xc3\xa9", b"a", b"Z"]
    assert ranked({b"a": math.inf, b"b": -math.inf, b"c": 0.0}) == [b"a", b"c", b"b"]


def test_scores_are_compared_in_full():
    assert ranked({b"a": 0.1 + 1e-12, b"b": 0.1}) == [b"a", b"b"]


def test_queries_in_both_files_count_and_the_others_are_told():
    run = {b"q1": {b"d1": 1.0}, b"q2": {b"d1": 2.0, b"d2": 1.0}, b"q8": {b"d1": 1.0}, b"q9": {b"d1": 1.0}}
    qrels = {b"q1": {b"d1": 1}, b"q2": {b"d2": 1}, b"q3": {b"d1": 1}, b"q4": {b"d1": 0}}
    found = evaluate(run, qrels)
    assert (found.queries, found.queries_without_results, found.queries_without_judgements) == (2, 2, 2)
    assert (found.mrr, found.map, found.recall_at_10) == (0.75, 0.75, 1)
    complete = evaluate(run, qrels, complete=True)
    assert (complete.queries, complete.mrr, complete.recall_at_100) == (4, 0.375, 0.5)
    assert set(complete.as_dict()) > {"ndcg@10", "recall@10", "recall@100", "mrr", "map"}


def test_a_judged_query_without_a_relevant_document_counts_as_in_trec_eval():
    found = evaluate({b"q1": {b"d1": 1.0}, b"q2": {b"d1": 1.0}}, {b"q1": {b"d1": 1}, b"q2": {b"d1": 0}})
    assert (found.queries, found.map) == (2, 0.5)


def test_files_that_do_not_belong_together_are_refused():
    with pytest.raises(InputError, match=r"no query in common .the first are 'q1' and '1'"):
        evaluate({b"q1": {b"d1": 1.0}}, {b"1": {b"d1": 1}})


def test_names():
    assert usual_names({"hit_at_5": 1, "in": {"mrr_at_10": 2}}) == {"hit@5": 1, "in": {"mrr@10": 2}}


DOCUMENTS = st.integers(0, 130).map(lambda number: f"d{number}")
# Few different scores make many ties; pytrec_eval keeps 32 bits of a score.
SCORES = st.one_of(st.integers(-2, 2).map(float), st.floats(width=32, allow_nan=False))
RUNS = st.dictionaries(
    st.sampled_from("pqrs"), st.dictionaries(DOCUMENTS, SCORES, min_size=1, max_size=130), min_size=1
)
QRELS = st.dictionaries(
    st.sampled_from("pqrt"), st.dictionaries(DOCUMENTS, st.integers(-1, 3), min_size=1, max_size=130), min_size=1
)
THEIRS = {
    "ndcg_at_10": "ndcg_cut_10",
    "recall_at_10": "recall_10",
    "recall_at_100": "recall_100",
    "mrr": "recip_rank",
    "map": "map",
}


@given(RUNS, QRELS)
def test_trec_eval_agrees(run, qrels):
    both = run.keys() & qrels.keys()
    assume(both)
    evaluator = pytrec_eval.RelevanceEvaluator(qrels, {"ndcg_cut.10", "recall.10,100", "recip_rank", "map"})
    theirs = evaluator.evaluate({query: run[query] for query in both})
    ours = evaluate(_bytes(run), _bytes(qrels))
    complete = evaluate(_bytes(run), _bytes(qrels), complete=True)
    for name, their_name in THEIRS.items():
        total = math.fsum(values[their_name] for values in theirs.values())
        assert getattr(ours, name) == pytest.approx(total / len(both), abs=1e-12)
        assert getattr(complete, name) == pytest.approx(total / len(qrels), abs=1e-12)


def _bytes(by_query):
    return {q.encode(): {d.encode(): value for d, value in documents.items()} for q, documents in by_query.items()}


RANKINGS = st.lists(DOCUMENTS, unique=True, max_size=30)
JUDGEMENTS = st.dictionaries(DOCUMENTS, st.integers(-2, 4), max_size=30)
MEASURES = {
    "ndcg": lambda ranking, judged: ndcg(ranking, judged, 10),
    "recall": lambda ranking, judged: recall(ranking, judged, 10),
    "reciprocal_rank": reciprocal_rank,
    "average_precision": average_precision,
    "hit": lambda ranking, judged: hit(ranking, judged, 10),
}


@pytest.mark.parametrize("measure", MEASURES.values(), ids=MEASURES)
@given(RANKINGS, JUDGEMENTS, st.data())
def test_what_holds_of_any_ranking(measure, ranking, judged, data):
    value = measure(ranking, judged)
    assert 0 <= value <= 1 + 1e-12
    assert measure([*ranking, "other", "another"], judged) == value, "what is irrelevant at the end changes nothing"
    assert measure(ranking, {**judged, "other": 0}) == value, "nor does judging what is irrelevant"
    if len(ranking) > 1:
        place = data.draw(st.integers(1, len(ranking) - 1))
        swapped = [*ranking[: place - 1], ranking[place], ranking[place - 1], *ranking[place + 1 :]]
        if max(judged.get(ranking[place], 0), 0) >= max(judged.get(ranking[place - 1], 0), 0):
            assert measure(swapped, judged) >= value - 1e-12, "the more relevant before the less lowers nothing"


@pytest.mark.parametrize("measure", MEASURES.values(), ids=MEASURES)
@given(st.dictionaries(DOCUMENTS, st.integers(1, 4), min_size=1, max_size=10), RANKINGS)
def test_the_best_order_is_one(measure, relevant, others):
    best = sorted(relevant, key=relevant.get, reverse=True)
    assert measure(best + [other for other in others if other not in relevant], relevant) == pytest.approx(1)

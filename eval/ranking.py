"""How good a ranking of documents is, by the measures and in the manner of trec_eval.

`judged` holds the relevance of the documents that were judged for a query. Above 0 is relevant; 0, less than 0 and not
judged count alike. R is the number of relevant documents that were judged, found or not; rel(i) is the relevance of the
document at rank i, at least 0.

    nDCG@k           DCG / DCG of the best order, DCG = Σ over i ≤ k of rel(i) / log2(i + 1): linear gain
                     (Järvelin, Kekäläinen 2002, TOIS 20, 4; discount of Burges et al. 2005, ICML)
    recall@k         relevant documents among the first k / R
    MRR              mean of 1 / rank of the first relevant document (Voorhees 1999, TREC-8)
    MAP              mean of Σ over relevant documents found of precision at their rank / R (Buckley, Voorhees 2000)

All are 0 where nothing relevant was found, or nothing is relevant. Documents are ordered by score, of equal scores the
greater id goes first; the rank that a file states is not used. Scores are compared as 64-bit numbers, as trec_eval does
today; older versions (9.0.7), and pytrec_eval, round them to 32 bits first and so find ties where scores nearly agree.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from assistant.errors import InputError
from eval.trec import Qrels, Run, shown

Id = TypeVar("Id", bytes, str)


@dataclass(frozen=True, slots=True)
class RunMeasures:
    """Means over `queries` queries, each from 0 to 1.

    These are the queries that have results and judgements; where `complete`, all that have judgements, those
    `queries_without_results` with 0 in every measure. `queries_without_judgements` are always left out.
    """

    ndcg_at_10: float
    recall_at_10: float
    recall_at_100: float
    mrr: float
    map: float
    queries: int
    queries_without_results: int
    queries_without_judgements: int
    complete: bool

    def as_dict(self) -> dict[str, Any]:
        """The fields, with the measures called as is usual: `ndcg@10`."""
        return usual_names(asdict(self))


def evaluate(run: Run, qrels: Qrels, *, complete: bool = False) -> RunMeasures:
    """The measures of a run. Raises InputError where none of its queries is judged."""
    both = [query for query in run if query in qrels]
    if not both:
        found, judged = (shown(next(iter(queries), b"")) for queries in (run, qrels))
        raise InputError(
            f"the run and the qrels have no query in common (the first are {found} and {judged}); "
            "give files that belong together"
        )
    rankings = [(ranked(run[query]), qrels[query]) for query in both]
    queries = len(qrels) if complete else len(both)

    def mean(measure: Callable[[Sequence[bytes], Mapping[bytes, int]], float]) -> float:
        return math.fsum(measure(ranking, judged) for ranking, judged in rankings) / queries

    return RunMeasures(
        ndcg_at_10=mean(lambda ranking, judged: ndcg(ranking, judged, 10)),
        recall_at_10=mean(lambda ranking, judged: recall(ranking, judged, 10)),
        recall_at_100=mean(lambda ranking, judged: recall(ranking, judged, 100)),
        mrr=mean(reciprocal_rank),
        map=mean(average_precision),
        queries=queries,
        queries_without_results=len(qrels) - len(both),
        queries_without_judgements=len(run) - len(both),
        complete=complete,
    )


def ranked(scores: Mapping[Id, float]) -> list[Id]:
    """The documents, best first; of equal scores the greater id goes first."""
    return sorted(scores, key=lambda document: (scores[document], document), reverse=True)


def ndcg(ranking: Sequence[Id], judged: Mapping[Id, int], k: int) -> float:
    """Normalised discounted cumulative gain of the first `k`."""
    best = _dcg(sorted(judged.values(), reverse=True)[:k])
    return _dcg(judged.get(document, 0) for document in ranking[:k]) / best if best else 0.0


def recall(ranking: Sequence[Id], judged: Mapping[Id, int], k: int) -> float:
    """The share of the relevant documents that are among the first `k`."""
    return len(_relevant_ranks(ranking[:k], judged)) / (_relevant(judged) or 1)


def reciprocal_rank(ranking: Sequence[Id], judged: Mapping[Id, int]) -> float:
    """1 / rank of the first relevant document."""
    return next((1 / rank for rank in _relevant_ranks(ranking, judged)), 0.0)


def average_precision(ranking: Sequence[Id], judged: Mapping[Id, int]) -> float:
    """The mean, over the relevant documents, of the precision at their rank; 0 for those that were not found."""
    precisions = (found / rank for found, rank in enumerate(_relevant_ranks(ranking, judged), start=1))
    return math.fsum(precisions) / (_relevant(judged) or 1)


def hit(ranking: Sequence[Id], judged: Mapping[Id, int], k: int) -> float:
    """1 where a relevant document is among the first `k`, else 0; trec_eval calls it success."""
    return float(bool(_relevant_ranks(ranking[:k], judged)))


def usual_names(found: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a result, inner ones too, with measures called as is usual: `hit_at_5` is `hit@5`."""
    return {
        name.replace("_at_", "@"): usual_names(value) if isinstance(value, dict) else value
        for name, value in found.items()
    }


def _dcg(relevances: Iterable[int]) -> float:
    return math.fsum(max(relevance, 0) / math.log2(rank + 1) for rank, relevance in enumerate(relevances, start=1))


def _relevant_ranks(ranking: Sequence[Id], judged: Mapping[Id, int]) -> list[int]:
    return [rank for rank, document in enumerate(ranking, start=1) if judged.get(document, 0) > 0]


def _relevant(judged: Mapping[Id, int]) -> int:
    return sum(relevance > 0 for relevance in judged.values())

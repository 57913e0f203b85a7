"""Evidence: what is the same for the question stands in reading order, whatever chance gave the documents as ids."""

import numpy as np
import pytest

from assistant.select import select
from retrieval.types import Hit

TEXT = "The heron eats frogs. It stands in the reeds at dawn."


def hit(number, document_id):
    return Hit(
        passage_id=number,
        passage=TEXT,
        document=f"{number}.txt",
        document_id=document_id,
        page=None,
        start=0,
        end=len(TEXT),
        score=1.0 - number / 10,
        dense_rank=number,
        sparse_rank=number,
    )


def alike(texts):
    return np.full((len(texts), 4), 0.5)


@pytest.mark.parametrize("ids", ["ab", "ba"])
def test_of_equal_sentences_that_of_the_better_passage_is_first(ids):
    found = select("What does the heron eat?", [hit(1, ids[0]), hit(2, ids[1])], alike)
    assert [candidate.document for candidate in found.ranked if "frogs" in candidate.text] == ["1.txt", "2.txt"]
    assert found.sources[0][0].document == "1.txt"

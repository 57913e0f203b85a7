import json

import numpy as np
import pytest

from assistant.errors import InputError
from assistant.rows import read_rows
from eval.selection import cases, measure

PASSAGES = {
    "pump": ("The pump is oiled every 40 days. It is blue.", "How often is the pump oiled?", ["40 days"]),
    "lease": ("The lease ends in March. The tenant signs it.", "When does the lease end?", ["March"]),
    "bread": ("Bread needs flour and salt. It rests overnight.", "What does bread need?", ["flour"]),
    "moon": ("Europa orbits Jupiter. It is a moon.", "How heavy is Europa?", []),
}


def rows(tmp_path, passages=PASSAGES):
    path = tmp_path / "rows.jsonl"
    lines = [
        {"context": context, "question": question, "answers": answers, "answerable": bool(answers)}
        for context, question, answers in passages.values()
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return list(read_rows(path))


def misled(texts):
    """Vectors by which sentences that begin with "It" are a little more like any question: likeness alone is wrong."""
    cosines = [1.0, *(0.6 if text.startswith("It") else 0.55 for text in texts[1:])]
    return np.array([(cosine, (1 - cosine**2) ** 0.5) for cosine in cosines], dtype=np.float32)


def test_words_find_what_likeness_alone_cannot(tmp_path):
    found = measure(cases(rows(tmp_path), 0, seed=1), misled)
    assert (found.questions, found.unanswerable_questions) == (3, 1)
    assert found.first == found.first_two == 1
    assert found.likeness_first == found.likeness_first_two == 0
    assert found.answered == 1


def test_the_right_words_in_another_passage_do_not_count(tmp_path):
    (case, *_) = [case for case in cases(rows(tmp_path), 0, seed=1) if case.answers == ("40 days",)]
    assert case.passage not in case.others
    swapped = type(case)(case.question, ("40 days",), "Pumps differ. 40 days.", (case.passage, case.others[0]))
    assert measure([swapped], misled).first == 0


def test_a_row_whose_answer_stands_in_no_sentence_is_left_out(tmp_path):
    passages = {**PASSAGES, "odd": ("The sky is wide. It is blue.", "What is the sky?", ["green"])}
    assert len(cases(rows(tmp_path, passages), 0, seed=1)) == len(PASSAGES)


def test_the_same_seed_asks_the_same_questions(tmp_path):
    assert cases(rows(tmp_path), 2, seed=4) == cases(rows(tmp_path), 2, seed=4)


def test_too_few_passages_or_no_answers_are_named(tmp_path):
    with pytest.raises(InputError, match="2 passages are too few"):
        cases(rows(tmp_path, dict(list(PASSAGES.items())[:2])), 0, seed=1)
    with pytest.raises(InputError, match="none of the rows can be answered"):
        measure([case for case in cases(rows(tmp_path), 0, seed=1) if not case.answers], misled)

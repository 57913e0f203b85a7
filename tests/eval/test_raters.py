"""Signs of raters who keep to the middle or do not read: each is found where it is, and not where it is not."""

import numpy as np
import pytest

from eval.likert_file import read_scores
from eval.raters import RULES, signs

QUALITY = np.random.default_rng(4).integers(-2, 3, (12, 3))
"""Of twelve texts in three aspects, as careful raters see it."""


def careful(text, aspect):
    return QUALITY[text, aspect]


@pytest.fixture
def found(tmp_path):
    """The signs of a rater beside two careful ones, as (sign, value, of); those of the careful ones must be none."""

    def of(score, texts=12, aspects=3):
        raters = {"ann": careful, "bob": careful, "odd": score}
        rows = [
            f"{text},{rater},s,{aspect},{rule(text, aspect)}"
            for rater, rule in raters.items()
            for text in range(texts)
            for aspect in range(aspects)
        ]
        path = tmp_path / "scores.csv"
        path.write_text("\n".join(["item,rater,system,aspect,score", *rows]))
        some, number = signs(read_scores(path))
        assert number == len(some)
        assert {sign.rater for sign in some} <= {"odd"}
        return [(sign.sign, round(sign.value, 2), sign.of) for sign in some]

    return of


def test_careful_raters_have_no_sign(found):
    assert found(careful) == []


def test_the_same_score_everywhere(found):
    assert found(lambda text, aspect: 1) == [("same_score", 1, 36), ("straight_lining", 1, 12)]
    assert found(lambda text, aspect: 1, texts=6) == [], "18 scores are too few to tell"


def test_central_tendency(found):
    middle = found(lambda text, aspect: np.sign(QUALITY[text, aspect]) if text < 4 else 0)
    assert [name for name, *_ in middle] == ["central_tendency"]
    assert middle[0][1] >= 0.6
    ends = found(lambda text, aspect: 2 * np.sign(QUALITY[text, aspect]) if text < 4 else 0)
    assert "central_tendency" not in [name for name, *_ in ends]


def test_straight_lining(found):
    lines = found(lambda text, aspect: QUALITY[text, 0])
    assert lines == [("straight_lining", 1, 12)]
    assert found(lambda text, aspect: QUALITY[text, 0] if text > 2 else careful(text, aspect)) == []
    assert found(lambda text, aspect: QUALITY[text, 0], aspects=2) == [], "two aspects are often alike"


def test_against_all_others(found):
    assert found(lambda text, aspect: -careful(text, aspect)) == [("against_all_others", -1, 36)]


def test_two_raters_cannot_tell_who_is_wrong(tmp_path):
    rows = [f"{n},{rater},s,c,{sign * (n % 5 - 2)}" for n in range(30) for rater, sign in (("a", 1), ("b", -1))]
    path = tmp_path / "scores.csv"
    path.write_text("\n".join(["item,rater,system,aspect,score", *rows]))
    assert signs(read_scores(path)) == ([], 0)


def test_many_signs_are_counted_and_the_first_shown(tmp_path):
    rows = [f"{n},r{rater},s,c,0" for n in range(20) for rater in range(150)]
    path = tmp_path / "scores.csv"
    path.write_text("\n".join(["item,rater,system,aspect,score", *rows]))
    shown, number = signs(read_scores(path))
    assert (len(shown), number) == (100, 300)
    assert {sign.sign for sign in shown} <= set(RULES)

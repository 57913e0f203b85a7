"""Scores of a rubric: figures by hand, SciPy as second implementation, people and models apart, bad files."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from assistant.errors import InputError
from eval.agreement import Ratings, krippendorff
from eval.correlation import spearman
from eval.likert import measure_likert
from eval.likert_file import SCALE, read_scores

HEAD = "item,rater,system,aspect,score"
RANKED = st.lists(st.tuples(st.integers(-2, 2), st.integers(-2, 2)), min_size=3, max_size=20)


@pytest.fixture
def write(tmp_path):
    def table(rows, head=HEAD, encoding="utf-8"):
        path = tmp_path / "scores.csv"
        path.write_text("\n".join([head, *rows]) + "\n", encoding=encoding)
        return path

    return table


@pytest.fixture
def measured(write):
    """What is found in rows, or in rows under another head."""
    return lambda rows, *head: measure_likert(read_scores(write(rows, *head)))


def drawn(items=30, systems=("base", "lora"), raters=("ann", "bob"), aspects=("coherence", "facts"), gain=0.8, seed=1):
    """Scores by chance around a quality of each text; each system has `gain` over the one before."""
    chance = np.random.default_rng(seed)
    for item in range(items):
        for place, system in enumerate(systems):
            quality = chance.normal(gain * place)
            for rater in raters:
                for aspect in aspects:
                    score = int(np.clip(round(quality + chance.normal(0, 0.5)), -2, 2))
                    yield f"{item},{rater},{system},{aspect},{score}"


def test_figures_worked_by_hand(measured):
    rows = ["1,a,old,c,-2", "1,b,old,c,0", "1,a,new,c,2", "2,a,old,c,1", "2,a,new,c,2", "2,b,new,c,1", "3,a,new,c,-1"]
    found = measured(rows)["people"]
    old, new = (found["aspects"]["c"]["systems"][name] for name in ("old", "new"))
    assert (old["mean"], old["scores"], old["items"]) == (pytest.approx(-1 / 3), 3, 2)
    assert (new["mean"], new["scores"], new["items"]) == (1, 4, 3)
    assert new["distribution"] == {"-2": 0, "-1": 1, "0": 0, "1": 1, "2": 2}
    (compared,) = found["comparisons"]
    assert (compared["first"], compared["second"], compared["items"]) == ("old", "new", 2)
    assert compared["difference"] == pytest.approx(((-1 - 2) + (1 - 1.5)) / 2)
    assert (found["scores"], found["raters"], found["items"]) == (7, 2, 3)
    assert found["notes"] == ["there is one aspect, so there is no correlation between aspects"]


def test_intervals_agree_with_scipys_bootstrap_over_items(measured):
    found = measured(drawn(raters=("ann",), aspects=("coherence",), gain=1.2))["people"]
    scores = np.array([int(row.rsplit(",", 1)[1]) for row in drawn(raters=("ann",), aspects=("coherence",), gain=1.2)])
    base, lora = scores.reshape(-1, 2).T
    (compared,) = found["comparisons"]
    ours = (found["aspects"]["coherence"]["systems"]["base"]["ci"], compared["ci"])
    for (low, high), values in zip(ours, (base, base - lora)):
        theirs = stats.bootstrap((values,), np.mean, n_resamples=10_000, method="percentile", rng=9)
        assert (low, high) == pytest.approx(tuple(theirs.confidence_interval), abs=0.04)
    assert compared["ci"][1] < 0


def test_ten_raters_of_an_item_are_not_ten_items(measured):
    once = measured([f"{n},a,s,c,{n % 5 - 2}" for n in range(20)])
    often = measured([f"{n},r{r},s,c,{n % 5 - 2}" for n in range(20) for r in range(10)])
    one, ten = (found["people"]["aspects"]["c"]["systems"]["s"] for found in (once, often))
    assert one["ci"] == ten["ci"]
    assert (one["scores"], ten["scores"]) == (20, 200)


def test_alpha_is_ordinal_over_texts_with_items_drawn_whole(measured):
    rows = list(drawn(items=15, aspects=("c",)))
    found = measured(rows)["people"]["aspects"]["c"]["alpha"]
    scores = np.array([int(row.rsplit(",", 1)[1]) for row in rows])
    texts = np.repeat(np.arange(30), 2)
    expected = krippendorff(Ratings(texts, scores + 2, np.arange(30) // 2, np.array(SCALE, dtype=float)), "ordinal", 1)
    assert (found["alpha"], found["ci"]) == (pytest.approx(expected.alpha), pytest.approx(expected.ci))


@given(RANKED)
def test_scipy_agrees_on_spearman(pairs):
    one, other = np.array(pairs, dtype=np.float64).T
    found = spearman(one, other)
    if len(set(one)) == 1 or len(set(other)) == 1:
        assert found is None
    else:
        assert found == pytest.approx(stats.spearmanr(one, other).statistic)


def test_spearman_is_over_the_means_of_what_was_rated_in_both(measured):
    rows = ["1,a,s,x,-2", "1,b,s,x,0", "1,a,s,y,0", "2,a,s,x,1", "2,a,s,y,-1", "3,a,s,x,2", "3,a,s,y,2", "4,a,s,x,2"]
    (found,) = measured(rows)["people"]["spearman"]
    assert (found["aspects"], found["texts"]) == (("x", "y"), 3)
    assert found["rho"] == pytest.approx(stats.spearmanr([-1, 1, 2], [0, -1, 2]).statistic)
    (few,) = measured(rows[:5])["people"]["spearman"]
    assert few["rho"] is None
    assert "fewer than 3 texts" in few["note"]


def test_people_and_models_stand_apart(measured):
    people, models = list(drawn()), list(drawn(raters=("gpt",), seed=2))
    both = measured([*(f"{row},person" for row in people), *(f"{row},model" for row in models)], f"{HEAD},kind")
    assert both["people"] == measured(people)["people"]
    assert both["models"] == {**measured(models)["people"]}
    assert measured(people)["models"] is None
    assert both["models"]["aspects"]["facts"]["alpha"]["alpha"] is None
    assert "one rater" in both["models"]["notes"][0]
    assert json.loads(json.dumps(both))["seed"] == 1


def test_what_cannot_be_said_is_not_said(measured):
    one = measured(["1,a,s,c,2"])["people"]
    system = one["aspects"]["c"]["systems"]["s"]
    assert (system["mean"], system["ci"]) == (2, None)
    assert "one item" in system["note"]
    assert one["comparisons"] == one["spearman"] == []
    assert [note[:18] for note in one["notes"]] == ["there is one rater", "there is one syste", "there is one aspec"]
    (apart,) = measured(["1,a,s,c,2", "2,a,t,c,1"])["people"]["comparisons"]
    assert (apart["items"], apart["difference"], apart["ci"]) == (0, None, None)
    assert apart["note"] == "the two have no item in common"


def test_names_as_people_write_them(measured):
    rows = ['"Müller, Ann 🚀",a,"GPT-2, ""small""",c,+1', "'2',a, s ,c,−2.0", "3,a,s,c,0", ""]
    found = measured(rows, f"\ufeff{HEAD.replace(',', ' , ')}")["people"]["aspects"]["c"]["systems"]
    assert {name: system["mean"] for name, system in found.items()} == {'GPT-2, "small"': 1, "s": -1}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "the file is empty; its first row must be item,rater,system,aspect,score"),
        (HEAD, "no score"),
        ("item,rater,system,aspect,points\n1,a,s,c,1", ":1: no column 'score', only 'item', 'rater'"),
        ("item;rater;system;aspect;score\n1;a;s;c;1", ":1: no column 'item'"),
        (f"{HEAD}\n1,a,s,c,3", ":2: column 'score': '3' is not a score"),
        (f"{HEAD}\n1,a,s,c,0.5", ":2: column 'score': '0.5' is not a score"),
        (f"{HEAD}\n1,a,s,c,1\n2,a,s,c,NaN", ":3: column 'score': 'NaN' is not a score"),
        (f"{HEAD}\n1,,s,c,1", ":2: column 'rater': empty"),
        (f"{HEAD}\n1,a,s,c", ":2: 4 values where 5 belong"),
        (f"{HEAD}\n1,a,s,big, red,1", ":2: 6 values where 5 belong"),
        (
            f"{HEAD}\n1,a,s,c,1\n\n2,a,s,c,1\n1,a,s,c,2",
            ":5: item '1', rater 'a', system 's', aspect 'c' was scored in ",
        ),
        (f"{HEAD},kind\n1,a,s,c,1,robot", ":2: column 'kind': 'robot' is not a kind of rater"),
        (f"{HEAD},kind\n1,a,s,c,1,person\n2,a,s,c,1,model", ":3: column 'kind': 'a' was a person in a row above"),
        (f"{HEAD}\n" + "\n".join(f"1,a,s{n},c,1" for n in range(31)), "column 'system' has 31 different values"),
        (f'{HEAD}\n"1\n2",a,s,c,1\n3,a,s,c,9', ":4: column 'score': '9'"),
    ],
)
def test_a_bad_file_is_named(tmp_path, text, named):
    path = tmp_path / "scores.csv"
    path.write_text(text)
    with pytest.raises(InputError) as fault:
        read_scores(path)
    assert named in str(fault.value)


def test_aspects_are_held_to_a_rubric(write):
    path = write(["1,a,s,coherence,1", "1,a,s,style,1"])
    with pytest.raises(InputError, match=":3: column 'aspect': 'style' is not in the rubric; it has coherence, facts"):
        read_scores(path, ("coherence", "facts"))

"""`footnote eval elo` and `footnote bench ratings` as their user meets them."""

import json

import numpy as np
import pytest

EXAMPLE = "left,right,winner\nA,B,left\nC,A,left\nC,B,left\n"


@pytest.fixture
def run(footnote):
    """Run `footnote ARGS`; gives (exit code, stdout, stderr)."""
    return footnote


@pytest.fixture
def rate(run, tmp_path):
    """The JSON object for a file of this text."""

    def rated(text, *args):
        path = tmp_path / "votes.csv"
        path.write_text(text)
        code, out, err = run("eval", "elo", path, "--json", "--rounds", 50, *args)
        assert (code, err) == (0, "")
        return json.loads(out, parse_constant=pytest.fail)

    return rated


def csv(votes, **columns):
    """Text of (left, right, winner) with further columns."""
    rows = [",".join(map(str, (*vote, *more))) for vote, *more in zip(votes, *columns.values(), strict=True)]
    return "\n".join([",".join(("left", "right", "winner", *columns)), *rows, ""])


def usual(times=20):
    """Votes in which A is the best of three models, and none is split off."""
    return [("A", "B", "left"), ("B", "A", "right"), ("B", "A", "left"), ("B", "C", "tie"), ("C", "A", "right")] * times


def test_the_worked_example(rate):
    found = rate(EXAMPLE, "--initial", 1500, "--k", 32, "--seed", 3)
    assert {name: round(rating) for name, rating in found["elo"].items()} == {"A": 1499, "B": 1470, "C": 1531}
    assert found["elo_order"]["depends_on_order"] is True
    assert list(found["bradley_terry"]) == ["C", "A", "B"]
    assert {name: row["flag"] for name, row in found["bradley_terry"].items()} == {
        "C": "undefeated",
        "A": "split",
        "B": "winless",
    }
    assert {row["rank"] for row in found["bradley_terry"].values()} == {1}
    assert found["bradley_terry"]["C"]["ci"][1] is found["bradley_terry"]["B"]["ci"][0] is None
    assert any("undefeated" in note for note in found["notes"])


def test_an_ordinary_file(rate):
    votes = usual()
    found = rate(csv(votes, prompt=[n % 20 for n in range(100)], rater=[n % 5 for n in range(100)]))
    rows = found["bradley_terry"]
    assert np.mean([row["rating"] for row in rows.values()]) == pytest.approx(1500)
    for row in rows.values():
        assert row["ci"][0] < row["rating"] < row["ci"][1]
        assert row["ci"][1] - row["rating"] == pytest.approx(1.959964 * row["se"])
        assert set(row["bootstrap"]) == {"vote", "prompt", "rater"}
        assert row["widest_ci"][0] <= min(low for low, _ in row["bootstrap"].values())
        assert (row["flag"], row["group"], row["tier"]) == (None, 1, "provisional")
    assert found["clusters"] == {"vote": 100, "prompt": 20, "rater": 5}
    assert any("5 raters only" in note for note in found["notes"])
    assert len(found["neighbours"]) == 2
    assert found["settings"]["seed"] == 1
    assert sum(row["battles"] for row in rows.values()) == 2 * found["votes"]


def test_win_rates(rate):
    found = rate(csv([*usual(1), ("B", "D", "left"), ("D", "B", "left")]))["win_rates"]
    cells = {
        (row, column): (found["share"][i][j], found["battles"][i][j])
        for i, row in enumerate(found["names"])
        for j, column in enumerate(found["names"])
    }
    assert cells["A", "B"] == (pytest.approx(2 / 3), 3)
    assert cells["B", "A"] == (pytest.approx(1 / 3), 3)
    assert cells["B", "C"] == cells["C", "B"] == (0.5, 1)
    assert (cells["A", "C"], cells["C", "A"]) == ((1, 1), (0, 1))
    assert cells["B", "D"] == (0.5, 2)
    assert cells["A", "A"] == cells["A", "D"] == (None, 0)


def test_the_same_votes_and_seed_give_the_same_bytes(rate):
    text = csv(usual())
    assert json.dumps(rate(text, "--seed", 9)) == json.dumps(rate(text, "--seed", 9))
    one, other = rate(text, "--seed", 9), rate(text, "--seed", 10)
    assert one["bradley_terry"]["A"]["bootstrap"] != other["bradley_terry"]["A"]["bootstrap"]
    assert one["bradley_terry"]["A"]["rating"] == other["bradley_terry"]["A"]["rating"]


def test_groups_that_no_battle_connects(rate):
    found = rate(csv([*usual(), ("X", "Y", "left"), ("Y", "X", "left")]))
    assert sorted(map(sorted, found["groups"])) == [["A", "B", "C"], ["X", "Y"]]
    assert [found["bradley_terry"][name]["rating"] for name in "XY"] == [pytest.approx(1500)] * 2
    assert [found["bradley_terry"][name]["group"] for name in "AX"] == [1, 2]
    assert {(pair["better"] in "XY", pair["worse"] in "XY") for pair in found["neighbours"]} == {
        (True, True),
        (False, False),
    }
    assert "No battle connects the 2 groups" in " ".join(found["notes"])


def test_all_ties_have_wide_intervals(rate):
    found = rate(csv([("A", "B", "tie")] * 5))
    for row in found["bradley_terry"].values():
        assert row["rating"] == pytest.approx(1500)
        assert row["flag"] == "only ties"
        assert row["ci"][1] - row["ci"][0] > 200
    assert any("nothing but ties" in note for note in found["notes"])


def test_one_rater_and_other_columns(rate):
    found = rate(csv(usual(), rater=["x"] * 100, comment=["y"] * 100))
    assert set(found["bradley_terry"]["A"]["bootstrap"]) == {"vote"}
    assert "There is one rater only: nothing can be said of other raters." in found["notes"]
    assert "Columns not read: comment." in found["notes"]


def test_side_and_length(rate):
    lengths = [(n * 7) % 90 + 10 for n in range(100)]
    found = rate(csv(usual(), left_length=lengths, right_length=lengths[::-1]))
    assert set(found["effects"]) == {"position", "length"}
    for effect in found["effects"].values():
        assert effect["ci"][0] < effect["points"] < effect["ci"][1]
    assert set(found["adjusted"]) == {"A", "B", "C"}


def test_davidson(rate):
    found = rate(csv(usual()), "--ties", "davidson")
    assert np.isfinite(found["settings"]["davidson_log_nu"])
    assert rate(csv(usual()))["settings"]["davidson_log_nu"] is None


def test_the_table(run, tmp_path):
    path = tmp_path / "votes.csv"
    path.write_text(csv([*usual(2), ('"E, \x1b[31m😀"', "A", "left")]))
    code, out, err = run("eval", "elo", path, "--rounds", 50)
    assert (code, err) == (0, "")
    assert "\x1b" not in out
    head, first, *_ = out.splitlines()
    assert head.split()[:3] == ["rank", "model", "rating"]
    assert "E, " in first
    assert "to open" in first
    assert first.endswith("undefeated")
    assert "more votes between the two to tell" in out
    assert "standing left is worth " in out
    assert "note: Elo depends on the order" in out


def test_a_side_that_won_every_battle_is_said(run, rate, tmp_path):
    text = csv([("A", "B", "left"), ("B", "A", "left")] * 15)
    effect = rate(text)["effects"]["position"]
    assert (effect["points"], effect["se"], effect["ci"][1]) == (None, None, None)
    assert effect["ci"][0] == pytest.approx(353, abs=1)  # log odds by the 30th root of 2.5 %
    _, out, _ = run("eval", "elo", tmp_path / "votes.csv", "--rounds", 50)
    assert f"standing left is worth {effect['ci'][0]:+.1f} points or more, for one side won every battle" in out
    assert "note: The left side won every battle" in out


def test_nothing_but_ties_tells_nothing_of_the_side(run, rate, tmp_path):
    assert rate(csv([("A", "B", "tie"), ("B", "A", "tie"), ("A", "B", "tie")]))["effects"] == {"position": None}
    _, out, _ = run("eval", "elo", tmp_path / "votes.csv", "--rounds", 50)
    assert "standing left" not in out
    assert "note: The effect of position cannot be told" in out


@pytest.mark.parametrize(
    ("text", "args", "named"),
    [
        ("left,right,result\nA,B,left\n", (), "votes.csv:1: the column 'winner' is missing"),
        ("left,right,winner\nA,B,won\n", (), "votes.csv:2: column 'winner' is 'won'"),
        ("left,right,winner\n", (), "no votes"),
        (EXAMPLE, ("--k", -1), "--k is -1"),
        (EXAMPLE, ("--k", "nan"), "--k is nan"),
        (EXAMPLE, ("--initial", "inf"), "--initial is inf"),
        (EXAMPLE, ("--rounds", 1), "--rounds is 1"),
        (EXAMPLE, ("--shuffles", 0), "--shuffles is 0"),
        (EXAMPLE, ("--seed", -1), "--seed is -1"),
        (EXAMPLE, ("--ties", "third"), "--ties is 'third'"),
    ],
)
def test_bad_input_is_one_clear_line_and_exit_2(run, tmp_path, text, args, named):
    path = tmp_path / "votes.csv"
    path.write_text(text)
    code, out, err = run("eval", "elo", path, *args)
    assert (code, out) == (2, "")
    assert named in err
    assert len(err.splitlines()) == 1, err


def test_the_bench_times_each_part(run):
    code, out, _ = run("bench", "ratings", "--battles", 300, "--models", 5, "--rounds", 20, "--json")
    found = json.loads(out)["results"]
    assert code == 0
    assert [result["name"] for result in found][-1] == "all of eval elo"
    assert all(result["elapsed_s"] >= 0 for result in found)

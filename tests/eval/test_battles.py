"""Votes from CSV: what is read, and what is refused in one line that names the row and the column."""

import numpy as np
import pytest

from assistant.errors import InputError
from eval.battles import MOST_MODELS, read_battles


@pytest.fixture
def read(tmp_path):
    """Read a file of this text."""

    def battles(text):
        path = tmp_path / "votes.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_battles(path)

    return battles


def test_columns_in_any_order_with_all_that_is_optional(read):
    found = read(
        "rater,winner,right,left,prompt,right_length,left_length,note\n"
        "x,left,B,A,1,10,20.5,good\n"
        "\n"
        "y,Tie, A ,B,2,0,1,\n"
        "x,RIGHT,A,C,1,3,3,\n"
    )
    assert found.names == ("A", "B", "C")
    assert found.left.tolist() == [0, 1, 2]
    assert found.right.tolist() == [1, 0, 0]
    assert found.score.tolist() == [1, 0.5, 0]
    assert {name: group.tolist() for name, group in found.groupings.items()} == {
        "prompt": [0, 1, 0],
        "rater": [0, 1, 0],
    }
    np.testing.assert_array_equal(found.lengths, [[20.5, 10], [1, 0], [3, 3]])
    assert found.columns_not_read == ("note",)


def test_names_with_commas_lines_emoji_and_marks(read):
    found = read('\ufeffleft,right,winner\r\n"a, ""b""\nc",😀,left\r\ncafe\u0301,x,tie\r\n')
    assert found.names == ('a, "b"\nc', "😀", "café", "x")
    assert read("left,right,winner\ncafe\u0301,x,tie\ncafé,x,tie\n").names == ("café", "x")


def test_no_name_is_taken_for_a_missing_one(read):
    found = read("left,right,winner,rater,prompt\nnan,NA,left,Nan,null\nnull,n/a,left,None,NaN\n")
    assert found.names == ("nan", "NA", "null", "n/a")
    assert found.groupings["rater"].tolist() == found.groupings["prompt"].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "the file is empty"),
        ("\n\n", "the file is empty"),
        ("left,right,winner\n", "no votes"),
        ("left,right,result\nA,B,left\n", "votes.csv:1: the column 'winner' is missing"),
        ("left;right;winner\nA;B;left\n", "there is 'left;right;winner'"),
        ("A,B,tie\n", "the column 'left' is missing"),
        ("left,right,winner,winner\nA,B,left,left\n", "'winner' stands 2 times"),
        ("left,right,winner\nA,B,left\nA,B,both\n", "votes.csv:3: column 'winner' is 'both'"),
        ("left,right,winner\n\n\nA,B,NaN\n", "votes.csv:4: column 'winner' is 'NaN'"),
        ("left,right,winner\nA,B,\n", "votes.csv:2: column 'winner' is ''"),
        ("left,right,winner\nA,B," + "x" * 5000 + "\n", "x…'"),
        ("left,right,winner\nA, ,left\n", "votes.csv:2: column 'right' is empty"),
        ("left,right,winner\nA,A ,left\n", "votes.csv:2: columns 'left' and 'right' name the same model, 'A'"),
        ("left,right,winner\nA,B\n", "votes.csv:2: 2 cells where the first line has 3"),
        ("left,right,winner\nA,B,C,left\n", "votes.csv:2: 4 cells"),
        ('left,right,winner\n"A,B,left\n', "votes.csv:2: not CSV"),
        ('left,right,winner\n"A\nA",B,left\n"A"x,B,left\n', "votes.csv:4: not CSV"),
        ("left,right,winner,rater\nA,B,left,\n", "votes.csv:2: column 'rater' is empty"),
        ("left,right,winner,left_length\nA,B,left,3\n", "'left_length' stands alone"),
        ("left,right,winner,left_length,right_length\nA,B,left,3,nan\n", "column 'right_length' is 'nan'"),
        ("left,right,winner,left_length,right_length\nA,B,left,-1,2\n", "column 'left_length' is '-1'"),
        ("left,right,winner,left_length,right_length\nA,B,left,long,2\n", "column 'left_length' is 'long'"),
        ("left,right,winner\nA,B,left\n".encode("utf-16"), "not UTF-8"),
        (b"left,right,winner\nA,\xff,left\n", "not UTF-8"),
    ],
)
def test_bad_input_names_the_row_and_the_column(read, text, named):
    with pytest.raises(InputError, match=r"votes\.csv") as refusal:
        read(text)
    assert named in str(refusal.value)
    assert len(str(refusal.value)) < 300


def test_a_column_of_other_things_is_no_column_of_models(read):
    rows = "".join(f"answer {number},B,left\n" for number in range(MOST_MODELS + 1))
    with pytest.raises(InputError, match=f"votes.csv:{MOST_MODELS + 1}: column 'left': more than 1,000 models"):
        read("left,right,winner\n" + rows)


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match=r"none\.csv: cannot be read"):
        read_battles(tmp_path / "none.csv")
    with pytest.raises(InputError, match="cannot be read"):
        read_battles(tmp_path)

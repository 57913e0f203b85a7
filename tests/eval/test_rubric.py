"""Rubrics: those that are shipped, and files of which file and key are named."""

import tomllib
from pathlib import Path

import pytest

from assistant.errors import InputError
from eval.likert_file import SCALE
from eval.rubric import SHIPPED_FOLDER, find_rubric, load_rubric, shipped_rubrics

ROOT = Path(__file__).parents[2]
GOOD = """title = "T"
instruction = "I"
source = false
[aspects."big, 🚀.2"]
title = "A"
question = "Q?"
[aspects."big, 🚀.2".points]
-2 = "a"
-1 = "b"
0 = "c"
1 = "d"
2 = "e"
"""


@pytest.mark.parametrize(
    ("name", "source", "aspects"),
    [
        ("summary", True, ["coherence", "informativeness", "factual_accuracy"]),
        ("chat", False, ["helpfulness", "correctness", "language"]),
        ("grounded", True, ["support", "answer", "footnotes"]),
    ],
)
def test_the_shipped_rubrics(name, source, aspects):
    rubric = find_rubric(name)
    assert (rubric.name, rubric.source, [aspect.name for aspect in rubric.aspects]) == (name, source, aspects)
    texts = [text for aspect in rubric.aspects for text in aspect.points.values()]
    assert len(texts) == len(set(texts)) == 15
    assert all(tuple(aspect.points) == SCALE for aspect in rubric.aspects)


def test_all_of_them_are_in_the_package():
    assert shipped_rubrics() == ("chat", "grounded", "summary")
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    shipped = {path for pattern in settings["package-data"]["eval"] for path in (ROOT / "eval").glob(pattern)}
    assert shipped >= set(SHIPPED_FOLDER.iterdir())


def test_a_rubric_of_ones_own(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text(GOOD, encoding="utf-8-sig")
    rubric = find_rubric(str(path))
    assert (rubric.name, rubric.aspects[0].name, rubric.aspects[0].points[-2]) == ("own", "big, 🚀.2", "a")


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('-1 = "b"\n', "", "aspects.big, 🚀.2.points.-1 is missing"),
        ('-1 = "b"', '-1 = " "', "aspects.big, 🚀.2.points.-1 is missing, empty"),
        ('-1 = "b"', "-1 = 7", "aspects.big, 🚀.2.points.-1 is missing, empty or no text"),
        ('-1 = "b"', '-1 = "a"', "points.-1 says the same as a lower score"),
        ('2 = "e"', '2 = "e"\n3 = "f"', "aspects.big, 🚀.2.points.3 is not known"),
        ('question = "Q?"\n', "", "aspects.big, 🚀.2.question is missing"),
        ('title = "T"\n', "", ": title is missing"),
        ("source = false", 'source = "no"', ": source must be true or false"),
        ("source = false", "source = false\nscale = 5", ": scale is not known"),
        ('"big, 🚀.2"', '""', "has no name"),
        (GOOD[GOOD.index("[") :], "", ": aspects is missing"),
        ("source = false", "source =", "not a TOML file"),
    ],
)
def test_a_bad_rubric_is_named_with_its_key(tmp_path, old, new, named):
    path = tmp_path / "own.toml"
    assert old in GOOD
    path.write_text(GOOD.replace(old, new))
    with pytest.raises(InputError) as fault:
        load_rubric(path)
    assert str(path) in str(fault.value)
    assert named in str(fault.value)


def test_a_rubric_that_is_not_there():
    with pytest.raises(InputError, match="no rubric 'style'; name a TOML file, or one of chat, grounded, summary"):
        find_rubric("style")

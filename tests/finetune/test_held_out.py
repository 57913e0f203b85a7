"""The rows that a recipe keeps for a test, written without its training."""

import json

import pytest

from assistant.errors import InputError
from finetune.held_out import write_held_out
from finetune.recipe import load_recipe
from finetune.train import run


def _rows(folder):
    return [json.loads(line) for path in sorted(folder.iterdir()) for line in path.read_text().splitlines()]


def _sorted(rows):
    return sorted(rows, key=lambda row: json.dumps(row, sort_keys=True))


@pytest.fixture
def recipe(tiny_checkpoint, recipe_over):
    """A function that makes a recipe of a kind over rows."""

    def make(kind, rows, *settings):
        values = {"kind": kind, "base": str(tiny_checkpoint), "data.validation": 0.2, "data.test": 0.3}
        return load_recipe(recipe_over(rows, {**values, "training.epochs": 0.1}), settings)

    return make


@pytest.fixture
def rows(counting_rows, labelled_rows):
    """Rows for each kind of recipe."""
    grounded = [
        {
            "context": f"It is {n}. Yes.",
            "question": "What?",
            "answers": [str(n)],
            "answerable": True,
            "source": "a/b",
        }
        for n in range(20)
    ]
    pairs = [{"prompt": f"Say {n}.", "chosen": f"It is {n}.", "rejected": "No."} for n in range(20)]
    return {
        "instruct": [*counting_rows(20), *grounded],
        "task": counting_rows(20),
        "classify": labelled_rows(30),
        "preference": pairs,
    }


@pytest.mark.parametrize("kind", ["instruct", "task", "classify", "preference"])
def test_they_are_those_of_the_run(recipe, rows, tmp_path, kind):
    plan = recipe(kind, rows[kind])
    counts = write_held_out(plan, tmp_path / "held")
    kept = [json.loads(line) for line in (run(plan) / "test.jsonl").read_text().splitlines()]
    assert _sorted(_rows(tmp_path / "held")) == _sorted(kept)
    assert sum(counts.values()) == len(kept) > 0


def test_each_kind_and_source_has_a_file_of_its_own(recipe, rows, tmp_path):
    counts = write_held_out(recipe("instruct", rows["instruct"]), tmp_path / "held")
    assert sorted(counts) == ["grounded-a-b.jsonl", "instruction-rows.jsonl"]
    assert (tmp_path / "held" / "grounded-a-b.jsonl").read_text().count('"context"') == counts["grounded-a-b.jsonl"]


def test_a_recipe_that_keeps_none_is_refused(recipe, rows, tmp_path):
    with pytest.raises(InputError, match=r"^data\.test is 0, so no row is kept for a test; set a share"):
        write_held_out(recipe("task", rows["task"], "data.test=0"), tmp_path / "held")
    with pytest.raises(InputError, match=r"^--held-out is for rows; a recipe of the kind domain keeps tokens"):
        write_held_out(recipe("domain", [{"text": "A."}]), tmp_path / "held")
    (tmp_path / "there").mkdir()
    with pytest.raises(InputError, match=r"there already exists"):
        write_held_out(recipe("task", rows["task"]), tmp_path / "there")
    assert not (tmp_path / "held").exists()


def test_the_command_says_how_many(recipe, rows, footnote, tmp_path):
    recipe("classify", rows["classify"])
    done = footnote("finetune", tmp_path / "recipe.toml", "--held-out", tmp_path / "held")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(len(_rows(tmp_path / "held"))), "rows", "in", str(tmp_path / "held/label.jsonl")]
    assert not (tmp_path / "out").exists()

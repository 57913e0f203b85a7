from pathlib import Path

import pytest

from assistant.errors import InputError
from finetune import recipes
from finetune.config import load_recipe

SHIPPED = sorted(Path(recipes.__path__[0]).glob("*.toml"))
PATHS = 'data.paths=["x.jsonl"]'
PLAIN_TEXT = 'data.plain_text=["x.jsonl"]'


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_recipes_are_valid(path):
    assert load_recipe(path, [PATHS, PLAIN_TEXT]).kind in ("pretrain", "instruct")


def test_some_recipes_are_shipped():
    assert {path.stem for path in SHIPPED} >= {"pretrain", "instruct"}


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text('kind = "pretrain"\noutput = "out"\n[data]\npaths = ["x.jsonl"]\n')
    return path


def test_set_replaces_a_value(recipe):
    changed = load_recipe(recipe, ["training.learning_rate=0.5", "output=there", "model.width=64"])
    assert (changed.training.learning_rate, changed.output, changed.model.width) == (0.5, "there", 64)


@pytest.mark.parametrize(
    ("setting", "named"),
    [
        ("training.speed=1", "training.speed"),
        ("colour=1", "colour"),
        ("training.batch=many", "training.batch"),
        ("training.batch=0", "training.batch"),
        ("training.batch=true", "training.batch"),
        ("data.paths=[1]", "data.paths"),
        ("data.paths=[]", "data.paths"),
        ("kind=magic", "kind"),
        ("model.heads=3", "model.heads"),
        ("training.window=2048", "training.window"),
        ("training.epochs=inf", "training.epochs"),
        ("training.epochs=nan", "training.epochs"),
        ("training.learning_rate=inf", "training.learning_rate"),
        ("training.weight_decay=nan", "training.weight_decay"),
        ("data.cloze_rows=5", "data.plain_text is empty"),
        ("no-equals", "no-equals"),
        ("kind=instruct", "base"),
        ("base=somewhere", "base"),
        ("output.x=1", "output"),
    ],
)
def test_a_bad_value_is_refused_by_name(recipe, setting, named):
    with pytest.raises(InputError, match=named):
        load_recipe(recipe, [setting])


def test_the_window_of_an_instruct_recipe_is_left_to_its_base(recipe):
    changed = load_recipe(recipe, ["kind=instruct", "base=there", "training.window=2048"])
    assert changed.training.window == 2048
    assert "model" not in changed.as_dict()


def test_a_missing_recipe_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.toml"):
        load_recipe(tmp_path / "none.toml")

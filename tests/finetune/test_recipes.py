import json
from pathlib import Path

import pytest

from assistant.checkpoint import BUNDLED_FOLDER, RUN_FILE
from assistant.errors import InputError
from finetune import recipes
from finetune.recipe import load_recipe

SHIPPED = sorted(Path(recipes.__path__[0]).glob("*.toml"))
PATHS = 'data.paths=["x.jsonl"]'
KINDS = {
    "pretrain": "pretrain",
    "domain": "domain",
    "full": "instruct",
    "lora": "instruct",
    "smoke": "instruct",
    "task": "task",
    "classify": "classify",
    "preference": "preference",
    "bundled": "pretrain",
}


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_recipes_are_valid(path):
    plain_text = ['data.plain_text=["x.jsonl"]'] if path.stem in ("copying", "bundled-chat") else []
    assert load_recipe(path, [PATHS, *plain_text]).kind == KINDS.get(path.stem, "instruct")


def test_every_kind_of_recipe_is_shipped():
    assert {path.stem for path in SHIPPED} >= set(KINDS)


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text('kind = "pretrain"\noutput = "out"\n[data]\npaths = ["x.jsonl"]\n')
    return path


def test_set_replaces_a_value(recipe):
    changed = load_recipe(recipe, ["training.learning_rate=0.5", "output=there", "model.width=64"])
    assert (changed.training.learning_rate, changed.output, changed.model.width) == (0.5, "there", 64)


def test_a_name_with_a_dot_in_it_is_set_in_quotes(recipe):
    changed = load_recipe(recipe, ["kind=instruct", "base=there", 'data.repeats."rows.jsonl"=3', "licences.rows=MIT"])
    assert changed.data.repeats == {"rows.jsonl": 3}
    assert changed.licences == {"rows": "MIT"}


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
        ("lora.r=8", "lora adapts a base"),
        ("task.solution=x", r"\[task\] is for recipes of the kind task"),
        ("data.validation=0", "data.validation"),
        ("data.test=0.99", "data.validation and data.test"),
        ("data.longest_solution=-1", "data.longest_solution"),
        ("data.longest_solution=5", "data.longest_solution is for recipes of the kind instruct"),
        ("data.own=true", "data.own is for recipes of the kind instruct"),
        ("data.collection=default", "data.collection is for recipes of the kind domain"),
        ("training.schedule=wavy", "training.schedule must be one of cosine, linear, constant, wsd"),
        ("training.decay=0", "training.decay"),
        ("training.minutes=-1", "training.minutes"),
        ("training.save_minutes=-1", "training.save_minutes"),
        ("training.optimizer=sgd", "training.optimizer must be one of adamw, muon"),
        ("training.compile=1", "training.compile must be of type bool"),
        ("tags=none", "tags must be one of text, tokens"),
        ("no-equals", "no-equals"),
        ("#=1", "write table.key=value; a name with a dot in it stands in quotes"),
        ('a."b=1', "a name with a dot in it stands in quotes"),
        ("=1", "write table.key=value"),
        ("licences.rows.jsonl=MIT", "licences must hold values of type str"),
        ("data.repeats.rows=many", "data.repeats must hold values of type int"),
        ("kind=instruct", "base"),
        ("base=somewhere", "base"),
        ("output.x=1", "output"),
    ],
)
def test_a_bad_value_is_refused_by_name(recipe, setting, named):
    with pytest.raises(InputError, match=named):
        load_recipe(recipe, [setting])


def test_the_window_of_an_instruct_recipe_is_left_to_its_base(recipe):
    changed = load_recipe(recipe, ["kind=instruct", "base=there", "training.window=2048", "data.own=true"])
    assert changed.training.window == 2048
    assert "model" not in changed.as_dict()


@pytest.mark.parametrize(
    "setting",
    [
        "training.optimizer=muon",
        "training.schedule=wsd",
        "training.decay=0.3",
        "training.minutes=5",
        "training.save_minutes=2",
        "training.compile=true",
        "data.shards=there",
    ],
)
def test_what_only_pretraining_reads_is_refused_elsewhere(recipe, setting):
    assert load_recipe(recipe, [setting]).kind == "pretrain"
    name = setting.partition("=")[0].replace(".", r"\.")
    with pytest.raises(InputError, match=rf"^{name}.* is for recipes of the kind pretrain$"):
        load_recipe(recipe, ["kind=domain", "base=there", setting])
    plain = load_recipe(recipe, ["kind=domain", "base=there"]).as_dict()
    table, _, key = setting.partition("=")[0].partition(".")
    assert (key in plain[table]) == (key == "schedule")


def test_shards_stand_for_the_texts(recipe):
    assert load_recipe(recipe, ["data.paths=[]", "data.shards=there"]).data.shards == "there"
    with pytest.raises(InputError, match=r"^data\.paths is empty"):
        load_recipe(recipe, ["data.paths=[]"])


def test_a_missing_recipe_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.toml"):
        load_recipe(tmp_path / "none.toml")


def test_adapters_have_the_defaults_of_the_paper_and_gpt2s_layers(recipe):
    changed = load_recipe(recipe, ["kind=instruct", "base=there", "lora.dropout=0"])
    assert (changed.lora.r, changed.lora.alpha) == (8, 16)
    assert changed.lora.target_modules == ["c_attn", "c_proj", "c_fc"]


def test_cloze_rows_need_plain_text(recipe):
    with pytest.raises(InputError, match=r"data\.plain_text is empty"):
        load_recipe(recipe, ["kind=instruct", "base=there", "data.cloze_rows=5"])


def test_copying_is_the_recipe_of_the_bundled_model():
    record = json.loads((BUNDLED_FOLDER / RUN_FILE).read_text())
    shipped = next(path for path in SHIPPED if path.stem == "copying")
    recipe = load_recipe(shipped, [PATHS, 'data.plain_text=["x.jsonl"]']).as_dict()
    del recipe["output"]
    for name in ("paths", "plain_text", "home"):
        del recipe["data"][name]
    # Its file of instructions was cut before the recipe could do it; `data_notes` says so.
    assert recipe["data"].pop("longest_solution") == 60
    assert recipe == record["recipe"]

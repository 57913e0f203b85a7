"""Nothing is replaced or deleted in an output but what a run of the program has written there."""

import json
import os

import pytest

from assistant.errors import InputError
from finetune.output import _refusal_to_write
from finetune.recipe import load_recipe
from finetune.train import run


@pytest.fixture
def recipe(tiny_checkpoint, counting_rows, recipe_over):
    """A function that makes a recipe of a single step."""
    values = {"kind": "instruct", "base": str(tiny_checkpoint), "data.validation": 0.2, "training.epochs": 0.1}
    path = recipe_over(counting_rows(20), values)
    return lambda *settings: load_recipe(path, settings)


def _all(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_of_other_things_is_refused_and_left_as_it_was(recipe, tmp_path):
    mine = tmp_path / "mine"
    for name in ("test.jsonl", "steps/notes.txt", "adapter/x"):
        (mine / name).parent.mkdir(parents=True, exist_ok=True)
        (mine / name).write_text("mine")
    before = _all(mine)
    told = rf"^output: {mine} is not empty, and no run of this program made it; name a new folder$"
    for record in (None, "{", "[]", '{"files": "all"}', '{"prompt_format": "chatml-1"}'):
        if record:
            (mine / "run.json").write_text(record)
        with pytest.raises(InputError, match=told):
            run(recipe(f"output={mine}"))
        (mine / "run.json").unlink(missing_ok=True)
    assert _all(mine) == before


def test_data_and_base_are_never_the_output(recipe, write_rows, counting_rows, tiny_checkpoint, tmp_path, monkeypatch):
    rows = write_rows(counting_rows(20))
    monkeypatch.chdir(tmp_path)
    for settings in (
        ["output=."],
        ["output=.", 'data.paths=["."]'],
        [f"output={tmp_path.parent}"],
        ["output=.", 'data.paths=["../x/rows.jsonl"]', "data.own=true", f'data.plain_text=["{rows}"]'],
    ):
        with pytest.raises(InputError, match=r"^output: .* holds .*, which data\.\w+ names; name a folder apart"):
            run(recipe(*settings))
    with pytest.raises(InputError, match=r"^output: .* holds .*tiny, which base names"):
        run(recipe(f"output={tiny_checkpoint}"))
    assert rows.is_file()


def test_an_empty_folder_and_one_of_a_run_are_taken_and_what_others_put_there_stays(recipe, tmp_path):
    (tmp_path / "out").mkdir()
    folder = run(recipe("lora.r=2", "data.test=0.1"))
    assert {name for name in _all(folder) if not name.startswith("steps/")} == set(
        json.loads((folder / "run.json").read_text())["files"]
    )
    for name in ("notes.txt", "adapter/notes.txt", "steps/notes.txt"):
        (folder / name).write_text("mine")
    run(recipe())
    left = _all(folder)
    assert all(left[name] == b"mine" for name in ("notes.txt", "adapter/notes.txt", "steps/notes.txt"))
    assert "test.jsonl" not in left
    assert not [name for name in left if name.startswith("adapter/adapter_")]


def test_a_file_that_the_run_would_replace_but_did_not_write_is_named(recipe, tmp_path):
    folder = run(recipe())
    (folder / "test.jsonl").write_text("mine")
    with pytest.raises(InputError, match=r"^output: .*test\.jsonl is not of the run in that folder; move it"):
        run(recipe("data.test=0.1"))
    assert (folder / "test.jsonl").read_text() == "mine"


def test_a_record_that_lists_files_of_elsewhere_deletes_none_of_them(recipe, tmp_path):
    folder = run(recipe())
    (tmp_path / "precious").write_text("mine")
    record = json.loads((folder / "run.json").read_text())
    record["files"] += ["../precious", str(tmp_path / "precious")]
    (folder / "run.json").write_text(json.dumps(record))
    run(recipe())
    assert (tmp_path / "precious").read_text() == "mine"


def test_a_run_that_ends_before_its_first_step_leaves_nothing(recipe, tmp_path):
    with pytest.raises(InputError, match=r"training\.learning_rate: the training has diverged"):
        run(recipe("training.learning_rate=1e30", "training.epochs=8", f"output={tmp_path / 'deep' / 'out'}"))
    assert not os.path.lexists(tmp_path / "deep")


def test_a_folder_with_room_takes_a_file(tmp_path):
    assert _refusal_to_write(tmp_path) is None
    assert "No such file" in _refusal_to_write(tmp_path / "none")

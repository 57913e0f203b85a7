"""The home's models, on real folders and real small checkpoints."""

import copy
import json
import os
import shutil
import signal
import subprocess
import sys
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant import model_store
from assistant.atomic import clean_leftovers, new_folder
from assistant.checkpoint import find_checkpoint, load_checkpoint
from assistant.config import open_home
from assistant.errors import InputError, ModelError
from assistant.model_store import add, list_models, promote, remove
from assistant.settings_file import set_text


@pytest.fixture
def config(tmp_path):
    return open_home(tmp_path / "home")


def _names(config):
    return [model.name for model in list_models(config)]


def _on_disk(config):
    return sorted(path.name for path in (config.home / "models").iterdir())


def test_an_added_model_is_listed_with_what_its_files_say(config, tiny_checkpoint, tiny_model):
    trained = shutil.copytree(tiny_checkpoint, config.home / "trained")
    (trained / "steps").mkdir()
    for name in (".hidden", "optimizer.pt", "metrics.jsonl", "NOTICE"):
        (trained / name).touch()
    added = add(config, str(trained), "small-1.0")
    bundled, small = list_models(config)
    assert small == added
    assert (bundled.name, bundled.in_use, small.name, small.in_use) == ("bundled", True, "small-1.0", False)
    assert small.stored.parameters == tiny_model.num_parameters()
    assert small.stored.dtype == "fp32"
    folder = config.home / "models" / "small-1.0"
    assert small.stored.bytes == sum(path.stat().st_size for path in folder.iterdir())
    assert not {path.name for path in folder.iterdir()} & {"steps", ".hidden", "optimizer.pt", "metrics.jsonl"}
    assert (folder / "NOTICE").is_file()
    assert (folder / "model.safetensors").stat().st_mode & 0o777 == folder.stat().st_mode & 0o666
    assert bundled.stored.kind == "instruct"
    assert find_checkpoint("small-1.0", config.home / "models") == str(folder)


@pytest.mark.parametrize("name", ["", ".hidden", "..", "a/b", "a\\b", "a b", "é", "-x", "x" * 101, "a\n"])
def test_a_name_that_is_none_is_refused(config, tiny_checkpoint, name):
    with pytest.raises(InputError, match="letters, digits"):
        add(config, str(tiny_checkpoint), name)
    assert _on_disk(config) == []


def test_a_name_that_is_taken_is_refused(config, tiny_checkpoint):
    add(config, str(tiny_checkpoint), "small")
    for name in ("small", "bundled"):
        with pytest.raises(InputError, match="taken"):
            add(config, str(tiny_checkpoint), name)


def test_what_does_not_load_is_not_added(config, tiny_checkpoint, tmp_path):
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "config.json").write_bytes((tiny_checkpoint / "config.json").read_bytes())
    (broken / "model.safetensors").write_bytes((tiny_checkpoint / "model.safetensors").read_bytes()[:500])
    with pytest.raises(ModelError, match="broken"):
        add(config, str(broken), "small")
    assert _on_disk(config) == []


def test_a_disk_that_fills_up_leaves_nothing(config, tiny_checkpoint, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(model_store.shutil, "copyfile", full)
    with pytest.raises(InputError, match="No space left"):
        add(config, str(tiny_checkpoint), "small")
    assert _on_disk(config) == []


_KILLED_ADD = """
import pathlib, sys, time
from assistant import model_store
from assistant.config import open_home

def slow(source, target):
    pathlib.Path(target).write_bytes(b"half")
    print("copying", flush=True)
    time.sleep(60)

model_store.shutil.copyfile = slow
model_store.add(open_home(sys.argv[1]), sys.argv[2], "killed")
"""


def test_a_kill_in_the_middle_of_an_add_leaves_a_home_that_lists_fine(config, tiny_checkpoint):
    command = [sys.executable, "-c", _KILLED_ADD, str(config.home), str(tiny_checkpoint)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "copying\n"
        (leftover,) = _on_disk(config)
        clean_leftovers(config.home / "models")
        assert _on_disk(config) == [leftover]  # its writer lives
        process.send_signal(signal.SIGKILL)
    assert _names(config) == ["bundled"]
    add(config, str(tiny_checkpoint), "killed")
    assert _on_disk(config) == ["killed"]


def test_of_two_writers_of_one_name_the_second_is_refused(tmp_path):
    with pytest.raises(InputError, match="already exists"), new_folder(tmp_path / "x"):
        (tmp_path / "x").mkdir()
    assert os.listdir(tmp_path) == ["x"]


def test_a_refused_folder_takes_the_folders_made_for_it_away(tmp_path):
    with pytest.raises(KeyboardInterrupt), new_folder(tmp_path / "a" / "b" / "c"):
        raise KeyboardInterrupt
    assert os.listdir(tmp_path) == []


def test_removing(config, tiny_checkpoint):
    add(config, str(tiny_checkpoint), "small")
    assert remove(config, "small").name == "small"
    assert _on_disk(config) == []
    for name in ("small", "../home", "nobody"):
        with pytest.raises(InputError, match="no model of this home"):
            remove(config, name)
    with pytest.raises(InputError, match="cannot be removed"):
        remove(config, "bundled")


def test_removing_a_link_keeps_what_it_points_to(config, tiny_checkpoint):
    (config.home / "models" / "linked").symlink_to(tiny_checkpoint)
    remove(config, "linked")
    assert (tiny_checkpoint / "config.json").is_file()
    assert _on_disk(config) == []


def test_the_model_in_use_is_not_removed(config, tiny_checkpoint, monkeypatch):
    add(config, str(tiny_checkpoint), "small")
    promote(config, "small")
    now = open_home(config.home)
    assert [model.name for model in list_models(now) if model.in_use] == ["small"]
    monkeypatch.setenv("FOOTNOTE_MODEL", "bundled")  # wins for now, but the file still names it
    for settings in (now, open_home(config.home)):
        with pytest.raises(InputError, match="small is the model in use"):
            remove(settings, "small")
    assert _on_disk(config) == ["small"]


def test_a_model_that_does_not_load_is_not_promoted(config, tiny_checkpoint):
    add(config, str(tiny_checkpoint), "small")
    (config.home / "models" / "small" / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(ModelError, match="small"):
        promote(config, "small")
    assert not (config.home / "footnote.toml").exists()
    assert list_models(config)[1].stored.problem


def test_the_home_comes_before_the_working_folder(config, tiny_checkpoint, tmp_path, monkeypatch):
    add(config, str(tiny_checkpoint), "small")
    (tmp_path / "here" / "small").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    models = config.home / "models"
    assert find_checkpoint("small", models) == str(models / "small")
    assert find_checkpoint("./small", models) == "./small"


_FILES = [
    ("", 'model = "new"\n'),
    ("port = 1", 'port = 1\nmodel = "new"\n'),
    ('# mine\n model = "old" # why\nport = 1\n', '# mine\n model = "new" # why\nport = 1\n'),
    ("model = 'old'", 'model = "new"'),
    ('"model"="o\\"ld"\r\nport = 1\r\n', '"model"="new"\r\nport = 1\r\n'),
    ('host = """\nmodel = "x"\n"""\nmodel = "y"\n', 'host = """\nmodel = "x"\n"""\nmodel = "new"\n'),
    ('[table]\nmodel = "x"\n', 'model = "new"\n[table]\nmodel = "x"\n'),
]


@pytest.mark.parametrize("before, after", _FILES)
def test_setting_the_model_keeps_every_other_line(tmp_path, before, after):
    path = tmp_path / "footnote.toml"
    path.write_bytes(before.encode())
    set_text(path, "model", "new")
    assert path.read_bytes().decode() == after
    assert os.listdir(tmp_path) == ["footnote.toml"]


@pytest.mark.parametrize("text", ['model = """\nold"""\n', "model = ", "model = 1\nmodel = 2"])
def test_a_file_that_cannot_be_edited_is_left_as_it_is(tmp_path, text):
    path = tmp_path / "footnote.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=r"footnote\.toml"):
        set_text(path, "model", "new")
    assert path.read_text() == text


@given(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.dictionaries(st.from_regex(r"[a-z]{1,5}", fullmatch=True), st.integers()),
)
def test_any_text_can_be_set_and_read_again(tmp_path_factory, value, others):
    path = tmp_path_factory.mktemp("toml") / "footnote.toml"
    path.write_text("".join(f"{key} = {number} # kept\n" for key, number in others.items() if key != "model"))
    lines = path.read_text()
    set_text(path, "model", value)
    assert tomllib.loads(path.read_text("utf-8"))["model"] == value
    assert path.read_text("utf-8").startswith(lines)


def test_a_setting_behind_a_link_stays_behind_it(tmp_path):
    (tmp_path / "dotfiles").mkdir()
    real = tmp_path / "dotfiles" / "footnote.toml"
    real.write_text('model = "old"\n')
    real.chmod(0o600)
    link = tmp_path / "footnote.toml"
    link.symlink_to(real)
    set_text(link, "model", "new")
    assert link.is_symlink()
    assert real.read_text() == 'model = "new"\n'
    assert real.stat().st_mode & 0o777 == 0o600


def test_kind_and_base_come_from_the_record(config, tiny_checkpoint):
    add(config, str(tiny_checkpoint), "small")
    record = {"prompt_format": "chatml-1", "kind": "instruct", "recipe": {"base": "reading"}}
    (config.home / "models" / "small" / "run.json").write_text(json.dumps(record))
    stored = list_models(config)[1].stored
    assert (stored.kind, stored.base, stored.problem) == ("instruct", "reading", "")


_FROM_CACHE = """
import sys
from assistant.config import open_home
from assistant.model_store import add

print(add(open_home(sys.argv[1]), "me/tiny", "hubbed").stored.dtype)
"""


def test_a_model_of_the_hub_keeps_the_precision_that_it_has_there(config, tiny_model, tiny_tokenizer, tmp_path):
    cached = tmp_path / "hub" / "models--me--tiny"
    (cached / "refs").mkdir(parents=True)
    (cached / "refs" / "main").write_text("abc")
    snapshot = cached / "snapshots" / "abc"
    copy.deepcopy(tiny_model).half().save_pretrained(snapshot)
    tiny_tokenizer.save_pretrained(snapshot)
    # The hub's client reads its settings once, when it is imported: only another process can be given others.
    settings = {**os.environ, "HF_HUB_CACHE": str(tmp_path / "hub"), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-c", _FROM_CACHE, str(config.home)]
    assert subprocess.run(command, env=settings, capture_output=True, text=True, check=True).stdout == "fp16\n"
    assert load_checkpoint(config.home / "models" / "hubbed").positions == 256
    assert not list((config.home / "models").glob(".*"))

"""A run that is broken off and taken up again is the run that never was: same losses, same weights."""

import json
import shutil
import signal
import subprocess
import sys
import time

import pytest
import torch
from safetensors.torch import load_file, save_file

from assistant import wording
from assistant.errors import InputError
from finetune import conversations
from finetune.recipe import load_recipe
from finetune.train import run
from finetune.watch import read_metrics

STEPS = 40
EVERY = 5
SLOWEST_SECONDS = 90


@pytest.fixture
def recipe(stock_checkpoint, counting_rows, recipe_over):
    """Adapters on a base with dropout: what is random in a step must be taken up too."""
    return recipe_over(
        counting_rows(80),
        {
            "kind": "instruct",
            "base": str(stock_checkpoint),
            "data.validation": 0.1,
            "lora.r": 4,
            "lora.dropout": 0.3,
            "training.batch": 2,
            "training.epochs": STEPS * 2 / 72,
            "training.learning_rate": 0.02,
            "training.save_steps": EVERY,
        },
    )


def _start(recipe, output):
    command = [sys.executable, "-m", "app.main", "finetune", str(recipe), "--set", f"output={output}"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def _killed_after_a_step(recipe, output):
    """Run in another process, which is killed when it has saved a step."""
    process = _start(recipe, output)
    late = time.monotonic() + SLOWEST_SECONDS
    while not list(output.glob("steps/checkpoint-*/trainer_state.json")):
        assert process.poll() is None, process.stderr.read().decode()
        assert time.monotonic() < late
        time.sleep(0.002)
    process.kill()
    process.wait()
    process.stderr.close()
    assert process.returncode == -signal.SIGKILL
    assert not (output / "run.json").exists()


def _losses(output):
    """What `metrics.jsonl` says, without the times and the sums at the end of a training."""
    lines = [line for line in read_metrics(output / "metrics.jsonl") if "train_loss" not in line]
    names = ("step", "tokens", "loss", "eval_loss", "learning_rate", "grad_norm")
    return [{name: line[name] for name in names if name in line} for line in lines]


def _weights(output):
    return load_file(output / "model.safetensors")


def test_a_killed_run_is_taken_up_to_the_same_losses_and_weights(recipe, tmp_path):
    whole = run(load_recipe(recipe, [f"output={tmp_path / 'whole'}"]))
    broken = tmp_path / "broken"
    _killed_after_a_step(recipe, broken)
    before = _losses(broken)
    newest = max(int(path.parent.name.split("-")[1]) for path in broken.glob("steps/*/trainer_state.json"))
    assert newest < STEPS
    # A newer step whose saving was cut short, and lines of steps after the last saved one, the last cut short too.
    half_written = broken / "steps" / f"checkpoint-{newest + EVERY}"
    shutil.copytree(broken / "steps" / f"checkpoint-{newest}", half_written, dirs_exist_ok=True)
    state = half_written / "trainer_state.json"
    state.write_text(state.read_text()[:100])
    with (broken / "metrics.jsonl").open("a") as lines:
        lines.write(json.dumps({"step": newest + 1, "tokens": 1, "loss": 99.0}) + '\n{"step": ')

    resumed = run(load_recipe(recipe, [f"output={broken}"]), resume=True)

    assert _losses(resumed) == _losses(whole)
    assert len(before) < len(_losses(whole))
    assert [line["step"] for line in _losses(whole) if "eval_loss" in line] == [
        *range(0, STEPS + 1, EVERY),
        STEPS,  # once more, of the best
    ]
    assert _losses(whole)[0]["eval_loss"] > _losses(whole)[-1]["eval_loss"]
    one, other = _weights(whole), _weights(resumed)
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)
    records = [json.loads((folder / "run.json").read_text()) for folder in (whole, resumed)]
    for name in ("trained_tokens", "steps", "best_step", "validation_loss", "counts"):
        assert records[0][name] == records[1][name]


@pytest.mark.parametrize(
    "settings", [[], ["training.patience=1", "training.learning_rate=0.5"]], ids=["whole", "early"]
)
def test_a_run_that_broke_off_in_its_last_save_is_saved_as_it_was(recipe, settings):
    finished = run(load_recipe(recipe, settings))
    losses, weights = _losses(finished), _weights(finished)
    assert (losses[-1]["step"] < STEPS) == bool(settings)
    (finished / "model.safetensors").unlink()
    run(load_recipe(recipe, settings), resume=True)
    assert _losses(finished) == losses
    assert all(torch.equal(weights[name], tensor) for name, tensor in _weights(finished).items())


def test_a_new_run_does_not_leave_the_steps_of_an_earlier_one_to_be_resumed(recipe, tmp_path):
    run(load_recipe(recipe))
    output = tmp_path / "out"
    assert (output / "steps" / f"checkpoint-{STEPS}").exists()
    run(load_recipe(recipe, [f"training.epochs={EVERY * 2 / 72}"]))
    assert {path.name for path in (output / "steps").iterdir()} == {f"checkpoint-{EVERY}", "plan.json"}
    assert _losses(output)[-1]["step"] == EVERY


def test_only_half_written_steps_are_nothing_to_resume(recipe, tmp_path):
    half_written = tmp_path / "out" / "steps" / "checkpoint-5"
    half_written.mkdir(parents=True)
    (half_written / "trainer_state.json").write_text('{"global_step": ')
    with pytest.raises(InputError, match=r"nothing to resume in .*steps; start without --resume"):
        run(load_recipe(recipe), resume=True)
    assert half_written.exists()


def test_a_run_begun_by_a_version_that_measured_before_the_training_keeps_what_it_measured(recipe):
    few = [f"training.epochs={EVERY * 2 / 72}"]
    finished = run(load_recipe(recipe, few))
    record = json.loads((finished / "run.json").read_text())
    path = finished / "steps" / f"checkpoint-{EVERY}" / "trainer_state.json"
    state = json.loads(path.read_text())
    state["log_history"] = [line for line in state["log_history"] if line["step"]]
    path.write_text(json.dumps(state))
    resumed = json.loads((run(load_recipe(recipe, few), resume=True) / "run.json").read_text())
    assert resumed["validation_loss"] == record["validation_loss"]


@pytest.fixture
def half_way(recipe, tmp_path):
    """The recipe of a run that is over, its checkpoint gone: as one that broke off in its last save."""
    run(load_recipe(recipe, [f"training.epochs={EVERY * 2 / 72}"]))
    (tmp_path / "out" / "run.json").unlink()
    return lambda *settings: load_recipe(recipe, [f"training.epochs={EVERY * 2 / 72}", *settings])


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        (
            "training.learning_rate=5e-3",
            r"^training\.learning_rate: the run began with 0\.02, not 0\.005; give it back",
        ),
        ("training.batch=1", r"^training\.batch: the run began with 2, not 1"),
        ("lora.r=2", r"^lora\.r: the run began with 4, not 2"),
        ('data.repeats."rows.jsonl"=2', r"^data\.repeats.*began with nothing, not"),
    ],
)
def test_a_run_is_not_resumed_by_another_recipe(half_way, tmp_path, setting, told):
    with pytest.raises(InputError, match=told):
        run(half_way(setting), resume=True)
    assert not (tmp_path / "out" / "run.json").exists()


def test_a_run_is_not_resumed_on_other_data(half_way, write_rows, counting_rows, tmp_path):
    other = write_rows(counting_rows(81), "other.jsonl")
    with pytest.raises(InputError, match=r"^data: rows\.jsonl was read when the run began, and is not now; give the"):
        run(half_way(f'data.paths=["{other}"]'), resume=True)
    write_rows(counting_rows(81))
    with pytest.raises(InputError, match=r"^data: rows\.jsonl has changed since the run began; give the same data"):
        run(half_way(), resume=True)


def test_a_run_is_not_resumed_from_another_base(half_way, stock_checkpoint, tmp_path):
    moved = tmp_path / "elsewhere" / "stock"
    shutil.copytree(stock_checkpoint, moved)
    run(half_way(f'base="{moved}"'), resume=True)  # the same weights in another place
    weights = load_file(moved / "model.safetensors")
    save_file({name: tensor + 1 for name, tensor in weights.items()}, moved / "model.safetensors", {"format": "pt"})
    with pytest.raises(InputError, match=r"^data: base/model\.safetensors has changed since the run began"):
        run(half_way(f'base="{moved}"'), resume=True)


def test_rows_that_no_file_holds_are_compared_too(half_way, monkeypatch):
    monkeypatch.setattr(conversations, "chat_messages", lambda asked: wording.chat_messages(f"{asked}!"))
    with pytest.raises(InputError, match=r"^data\.paths: the rows are not those that the run began with"):
        run(half_way(), resume=True)


def test_a_step_may_be_shared_out_over_more_passes_and_the_record_says_so(recipe, tmp_path):
    broken = tmp_path / "broken"
    _killed_after_a_step(recipe, broken)
    settings = ["training.batch=1", "training.accumulate=2", "training.checkpointing=true"]
    run(load_recipe(recipe, [f"output={broken}", *settings]), resume=True)
    (resumed,) = json.loads((broken / "run.json").read_text())["resumed"]
    assert resumed["step"] % EVERY == 0
    assert resumed["changed"] == {
        "training.batch": [2, 1],
        "training.accumulate": [1, 2],
        "training.checkpointing": [False, True],
    }

"""Training in several processes, which talk over gloo here.

`accelerate launch --cpu` starts one process however many are asked for, unless MPI does; torchrun starts two.
"""

import json
import sys
from collections import Counter

import pytest
import torch

from assistant.checkpoint import load_checkpoint
from finetune.watch import read_metrics

ON_TWO = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2")


@pytest.fixture
def recipe(stock_checkpoint, counting_rows, recipe_over):
    return recipe_over(
        [*counting_rows(80), {"instruction": "Say it."}],
        {
            "kind": "instruct",
            "base": str(stock_checkpoint),
            "data.validation": 0.1,
            "training.batch": 2,
            "training.epochs": 2,
            "training.learning_rate": 0.02,
            "training.save_steps": 5,
        },
    )


@pytest.mark.timeout(300)  # each process loads everything anew
def test_two_processes_make_one_checkpoint(recipe, footnote, tmp_path):
    done = footnote("finetune", recipe, launcher=(*ON_TWO, "-m", "app.main"))
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("left out: ") == 1
    output = tmp_path / "out"
    record = json.loads((output / "run.json").read_text())
    lines = read_metrics(output / "metrics.jsonl")
    told = Counter(
        (line["step"], name) for line in lines for name in ("loss", "eval_loss", "train_loss") if name in line
    )
    last = record["steps"]
    assert told.pop((last, "eval_loss")) == 2  # at the end, and of the best
    assert set(told.values()) == {1}
    assert {step for step, name in told if name == "loss"} == set(range(5, last + 1, 5))
    assert record["trained_tokens"] == last * 2 * 2 * 128  # two windows for each of the two
    assert record["validation_loss"]["after"] < record["validation_loss"]["before"]
    assert "[transformers]" not in done.stderr
    assert not list(output.glob(".part"))
    assert torch.isfinite(load_checkpoint(output).model.get_input_embeddings().weight).all()


def test_what_is_wrong_is_said_once(recipe, footnote):
    launcher = (*ON_TWO, "-m", "app.main")
    done = footnote("finetune", recipe, "--set", "training.speed=1", launcher=launcher)
    assert done.returncode != 0  # torchrun's own code, and its own report behind the line
    assert done.stderr.count("footnote: training.speed: unknown key") == 1


def test_what_is_wrong_with_another_process_alone_is_said_in_the_end(recipe, monkeypatch, capsys):
    from app import main

    waited = []
    monkeypatch.setattr(main.time, "sleep", waited.append)
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setattr("sys.argv", ["footnote", "finetune", str(recipe), "--set", "training.speed=1"])
    with pytest.raises(SystemExit) as stop:
        main.main()
    assert (stop.value.code, len(waited)) == (2, 1)
    assert waited[0] >= 10
    assert capsys.readouterr().err.count("training.speed: unknown key") == 1

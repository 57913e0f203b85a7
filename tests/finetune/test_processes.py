"""Training in several processes, which talk over gloo here.

`accelerate launch --cpu` starts one process however many are asked for, unless MPI does; torchrun starts two.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import torch
import yaml

from assistant.checkpoint import load_checkpoint
from finetune import recipes

SHARDED = Path(recipes.__path__[0]) / "fsdp.yaml"
ON_TWO = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2")


@pytest.fixture
def recipe(stock_checkpoint, write_rows, write_recipe, tmp_path):
    rows = [{"instruction": f"Say {n}.", "solution": f"{n}, {n} and {n}."} for n in range(80)]
    return write_recipe(
        {
            "kind": "instruct",
            "output": str(tmp_path / "out"),
            "base": str(stock_checkpoint),
            "data.paths": [str(write_rows(rows))],
            "data.validation": 0.1,
            "training.window": 128,
            "training.batch": 2,
            "training.epochs": 2,
            "training.learning_rate": 0.02,
            "training.save_steps": 5,
        }
    )


def _launched(recipe):
    command = [*ON_TWO, "-m", "app.main", "finetune", str(recipe)]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )


def test_two_processes_make_one_checkpoint(recipe, tmp_path):
    done = _launched(recipe)
    assert done.returncode == 0, done.stderr
    output = tmp_path / "out"
    record = json.loads((output / "run.json").read_text())
    lines = [json.loads(line) for line in (output / "metrics.jsonl").read_text().splitlines()]
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


def test_the_sharded_configuration_names_the_blocks_of_a_gpt2():
    config = yaml.safe_load(SHARDED.read_text(encoding="utf-8"))
    assert config["distributed_type"] == "FSDP"
    sharding = config["fsdp_config"]
    assert sharding["fsdp_auto_wrap_policy"] == "TRANSFORMER_BASED_WRAP"
    assert sharding["fsdp_transformer_layer_cls_to_wrap"] == "GPT2Block"
    assert sharding["fsdp_state_dict_type"] == "FULL_STATE_DICT"

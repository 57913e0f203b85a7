"""Loading a causal language model with its tokenizer, through one door for every kind of checkpoint.

A checkpoint of ours describes itself in `run.json`; one whose prompt format differs from the program's is refused,
because its replies would be noise. A checkpoint without `run.json` (any Hugging Face causal model) is spoken to in
ChatML all the same, its tags as ordinary text.
"""

import json
import re
import socket
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import huggingface_hub
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils.logging import disable_progress_bar

from assistant.chatml import PROMPT_FORMAT
from assistant.errors import ModelError

RUN_FILE = "run.json"
BUNDLED = "bundled"
_CHOICES = "Give a checkpoint folder, or use --model bundled."
_REPOSITORY = re.compile(r"[\w.-]+(/[\w.-]+)?")
_CONNECT_SECONDS = 3
BUNDLED_FOLDER = Path(__file__).parent / "models" / "footnote-gpt2"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A model ready to run, with its name and the number of positions that it has."""

    name: str
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    positions: int


def find_checkpoint(name: str, models: Path) -> str:
    """Where `name` is loaded from: the bundled folder, a folder, one in the home's `models`, else a hub id."""
    if name == BUNDLED:
        return str(BUNDLED_FOLDER)
    for folder in (Path(name), models / name):
        if folder.is_dir():
            return str(folder)
    return name


def load_checkpoint(source: str | Path, name: str | None = None) -> Checkpoint:
    """Load from a folder or a hub id, in float32, ready for inference."""
    folder = Path(source)
    if folder.is_dir():
        _check_run_file(folder)
    if not folder.is_dir() and not _REPOSITORY.fullmatch(str(source)):
        raise ModelError(f"{source}: no such folder, and not the form of a hub id. {_CHOICES}")
    # Asked for weights while offline, the hub's client retries for a minute; one look at the door is enough.
    only_local = folder.is_dir() or not _hub_in_reach()
    disable_progress_bar()  # a model of this size loads in a moment; the bar would stand between the answers
    try:
        tokenizer = AutoTokenizer.from_pretrained(source, trust_remote_code=False, local_files_only=only_local)
        model = AutoModelForCausalLM.from_pretrained(
            source, dtype=torch.float32, trust_remote_code=False, local_files_only=only_local
        )
    except Exception as fault:  # damaged weights, foreign shapes, a hub out of reach: each library has its own error
        raise ModelError(_what_to_do(str(source), fault)) from fault
    model.eval()
    positions = getattr(model.config, "max_position_embeddings", None) or 1024
    return Checkpoint(name or folder.name, model, tokenizer, int(positions))


def _hub_in_reach() -> bool:
    """Whether the hub can be connected to; taken for granted where a proxy stands between."""
    address = urlsplit(huggingface_hub.constants.ENDPOINT)
    if urllib.request.getproxies():
        return True
    try:
        socket.create_connection((address.hostname, address.port or 443), _CONNECT_SECONDS).close()
    except OSError:
        return False
    return True


def _check_run_file(folder: Path) -> None:
    path = folder / RUN_FILE
    if not path.is_file():
        return
    try:
        declared = json.loads(path.read_text(encoding="utf-8")).get("prompt_format")
    except (OSError, ValueError, AttributeError) as fault:
        raise ModelError(f"{path}: not a readable run record ({fault}); train or copy the checkpoint again") from fault
    if declared != PROMPT_FORMAT:
        raise ModelError(
            f"{folder}: made for prompt format {declared!r}, this program speaks {PROMPT_FORMAT!r}; "
            "finetune the checkpoint again with this program"
        )


def _what_to_do(source: str, fault: Exception) -> str:
    if Path(source).is_dir():
        return f"{source}: not a causal language model that transformers can load: {_first_line(fault)}"
    return (
        f"{source}: no such folder, no such name in the home's models, and it could not be had from a model hub. "
        f"{_CHOICES} ({_first_line(fault)})"
    )


def _first_line(fault: Exception) -> str:
    return str(fault).strip().split("\n", 1)[0]

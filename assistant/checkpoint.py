"""Loading a causal language model with its tokenizer, through one door for every kind of checkpoint.

A checkpoint of ours describes itself in `run.json`; one whose prompt format differs from the program's is refused,
because its replies would be noise. A checkpoint without `run.json` (any Hugging Face causal model) is spoken to in
ChatML all the same, its tags as ordinary text. Weights stored as int8 by `assistant.quantized` load as any others do.
"""

import json
import re
import socket
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from assistant.chatml import PROMPT_FORMAT
from assistant.engine.server import is_server, read_address
from assistant.errors import ModelError

if TYPE_CHECKING:  # who only asks where a checkpoint is need not wait for the libraries
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

RUN_FILE = "run.json"
BUNDLED = "bundled"
_CHOICES = "Give a checkpoint folder, or use --model bundled."
_REPOSITORY = re.compile(r"[\w.-]+(/[\w.-]+)?")
_NAME = re.compile(r"[^./\\][^/\\]*")
_CONNECT_SECONDS = 3
_CONFIG = "config.json"
BUNDLED_FOLDER = Path(__file__).parent / "models" / "footnote-gpt2"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A model ready to run, with its name, the number of positions that it has, and where it was loaded from."""

    name: str
    model: "PreTrainedModel"
    tokenizer: "PreTrainedTokenizerBase"
    positions: int
    source: str = ""


def find_checkpoint(name: str, models: Path) -> str:
    """Where `name` is loaded from: the bundled folder, one in the home's `models`, any folder, else a hub id.

    The home comes first, so that a setting means the same model in every working folder; `./NAME` is a folder there.
    """
    if name == BUNDLED:
        return str(BUNDLED_FOLDER)
    if _NAME.fullmatch(name) and (models / name).is_dir():
        return str(models / name)
    return name


def load_checkpoint(source: str | Path, name: str | None = None, *, advice: str = _CHOICES) -> Checkpoint:
    """Load from a folder or a hub id, in float32, ready for inference.

    ModelError where it cannot be had; `advice` says there what else to name.
    """
    if is_server(str(source)):
        address = read_address(str(source)).base_url
        raise ModelError(f"{address}: a server answers, but its weights are not here; this takes a checkpoint's files")
    folder = Path(source)
    if folder.is_dir():
        _check_run_file(folder)
    if not folder.is_dir() and not _REPOSITORY.fullmatch(str(source)):
        raise ModelError(f"{source}: no such folder, and not the form of a hub id. {advice}")
    # Asked for weights while offline, the hub's client retries for a minute; one look at the door is enough.
    only_local = folder.is_dir() or not _hub_in_reach()
    try:
        model, tokenizer = _loaded(source, only_local)
    except ModelError:
        raise
    except Exception as fault:  # damaged weights, foreign shapes, a hub out of reach: each library has its own error
        raise ModelError(_what_to_do(source, fault, advice)) from fault
    model.eval()
    positions = getattr(model.config, "max_position_embeddings", None) or 1024
    return Checkpoint(name or folder.name, model, tokenizer, int(positions), str(source))


def _loaded(source: str | Path, only_local: bool) -> "tuple[PreTrainedModel, PreTrainedTokenizerBase]":
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils.logging import disable_progress_bar

    from assistant.quantized import is_quantized, load_quantized

    disable_progress_bar()  # a model of this size loads in a moment; the bar would stand between the answers
    tokenizer = AutoTokenizer.from_pretrained(source, trust_remote_code=False, local_files_only=only_local)
    if is_quantized(Path(source)):
        return load_quantized(Path(source)), tokenizer
    model = AutoModelForCausalLM.from_pretrained(
        source, dtype=torch.float32, trust_remote_code=False, local_files_only=only_local
    )
    return model, tokenizer


def _hub_in_reach() -> bool:
    """Whether the hub can be connected to; taken for granted where a proxy stands between."""
    from huggingface_hub import constants

    address = urlsplit(constants.ENDPOINT)
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
        record = json.loads(path.read_text(encoding="utf-8"))
        declared, kind = record.get("prompt_format"), record.get("kind")
    except (OSError, ValueError, AttributeError) as fault:
        raise ModelError(f"{path}: not a readable run record ({fault}); train or copy the checkpoint again") from fault
    if declared != PROMPT_FORMAT:
        raise ModelError(
            f"{folder}: made for prompt format {declared!r}, this program speaks {PROMPT_FORMAT!r}; "
            "finetune the checkpoint again with this program"
        )
    if kind == "classify":
        raise ModelError(f"{folder}: a classifier, which names labels and cannot write; give a model that chats")


def _what_to_do(source: str | Path, fault: Exception, advice: str) -> str:
    if Path(source).is_dir():
        reason = _first_line(fault) if Path(source, _CONFIG).is_file() else f"it has no {_CONFIG}. {advice}"
        return f"{source}: not a causal language model that transformers can load: {reason}"
    return (
        f"{source}: no such folder, no such name in the home's models, and it could not be had from a model hub. "
        f"{advice} ({_first_line(fault)})"
    )


def _first_line(fault: Exception) -> str:
    """What the libraries say first; a line that only opens a list is told with the list."""
    first, _, rest = str(fault).strip().partition("\n")
    return first if not first.endswith(":") else " ".join(f"{first} {rest}".split())

"""The home's `models/`: what is in it, and adding, removing and promoting by name.

A name in the store is what `--model` and `footnote.toml` take. A model is loaded before it is added or promoted, so
that what is broken is refused at once and not when the next person asks a question.
"""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from assistant.atomic import clean_leftovers, hide, new_folder
from assistant.checkpoint import BUNDLED, BUNDLED_FOLDER, find_checkpoint, load_checkpoint
from assistant.config import SETTINGS_FILE, Config
from assistant.errors import InputError
from assistant.settings_file import get_text, set_text
from assistant.stored import Stored, describe

if TYPE_CHECKING:
    from assistant.checkpoint import Checkpoint

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_TRAINING_STATE = re.compile(r"(optimizer|scheduler|scaler|rng_state|trainer_state|training_args|metrics)\b.*")


@dataclass(frozen=True, slots=True)
class Model:
    """One model that `--model` can name."""

    name: str
    stored: Stored
    in_use: bool
    """Whether the settings in force name it."""


def list_models(config: Config) -> list[Model]:
    """The bundled model, then those of the home by name; hidden folders, such as a killed add leaves, are no models."""
    names = [BUNDLED, *_names(config)]
    return [_model(config, name) for name in names]


def add(config: Config, source: str, name: str) -> Model:
    """Copy the checkpoint `source` into the home as `name`, whole or not at all.

    `source` is a folder, another name of the store or a hub id. Of a folder its own files are copied, without its
    subfolders (saved steps, adapters) and without the state of a training run. InputError for a name that is taken or
    malformed, ModelError for a source that does not load.
    """
    target = _new_place(config, name)
    clean_leftovers(target.parent)
    found = find_checkpoint(source, target.parent)
    checkpoint = load_checkpoint(found)
    with new_folder(target) as folder:
        if Path(found).is_dir():
            _copy_files(Path(found), folder)
        else:
            _save(checkpoint, found, folder)
    return _model(config, name)


def remove(config: Config, name: str) -> Model:
    """Delete `name` from the home and say what it was; refused for the bundled model and for the one in use."""
    if name == BUNDLED:
        raise InputError("the bundled model belongs to the program and cannot be removed; name one of the home's")
    model = _model(config, _known(config, name))
    folder = _folder(config, name)
    written = get_text(config.home / SETTINGS_FILE, "model")  # the environment may name another for now
    if model.in_use or (written is not None and _leads_to(config, written, folder)):
        raise InputError(f"{name} is the model in use; `footnote models promote` another first")
    if folder.is_symlink():
        folder.unlink()
    else:
        shutil.rmtree(hide(folder), ignore_errors=True)
    return model


def promote(config: Config, name: str) -> None:
    """Write `name` into `footnote.toml` as the model that is used from now on; ModelError if it does not load.

    A running program keeps the model that it has, and `FOOTNOTE_MODEL` still goes before the file.
    """
    known = _known(config, name)
    load_checkpoint(_folder(config, known), name=known)
    set_text(config.home / SETTINGS_FILE, "model", known)


def _model(config: Config, name: str) -> Model:
    folder = _folder(config, name)
    return Model(name, describe(folder), in_use=_leads_to(config, config.model, folder))


def _folder(config: Config, name: str) -> Path:
    return BUNDLED_FOLDER if name == BUNDLED else config.home / "models" / name


def _names(config: Config) -> list[str]:
    folders = (config.home / "models").glob("*")
    return sorted(folder.name for folder in folders if folder.is_dir() and not folder.name.startswith("."))


def _known(config: Config, name: str) -> str:
    if name == BUNDLED or name in _names(config):
        return name
    raise InputError(f"{name!r} is no model of this home; see `footnote models list`, or add it with `models add`")


def _leads_to(config: Config, setting: str, folder: Path) -> bool:
    """Whether the setting `model` is loaded from `folder`."""
    return Path(find_checkpoint(setting, config.home / "models")).resolve() == folder.resolve()


def _new_place(config: Config, name: str) -> Path:
    if not _NAME.fullmatch(name):
        raise InputError(
            f"name {name!r}: write up to 100 letters, digits, '.', '_' and '-', the first a letter or a digit"
        )
    if name == BUNDLED or (config.home / "models" / name).exists():
        raise InputError(f"name {name!r} is taken; choose another, or remove it with `footnote models remove {name}`")
    return config.home / "models" / name


def _copy_files(source: Path, folder: Path) -> None:
    for file in source.iterdir():
        if file.is_file() and not file.name.startswith(".") and not _TRAINING_STATE.fullmatch(file.name):
            shutil.copyfile(file, folder / file.name)


def _save(checkpoint: "Checkpoint", source: str, folder: Path) -> None:
    """Write what was loaded from a hub, in the precision that it has there: loading made float32 of it."""
    import torch
    from transformers import AutoConfig

    declared = AutoConfig.from_pretrained(source, trust_remote_code=False, local_files_only=True).dtype
    checkpoint.model.to(declared or torch.float32).save_pretrained(folder)
    checkpoint.tokenizer.save_pretrained(folder)

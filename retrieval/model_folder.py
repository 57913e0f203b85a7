"""Where the files of a model lie: in the folder that is given, or under its name in the local Hugging Face cache.

A name is looked up in the cache, never fetched. Models are loaded from the folder that is found, not by their name: by
name, transformers asks the hub for files that a model may have, even when told to use local files only.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_CACHE = "SENTENCE_TRANSFORMERS_HOME"
"""Where sentence-transformers keeps models if it is set, in place of the cache of all programs."""


def model_folder(model: str, organization: str) -> Path | None:
    """The folder of `model`, a folder or a name in the cache, there the snapshot of `main`; None where there is none.

    A name without an owner is first looked for among the models of `organization`, as sentence-transformers does.
    """
    if os.path.isdir(model):
        return Path(model)
    names = [model] if "/" in model else [f"{organization}/{model}", model]
    return next((folder for folder in map(_snapshot, names) if folder), None)


def _snapshot(name: str) -> Path | None:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import IncompleteSnapshotError

    try:
        return Path(snapshot_download(name, cache_dir=os.environ.get(_CACHE) or None, local_files_only=True))
    except IncompleteSnapshotError as error:
        return Path(error.snapshot_path)  # Few need all files of a repository, which has the weights in many formats.
    except (OSError, ValueError):
        return None


@contextmanager
def quiet() -> Iterator[None]:
    """Without the bar that transformers draws on stderr while it loads weights."""
    from transformers.utils import logging

    drawn = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if drawn:
            logging.enable_progress_bar()

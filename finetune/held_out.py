"""The rows that a recipe keeps apart for a test, without its training: `footnote finetune RECIPE --held-out FOLDER`.

They are those of `test.jsonl` of a run by the same recipe on the same data, a file for each kind and source of row, so
that each can be given to the measurement that it is for.
"""

import random
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from assistant.atomic import new_folder
from finetune.config import TEXT_KINDS, Recipe, require
from finetune.reading import Tally, row_kind
from finetune.save import write_rows

Rows = list[dict[str, Any]]


def write_held_out(recipe: Recipe, folder: Path) -> dict[str, int]:
    """Write the rows into the new folder `folder`; gives the number of rows of each file.

    InputError where the recipe keeps none.
    """
    require(recipe.kind not in TEXT_KINDS, f"--held-out is for rows; a recipe of the kind {recipe.kind} keeps tokens")
    require(recipe.data.test > 0, "data.test is 0, so no row is kept for a test; set a share")
    with new_folder(folder) as part:
        named = _by_name(_test_rows(recipe))
        for name, rows in named.items():
            write_rows(part / name, rows)
    return {name: len(rows) for name, rows in named.items()}


def _test_rows(recipe: Recipe) -> list[tuple[str, dict[str, Any]]]:
    """Each with the source that it is counted under."""
    tally = Tally()
    if recipe.kind == "classify":
        from finetune.classify import split_labelled

        return [("", one.row) for one in split_labelled(recipe, tally).test]
    if recipe.kind == "preference":
        from finetune.preference import split_pairs

        return [("", one.row) for one in split_pairs(recipe, tally).test]
    from finetune.language import split_conversations

    parts = split_conversations(recipe, tally, random.Random(recipe.training.seed))
    return [(one.source, one.row) for one in parts.test]


def _by_name(rows: Sequence[tuple[str, dict[str, Any]]]) -> dict[str, Rows]:
    found: dict[str, Rows] = {}
    for source, row in rows:
        parts = (row_kind(row) or "row", re.sub(r"\.jsonl.*|[^\w.-]+", "-", source).strip("-."))
        found.setdefault(f"{'-'.join(filter(None, parts))}.jsonl", []).append(row)
    return dict(sorted(found.items()))

import json

import pytest

from finetune.config import Data, Recipe, Training
from finetune.instruct import instruct_data

CONTEXT = "Ada Lovelace wrote notes on the engine in {}. She was born in London. The notes were published."


@pytest.mark.parametrize("seed", range(5))
def test_a_file_may_hold_rows_of_both_kinds(tmp_path, tiny_tokenizer, seed):
    data = tmp_path / "rows.jsonl"
    # Instructions may have a context too, and it may be empty: no passage to tell apart from another.
    rows = [{"instruction": f"Say {n}.", "solution": f"{n}", **({"context": ""} if n % 2 else {})} for n in range(20)]
    question = {"question": "When did she write them?", "answerable": True}
    rows += [{"context": CONTEXT.format(n), "answers": [str(n)], **question} for n in range(1840, 1850)]
    data.write_text("\n".join(map(json.dumps, rows)))
    recipe = Recipe("instruct", "out", "base", data=Data(paths=[str(data)]), training=Training(window=1024, seed=seed))
    counts = instruct_data(recipe, tiny_tokenizer).counts
    assert counts["rows.jsonl"] == len(rows)
    assert set(counts) == {"rows.jsonl", "tokens"}

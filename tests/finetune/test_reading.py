"""Rows of all kinds from all kinds of files; the bad ones are named, counted and passed over."""

import gzip
import json
import lzma
import subprocess
import sys

import pytest

from assistant.errors import InputError
from finetune.config import Data, Recipe, Task, Training
from finetune.language import conversations
from finetune.pretrain import streams
from finetune.reading import Tally, row_kind, rows_for
from finetune.recipe import load_recipe
from finetune.train import run

INSTRUCTION = {"instruction": "Say 1.", "solution": "1"}
PREFERENCE = {"prompt": "Hi", "chosen": "Hello.", "rejected": "Go."}
TWICE = "left out: the same row again"
QUESTION = {"question": "When?", "answers": ["1844"], "answerable": True}


def _texts(rows, key="text"):
    return [row.values[key] for row in rows]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ({"text": "A."}, "text"),
        ({"text": "A.", "label": "b"}, "label"),
        (INSTRUCTION, "instruction"),
        ({**INSTRUCTION, "context": ""}, "instruction"),
        ({"messages": []}, "messages"),
        (PREFERENCE, "preference"),
        ({"context": "It was lit in 1844.", **QUESTION}, "grounded"),
        ({"sources": ["A."], "question": "What?"}, "sources"),
        ({"sources": ["A."], "question": "What?", "answer": []}, "sources"),
        ({"instruction": "Say 1."}, None),
        ({}, None),
    ],
)
def test_rows_are_told_apart_by_their_keys(values, kind):
    assert row_kind(values) == kind


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ('{"instruction": "Say', "rows.jsonl:2: not JSON"),
        ('["instruction"]', "rows.jsonl:2: a row must be a JSON object"),
        ('{"instruction": "Say 2."}', "rows.jsonl:2: no known kind of row; its keys are instruction"),
        ("{}", "rows.jsonl:2: no known kind of row; its keys are none"),
        ({**INSTRUCTION, "solution": " "}, "rows.jsonl:2: 'solution' must be a text that is not empty"),
        ({**INSTRUCTION, "instruction": 3}, "rows.jsonl:2: 'instruction' must be a text that is not empty"),
        ({**INSTRUCTION, "solution": None}, "rows.jsonl:2: 'solution' must be a text that is not empty"),
        ('{"instruction": "Say \\ud83d", "solution": "2"}', "rows.jsonl:2: holds half of a character"),
        ({"messages": "Hi"}, "rows.jsonl:2: 'messages' must be a list of objects"),
        ({"messages": ["Hi"]}, "rows.jsonl:2: 'messages' must be a list of objects"),
        ({"messages": []}, "rows.jsonl:2: 'messages' must end with a turn of the assistant"),
        ({"messages": [{"role": "user", "content": "Hi"}]}, "rows.jsonl:2: 'messages' must end with a turn of the ass"),
        ({"messages": [{"role": "bot", "content": "Hi"}]}, "rows.jsonl:2: a turn needs a role (system, user, assist"),
        ({"messages": [{"role": "assistant", "content": " "}]}, "rows.jsonl:2: a turn needs a role (system, user, as"),
        ({"context": "In 1844.", **QUESTION, "answerable": "yes"}, "rows.jsonl:2: 'answerable' must be true or false"),
        ({"context": "In 1844.", **QUESTION, "answers": "1844"}, "rows.jsonl:2: 'answers' must be a list of texts"),
        ({"context": None, **QUESTION}, "rows.jsonl:2: 'context' must be a text that is not empty"),
        ({"sources": "A.", "question": "What?"}, "rows.jsonl:2: 'sources' must be a list of texts"),
        ({"sources": ["A."], "question": "?", "answer": None}, "rows.jsonl:2: 'answer' must be a list of objects"),
        ({"sources": ["A."], "question": "?", "answer": ["A."]}, "rows.jsonl:2: 'answer' must be a list of objects"),
        ({"sources": ["A."], "question": "?", "answer": [{"text": 1, "source": 1}]}, "rows.jsonl:2: 'answer' needs te"),
        ({"sources": ["A."], "question": "?", "answer": [{"text": "A.", "source": "x"}]}, "rows.jsonl:2: 'answer' nee"),
        ({"sources": ["A."], "question": "?", "answer": [{"text": "A.", "source": 2}]}, "rows.jsonl:2: 'answer' names"),
        ({"sources": ["A."], "question": "?", "answer": [{"text": "A.", "source": 0}]}, "rows.jsonl:2: 'answer' names"),
        ({"sources": ["A."], "question": "?", "history": None}, "rows.jsonl:2: 'history' must be a list of objects"),
        ({"sources": ["A."], "question": "?", "history": ["Hi"]}, "rows.jsonl:2: 'history' must be a list of objects"),
    ],
)
def test_a_bad_row_is_named_counted_and_passed_over(write_rows, tiny_tokenizer, capsys, bad, reason):
    good = [{"instruction": f"Say {n}.", "solution": f"{n}"} for n in range(10)]
    path = write_rows([good[0], bad, *good[1:]])
    prepared = conversations(_instruct(path), tiny_tokenizer)
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert said[0].startswith(f"left out: {path.parent}/{reason}")
    assert prepared.counts["bad rows"] == 1
    assert prepared.counts["rows of rows.jsonl"] + prepared.counts["validation rows"] == len(good)


def _instruct(*paths, **data):
    return Recipe(
        "instruct",
        "out",
        "base",
        data=Data(paths=[str(path) for path in paths], validation=0.2, **data),
        training=Training(window=256),
    )


@pytest.mark.parametrize(
    ("kind", "row", "found", "takes"),
    [
        ("instruct", PREFERENCE, "preference", "messages, instruction, grounded, sources"),
        ("instruct", {"text": "A."}, "text", "messages, instruction, grounded, sources"),
        ("preference", INSTRUCTION, "instruction", "preference"),
        ("classify", {"text": "A."}, "text", "label"),
        ("domain", INSTRUCTION, "instruction", "text, label"),
        ("pretrain", {"messages": []}, "messages", "text, label"),
    ],
)
def test_a_row_of_another_kind_refuses_the_run_in_one_line(write_rows, kind, row, found, takes):
    path = write_rows([row])
    with pytest.raises(InputError) as refused:
        list(rows_for(kind, [str(path)], Tally()))
    assert (
        str(refused.value)
        == f"data.paths: {path}:1: a row of the kind {found}; recipes of the kind {kind} take {takes}"
    )


def test_a_labelled_text_is_a_text(write_rows):
    path = write_rows([{"text": "A.", "label": "b"}])
    assert _texts(rows_for("pretrain", [str(path)], Tally())) == ["A."]


def test_any_row_is_one_for_a_task(write_rows):
    path = write_rows([{"sum": "1 + 1", "result": 2}])
    assert len(list(rows_for("task", [str(path)], Tally()))) == 1


def test_without_a_good_row_the_first_reason_is_told(write_rows, tiny_tokenizer, capsys):
    path = write_rows(["{", {"instruction": "Say 1.", "solution": ""}])
    with pytest.raises(InputError) as refused:
        conversations(_instruct(path), tiny_tokenizer)
    assert str(refused.value).startswith(f"data.paths: no row of {path} can be used: {path}:1: not JSON")
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_without_a_good_text_the_first_reason_is_told(write_rows, tiny_tokenizer, capsys):
    path = write_rows([{"text": ""}, {"text": 1}])
    recipe = Recipe("domain", "out", "base", data=Data(paths=[str(path)]))
    with pytest.raises(InputError) as refused:
        streams(recipe, tiny_tokenizer)
    assert str(refused.value) == (
        f"data.paths: no row of {path} can be used: {path}:1: 'text' must be a text that is not empty"
    )


def test_more_than_twenty_bad_rows_are_counted_not_named(write_rows):
    path = write_rows([*["{"] * 25, {"text": "A."}])
    said = []
    tally = Tally(said.append)
    assert _texts(rows_for("pretrain", [str(path)], tally)) == ["A."]
    assert tally.counts["bad rows"] == 25
    assert [line.startswith(f"left out: {path}:{n}: not JSON") for n, line in enumerate(said[:20], 1)] == [True] * 20
    assert said[20:] == ["further bad rows are counted, not named"]


def test_a_row_that_comes_again_is_taken_once(write_rows):
    one = write_rows([{"text": "A."}, {"text": "B.", "from": 1}, {"from": 1, "text": "B."}], "one.jsonl")
    other = write_rows([{"text": "A."}, {"text": "a."}], "other.jsonl")
    tally = Tally()
    assert _texts(rows_for("pretrain", [str(one), str(other), str(one)], tally)) == ["A.", "B.", "a."]
    assert tally.counts[TWICE] == 5


def test_a_bad_row_that_comes_again_is_bad_again(write_rows):
    tally = Tally(lambda _: None)
    assert list(rows_for("pretrain", [str(write_rows(['{"a": 1}'] * 3))], tally)) == []
    assert tally.counts == {"bad rows": 3}


def test_files_are_plain_or_compressed_alone_or_in_folders(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    for number, (ending, opened) in enumerate({"": open, ".gz": gzip.open, ".xz": lzma.open}.items()):
        with opened(folder / f"{number}.jsonl{ending}", "wt", encoding="utf-8") as lines:
            lines.write(f'{{"text": "é {number}"}}\n\n')
    (folder / "notes.md").write_text("no row")
    expected = ["é 0", "é 1", "é 2"]
    assert _texts(rows_for("pretrain", [str(folder)], Tally())) == expected
    alone = [str(path) for path in sorted(folder.glob("*.jsonl*"))]
    assert _texts(rows_for("pretrain", alone, Tally())) == expected


@pytest.mark.parametrize(
    ("name", "content"), [("a.jsonl.gz", b"no gzip"), ("a.jsonl.xz", b"no xz"), ("a.jsonl", b"\xff")]
)
def test_a_damaged_file_is_named(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=f"{name}: cannot be read as JSON lines"):
        list(rows_for("pretrain", [str(tmp_path / name)], Tally()))


def test_rows_come_from_the_standard_input():
    code = """
from finetune.reading import Tally, rows_for
tally = Tally()
print([row.values["text"] for row in rows_for("pretrain", ["-"], tally)], dict(tally.counts))
"""
    lines = "".join(f"{json.dumps(row)}\n" for row in ({"text": "é"}, {}, {"text": "é"}, {"text": "B."}))
    done = subprocess.run([sys.executable, "-c", code], input=lines.encode(), capture_output=True, check=True)
    assert done.stdout.decode().strip() == f"['é', 'B.'] {{'bad rows': 1, {TWICE!r}: 1}}"
    assert done.stderr.decode().splitlines() == ["left out: standard input:2: no known kind of row; its keys are none"]


def test_pretraining_from_the_standard_input_is_refused_as_it_would_have_to_be_read_twice(write_recipe, tmp_path):
    recipe = write_recipe({"kind": "pretrain", "output": str(tmp_path / "out"), "data.paths": ["-"]})
    with pytest.raises(InputError, match=r"data\.paths: pretraining reads its texts twice, .* name a file"):
        run(load_recipe(recipe))


@pytest.mark.parametrize("seed", range(5))
def test_a_file_may_hold_rows_of_several_kinds(write_rows, tiny_tokenizer, seed):
    # Instructions may have a context too, and it may be empty: no passage to tell apart from another.
    rows = [{"instruction": f"Say {n}.", "solution": f"{n}", "context": "" if n % 2 else None} for n in range(20)]
    rows += [{"context": f"It was lit in {n}. It stands.", **QUESTION, "answers": [str(n)]} for n in range(1840, 1850)]
    path = write_rows(rows)
    recipe = Recipe("instruct", "out", "base", data=Data(paths=[str(path)]), training=Training(window=256, seed=seed))
    prepared = conversations(recipe, tiny_tokenizer)
    assert prepared.counts["rows of rows.jsonl"] + prepared.counts["validation rows"] == len(rows)
    assert "bad rows" not in prepared.counts
    for windows in (prepared.train, prepared.validation):
        text = "".join(tiny_tokenizer.decode(windows[index]["input_ids"]) for index in range(len(windows)))
        assert all(f"[{number}] \n" not in text and f"[{number}] None" not in text for number in (1, 2, 3))


@pytest.mark.parametrize(
    ("template", "row", "reason"),
    [
        ("Add: {sum}", {"sum": None, "result": "2"}, "needs a text or a number in the field 'sum'"),
        ("Add: {sum}", {"sum": ["1"], "result": "2"}, "needs a text or a number in the field 'sum'"),
        ("{sum}", {"sum": " ", "result": "2"}, "gives an empty text"),
        ("Add: {sum.x}", {"sum": "1", "result": "2"}, "cannot be filled"),
        ("Add: {sum[x]}", {"sum": "1", "result": "2"}, "cannot be filled"),
    ],
)
def test_a_row_that_a_tasks_template_does_not_fit_is_named(write_rows, tiny_tokenizer, capsys, template, row, reason):
    path = write_rows([row])
    recipe = Recipe("task", "out", "base", data=Data(paths=[str(path)]), task=Task(template, "{result}"))
    with pytest.raises(InputError) as refused:
        conversations(recipe, tiny_tokenizer)
    assert f"{path}:1: the task's template {template!r} {reason}" in str(refused.value)
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_numbers_and_empty_fields_beside_others_fill_a_template(write_rows, tiny_tokenizer, capsys):
    rows = [{"instruction": f"Count {n}.", "input": "", "output": n} for n in range(10)]
    recipe = Recipe(
        "task",
        "out",
        "base",
        data=Data(paths=[str(write_rows(rows))], validation=0.2),
        task=Task("{instruction}\n{input}", "{output}"),
        training=Training(window=256),
    )
    assert conversations(recipe, tiny_tokenizer).counts["rows of rows.jsonl"] == 8
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("opened", [open, gzip.open, lzma.open])
def test_a_plain_text_is_one_document(tmp_path, opened):
    name = f"book.txt{ {gzip.open: '.gz', lzma.open: '.xz'}.get(opened, '') }".replace(" ", "")
    with opened(tmp_path / name, "wt", encoding="utf-8") as book:
        book.write('\n{"One": it\n\nis a bóok.\n')
    for path in (tmp_path / name, tmp_path):
        assert _texts(rows_for("domain", [str(path)], Tally())) == ['{"One": it\n\nis a bóok.\n']
    with pytest.raises(
        InputError, match=rf"^data\.paths: .*{name} is plain text, which only recipes .*pretrain and domain"
    ):
        list(rows_for("instruct", [str(tmp_path / name)], Tally()))
    with pytest.raises(InputError, match=r"^data\.paths: no \.jsonl, "):  # as a folder without rows
        list(rows_for("instruct", [str(tmp_path)], Tally()))


def test_a_plain_text_that_cannot_be_used_is_named(tmp_path):
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9")
    with pytest.raises(InputError, match=r"latin\.txt: cannot be read as text in UTF-8"):
        list(rows_for("domain", [str(tmp_path / "latin.txt")], Tally()))
    (tmp_path / "empty.txt").write_text(" \n")
    recipe = Recipe("domain", "out", "base", data=Data(paths=[str(tmp_path / "empty.txt")]))
    with pytest.raises(InputError, match=r"empty\.txt:1: 'text' must be a text that is not empty"):
        streams(recipe, None)


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ('\ufeff{"text": "A."}\n{"text": "B."}\n', ["A.", "B."]),
        ("\n\nOnce there was.\n{no row}\n", ["Once there was.\n{no row}\n"]),
        ("", []),
    ],
)
def test_the_standard_input_is_rows_or_one_text(given, found):
    code = """
from finetune.reading import Tally, rows_for
print([row.values["text"] for row in rows_for("domain", ["-"], Tally()) if row.values["text"]])
"""
    done = subprocess.run([sys.executable, "-c", code], input=given.encode(), capture_output=True, check=True)
    assert done.stdout.decode().strip() == repr(found)


def test_long_solutions_are_left_out_and_counted(write_rows, tiny_tokenizer):
    rows = [{"instruction": f"Say {n}.", "solution": "word " * n} for n in range(1, 11)]
    data = Data(paths=[str(write_rows(rows))], validation=0.2, longest_solution=7)
    recipe = Recipe("instruct", "out", "base", data=data, training=Training(window=128))
    prepared = conversations(recipe, tiny_tokenizer)
    assert prepared.counts["left out: solution longer than data.longest_solution"] == 3
    kept = [*prepared.parts.train, *prepared.parts.validation]
    assert sorted(len(one.messages[-1].content.split()) for one in kept) == list(range(1, 8))

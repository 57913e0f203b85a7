"""The scores of a form as `eval.likert` measures them, and as the CSV that `footnote eval likert` reads."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from assistant.atomic import write_file
from assistant.errors import InputError
from eval.bootstrap import Codes
from eval.csv_rows import read_table
from eval.forms import Form, add_scores
from eval.likert_file import COLUMNS, KIND, Scores, read_scores
from retrieval.database import Database


def scores_of(db: Database, form: Form) -> Scores | None:
    """All scores of a form, people's and models', in the order of texts, raters and aspects; None where there are none.

    The result is a function of the rows alone, whatever the order in which they were stored.
    """
    rows = _rows(db, form)
    if not rows:
        return None
    aspects = [aspect.name for aspect in form.rubric.aspects]
    *columns, score, kind = zip(*rows, strict=True)
    known = [tuple(dict.fromkeys(column)) for column in columns[:-1]] + [tuple(aspects)]
    item, rater, system, aspect = (
        _codes(column, {name: place for place, name in enumerate(names)})
        for column, names in zip(columns, known, strict=True)
    )
    kinds = dict(zip(columns[1], kind, strict=True))
    names = dict(zip(COLUMNS, known, strict=False))
    values = np.array(score, dtype=np.int64)
    return Scores(item, rater, system, aspect, values, names, tuple(kinds[name] for name in names["rater"]))


def scores_csv(db: Database, form: Form) -> str:
    """The scores as CSV: item,rater,system,aspect,score,kind."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([*COLUMNS, KIND])
    writer.writerows(_rows(db, form))
    return file.getvalue()


def export_scores(db: Database, form: Form, path: Path) -> int:
    """Write the scores to a CSV file, in place of one that is there; how many rows."""
    write_file(path, scores_csv(db, form))
    return len(_rows(db, form))


def import_scores(db: Database, form: Form, path: Path) -> int:
    """Add the scores of a CSV file (see `eval.likert_file`) to a form, all or, where one cannot be, none; how many.

    Raises InputError, which names the row, where an item with its system is not in the form, an aspect is missing, or
    the rater has scored the text already.
    """
    scores = read_scores(path, [aspect.name for aspect in form.rubric.aspects])
    numbers = _numbers(db, form)
    names = scores.names
    given: dict[tuple[str, str, int], dict[str, int]] = {}
    for row in range(len(scores.score)):
        rater = int(scores.rater[row])
        text = (names["item"][scores.item[row]], names["system"][scores.system[row]])
        if text not in numbers:
            place = _place(path, {"item": text[0], "system": text[1]})
            raise InputError(f"{place}: item {text[0]!r} by system {text[1]!r} is not in the form {form.name!r}")
        key = (names["rater"][rater], scores.kinds[rater], numbers[text])
        given.setdefault(key, {})[names["aspect"][scores.aspect[row]]] = int(scores.score[row])
    texts = {number: text for text, number in numbers.items()}
    with db.transaction():
        for (name, kind, number), by_aspect in given.items():
            try:
                add_scores(db, form, number, name, by_aspect, kind="model" if kind == "model" else "person")
            except InputError as fault:
                place = _place(path, {"item": texts[number][0], "system": texts[number][1], "rater": name})
                raise InputError(f"{place}: {fault}") from fault
    return len(scores.score)


def _rows(db: Database, form: Form) -> list[tuple[str, str, str, str, int, str]]:
    """Item, rater, system, aspect, score and kind of every score."""
    place = {aspect.name: place for place, aspect in enumerate(form.rubric.aspects)}
    rows = db.all(
        "SELECT items.number, items.name, scores.rater, items.system, scores.aspect, scores.score, raters.kind "
        "FROM scores JOIN items ON items.session_id = scores.session_id AND items.number = scores.item "
        "JOIN raters ON raters.name = scores.rater WHERE scores.session_id = ?",
        form.id,
    )
    rows.sort(key=lambda row: (row[0], row[2], place[row[4]]))
    return [row[1:] for row in rows]


def _numbers(db: Database, form: Form) -> dict[tuple[str, str], int]:
    rows = db.all("SELECT name, system, number FROM items WHERE session_id = ?", form.id)
    return {(name, system): number for name, system, number in rows}


def _codes(column: Sequence[str], places: dict[str, int]) -> Codes:
    return np.array([places[name] for name in column], dtype=np.int64)


def _place(path: Path, cells: Mapping[str, str]) -> str:
    """File and line of the first row that holds `cells`: only looked for where an error is to name it."""
    table = read_table(path, ",".join(COLUMNS))
    columns = table.find(list(cells))
    wanted = list(cells.values())
    line = next((line for line, row in table.rows if [row[column] for column in columns] == wanted), 1)
    return f"{path}:{line}"

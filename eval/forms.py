"""Forms: texts of several systems that raters score by a rubric, in an order of their own, one after another.

A form is a session of `footnote.db`. It keeps the whole rubric, so that a later edit of the TOML file changes no form
that was begun. Raters never see which system made a text. What they scored is there or not, all aspects of a text at
once, and a text is scored once by a rater, whatever number of browsers they have open.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from assistant.errors import InputError
from assistant.records import now
from eval.form_items import FormText, checked
from eval.form_order import order_of
from eval.likert_file import SCALE
from eval.rubric import Rubric, rubric_of
from eval.sessions import RaterKind, add_rater, add_session, rater_name, session_row
from retrieval.database import Database

_LONGEST_SECONDS = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Form:
    """A session of a rubric; `texts` is how many there are to score."""

    id: int
    name: str
    seed: int
    rubric: Rubric
    texts: int


@dataclass(frozen=True, slots=True)
class FormItem:
    """A text as a rater meets it, so without its system.

    `number` names it in the form; `place` (from 1) is where it stands in the rater's order, of `of`, of which the rater
    has scored `done`. `scores` are what they gave it, by aspect: empty where they have not yet.
    """

    number: int
    place: int
    of: int
    done: int
    text: str
    source: str
    scores: dict[str, int]


def create_form(db: Database, name: str, rubric: Rubric, texts: Sequence[FormText], *, seed: int = 1) -> Form:
    """Make a form of `texts`, as they are checked by `eval.form_items`. Raises InputError, also where it is there."""
    texts = checked(((f"text {number}", text) for number, text in enumerate(texts, start=1)), rubric)
    if not texts:
        raise InputError(f"the form {name!r} has no text; give at least one")
    with db.transaction():
        session = add_session(db, name, "form", seed, {"rubric": rubric.as_values()})
        db.many(
            "INSERT INTO items (session_id, number, name, system, text, source) VALUES (?, ?, ?, ?, ?, ?)",
            [(session, n, text.item, text.system, text.text, text.source) for n, text in enumerate(texts)],
        )
    return find_form(db, name.strip())


def find_form(db: Database, name: str) -> Form:
    """The form of this name. Raises InputError where there is none."""
    session, seed, settings = session_row(db, name, "form")
    [(texts,)] = db.all("SELECT count(*) FROM items WHERE session_id = ?", session)
    return Form(session, name, seed, rubric_of(settings.get("rubric", {})), texts)


def form_names(db: Database) -> list[str]:
    """The names of all forms, the newest first."""
    return [name for (name,) in db.all("SELECT name FROM sessions WHERE kind = 'form' ORDER BY id DESC")]


def next_item(db: Database, form: Form, rater: str) -> FormItem | None:
    """The first text in the rater's order that they have not scored; None where they have scored all."""
    order, scored = _order(db, form, rater), _scored(db, form, rater)
    for place, number in enumerate(order, start=1):
        if number not in scored:
            return _item(db, form, rater, number, place, len(scored))
    return None


def item_at(db: Database, form: Form, rater: str, place: int) -> FormItem:
    """The text at `place` (from 1) of the rater's order, with the scores that they gave it. Raises InputError."""
    order = _order(db, form, rater)
    if not 1 <= place <= len(order):
        raise InputError(f"the form {form.name!r} has the texts 1 to {len(order)}, not {place}")
    return _item(db, form, rater, order[place - 1], place, len(_scored(db, form, rater)))


def place_of(db: Database, form: Form, rater: str, number: int) -> int:
    """Where a text stands in the rater's order, from 1. Raises InputError where it is not of the form."""
    order = _order(db, form, rater)
    if number not in order:
        raise _no_text(form, number)
    return order.index(number) + 1


def store_scores(
    db: Database,
    form: Form,
    number: int,
    rater: str,
    scores: Mapping[str, int],
    *,
    kind: RaterKind = "person",
    seconds: float | None = None,
    replace: bool = False,
) -> None:
    """Keep what `rater` gave text `number`, a score for every aspect of the rubric.

    `seconds` is how long they took; those of a correction are added to those before. Raises InputError for scores that
    are not all of the rubric's, whole and from −2 to 2, and where the text was scored already and not to `replace`.
    """
    with db.transaction():
        add_scores(db, form, number, rater, scores, kind=kind, seconds=seconds, replace=replace)


def add_scores(
    db: Database,
    form: Form,
    number: int,
    rater: str,
    scores: Mapping[str, int],
    *,
    kind: RaterKind = "person",
    seconds: float | None = None,
    replace: bool = False,
) -> None:
    """As `store_scores`, inside a transaction of the caller."""
    check_scores(form.rubric, scores)
    if not db.all("SELECT 1 FROM items WHERE session_id = ? AND number = ?", form.id, number):
        raise _no_text(form, number)
    rater = add_rater(db, rater, kind)
    taken = _seconds(seconds)
    where = "session_id = ? AND item = ? AND rater = ?"
    before = db.all(f"SELECT seconds FROM scores WHERE {where}", form.id, number, rater)  # noqa: S608
    if before and not replace:
        raise InputError(f"{rater} has scored this text of {form.name!r} already; nothing was counted twice")
    if before and before[0][0] is not None:
        taken = before[0][0] + (taken or 0)
    db.all(f"DELETE FROM scores WHERE {where}", form.id, number, rater)  # noqa: S608
    db.many(
        "INSERT INTO scores (session_id, item, rater, aspect, score, seconds, scored_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
        [(form.id, number, rater, aspect, score, taken, now()) for aspect, score in scores.items()],
    )


def check_scores(rubric: Rubric, scores: Mapping[str, int]) -> None:
    """Raises InputError unless `scores` has a whole score from −2 to 2 for every aspect, and no others."""
    aspects = [aspect.name for aspect in rubric.aspects]
    for name in scores:
        if name not in aspects:
            raise InputError(f"{name!r} is no aspect of {rubric.name!r}; it has {', '.join(aspects)}")
    for name in aspects:
        if name not in scores:
            raise InputError(f"{name!r} has no score; a text is scored on every aspect: {', '.join(aspects)}")
        if type(scores[name]) is not int or scores[name] not in SCALE:
            raise InputError(f"the score of {name!r} must be -2, -1, 0, 1 or 2, not {scores[name]!r}")


def _order(db: Database, form: Form, rater: str) -> list[int]:
    rows = db.all("SELECT name FROM items WHERE session_id = ? ORDER BY number", form.id)
    return order_of([name for (name,) in rows], form.seed, rater_name(rater))


def _scored(db: Database, form: Form, rater: str) -> set[int]:
    rows = db.all("SELECT DISTINCT item FROM scores WHERE session_id = ? AND rater = ?", form.id, rater_name(rater))
    return {item for (item,) in rows}


def _item(db: Database, form: Form, rater: str, number: int, place: int, done: int) -> FormItem:
    rows = db.all("SELECT text, source FROM items WHERE session_id = ? AND number = ?", form.id, number)
    if not rows:
        raise _no_text(form, number)
    [(text, source)] = rows
    given = db.all(
        "SELECT aspect, score FROM scores WHERE session_id = ? AND item = ? AND rater = ?",
        *(form.id, number, rater_name(rater)),
    )
    return FormItem(number, place, form.texts, done, text, source, dict(given))


def _no_text(form: Form, number: int) -> InputError:
    return InputError(f"the form {form.name!r} has no text {number} any more; it may have been removed meanwhile")


def _seconds(value: float | None) -> float | None:
    """A time that can be true, or None: it comes from the rater's browser."""
    return value if value is not None and math.isfinite(value) and 0 <= value <= _LONGEST_SECONDS else None

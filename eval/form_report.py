"""What a form has found: how far each rater is, and the figures of `eval.likert`; people and models apart.

To the signs of `eval.raters` comes `quick`, from the time that people took for each text. Adults read some 240 words,
or 1,400 characters, of English a minute (Brysbaert 2019, Journal of Memory and Language 109): who is done in less time
than four times that pace needs for the text alone, without the source, has not read it. Scripts with more meaning in a
character are read slower by it, so the rule errs on the rater's side.
"""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from eval.bootstrap import CONFIDENCE, RESAMPLES
from eval.form_scores import scores_of
from eval.forms import Form, find_form
from eval.judge_form_agreement import form_agreement
from eval.likert import measure_likert
from eval.raters import MOST_REPORTED, RULES, Sign
from retrieval.database import Database

_A_SECOND = 100
_AN_ASPECT = 0.5
_ENOUGH_TEXTS = 10
_SHARE = 0.5
QUICK = (
    f"of at least {_ENOUGH_TEXTS} texts with a time, {_SHARE:.0%} or more were scored in less than a second for each "
    f"{_A_SECOND} characters of the text and {_AN_ASPECT:g} s for each aspect"
)


def form_report(db: Database, name: str, seed: int = 1) -> dict[str, Any]:
    """All figures of a form: `people` and `models` as of `measure_likert`, and `raters` with how many texts each has
    scored, and `judges` with how far each agrees with people. Raises InputError where there is no such form."""
    form = find_form(db, name)
    return {
        "form": form.name,
        "rubric": form.rubric.as_values(),
        "texts": form.texts,
        "systems": [name for (name,) in _systems(db, form)],
        "raters": _progress(db, form),
        **_figures(db, form, seed),
        **form_agreement(db, name, seed),
    }


def _figures(db: Database, form: Form, seed: int) -> dict[str, Any]:
    scores = scores_of(db, form)
    rules = {**RULES, "quick": QUICK}
    if scores is None:
        none = {"people": None, "models": None}
        return {**none, "rules": rules, "seed": seed, "confidence": CONFIDENCE, "resamples": RESAMPLES}
    found = measure_likert(scores, seed)
    if people := found["people"]:
        quick = [asdict(sign) for sign in _quick(db, form)]
        people["signs"] = [*people["signs"], *quick][:MOST_REPORTED]
        people["signs_in_all"] += len(quick)
    return {**found, "rules": rules}


def _systems(db: Database, form: Form) -> list[tuple[str]]:
    return db.all("SELECT system FROM items WHERE session_id = ? GROUP BY system ORDER BY min(number)", form.id)


def _progress(db: Database, form: Form) -> list[dict[str, Any]]:
    rows = db.all(
        "SELECT raters.name, raters.kind, count(DISTINCT scores.item) FROM scores "
        "JOIN raters ON raters.name = scores.rater WHERE scores.session_id = ? GROUP BY raters.name ORDER BY 1",
        form.id,
    )
    return [{"name": name, "kind": kind, "scored": scored, "of": form.texts} for name, kind, scored in rows]


def _quick(db: Database, form: Form) -> Iterator[Sign]:
    """The people who were done with most texts sooner than these can be read."""
    rows = db.all(
        "SELECT rater, count(*), avg(seconds < ? * aspects + size / ?) FROM "
        "(SELECT scores.rater, max(scores.seconds) AS seconds, count(*) AS aspects, length(items.text) AS size "
        "FROM scores JOIN raters ON raters.name = scores.rater AND raters.kind = 'person' "
        "JOIN items ON items.session_id = scores.session_id AND items.number = scores.item "
        "WHERE scores.session_id = ? AND scores.seconds IS NOT NULL GROUP BY scores.rater, scores.item) "
        "GROUP BY rater ORDER BY rater",
        *(_AN_ASPECT, float(_A_SECOND), form.id),
    )
    for rater, texts, share in rows:
        if texts >= _ENOUGH_TEXTS and share >= _SHARE:
            yield Sign(rater, "quick", share, texts)

"""The handlers of forms: a rater's next text, their scores into the records, a new form, and what a form has found.

What the browser sends names its form, text and rater, and none of it is trusted. Handlers keep nothing themselves.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import gradio as gr

from app.faults import explained
from app.form_html import LEAVE, item_html, made_html, thanks_html, welcome_html
from app.form_report_html import report_html
from app.listing import notice_html
from app.uploads import named
from assistant.errors import InputError
from eval.form_items import MOST_TEXTS, read_texts
from eval.form_report import form_report
from eval.form_scores import scores_csv
from eval.forms import Form, create_form, find_form, form_names, item_at, next_item, store_scores
from eval.rubric import Rubric, find_rubric, load_rubric, shipped_rubrics
from eval.sessions import add_rater, rater_name
from retrieval.database import Database

Asked = Mapping[str, Any]
"""What the page sends of a text: form, id, rater, item, place, scores, seconds, again."""
Made = TypeVar("Made")
_FAILED = "a form could not be served"
_SHOW, _HIDE = {"visible": True}, {"visible": False}


class Rating:
    """The handlers over the records of a home."""

    def __init__(self, records: Database):
        self._records = records

    def restore(self, kept: object) -> tuple[Any, Any, Any, Any]:
        """The forms of now, and where the browser's rater stopped: choice, name, stage, and whether to set up."""
        names = form_names(self._records)
        known = kept if isinstance(kept, dict) else {}
        name, rater = known.get("form"), str(known.get("rater", ""))
        if name not in names:
            return self._choice(names[0] if names else None), rater, welcome_html(len(names)), gr.update(**_SHOW)
        if not known.get("open"):
            return self._choice(name), rater, welcome_html(len(names)), gr.update(**_SHOW)
        stage, refusal = explained(lambda: self._next(find_form(self._records, name), rater), _FAILED)
        return self._choice(name), rater, stage or refusal, gr.update(**(_HIDE if stage else _SHOW))

    def look(self, chosen: str | None) -> Any:
        """The forms of now, as the choice of one."""
        names = form_names(self._records)
        return self._choice(chosen if chosen in names else (names[0] if names else None))

    def start(self, name: str | None, rater: str) -> tuple[Any, Any, Any, str]:
        """The rater's next text: what the browser keeps, stage, whether to set up, and what was wrong."""
        rater = _rater(rater)

        def begun() -> str:
            if not name:
                raise InputError("There is no form chosen; choose one, or make one with New form.")
            if not rater:
                raise InputError("Say your name first: your scores are kept under it.")
            form = find_form(self._records, name)
            with self._records.transaction():
                return self._next(form, add_rater(self._records, rater, "person"))

        stage, refusal = explained(begun, _FAILED)
        if stage is None:
            return gr.skip(), gr.skip(), gr.skip(), refusal
        return {"form": name, "rater": rater, "open": True}, stage, gr.update(**_HIDE), ""

    def leave(self, name: str | None, rater: str) -> tuple[Any, Any, Any]:
        """Stop rating for now: what the browser keeps, stage, and the way back to the start."""
        kept = {"form": name, "rater": _rater(rater), "open": False}
        return kept, welcome_html(len(form_names(self._records))), gr.update(**_SHOW)

    def score(self, event: gr.EventData) -> Any:
        """Keep the scores of the text that is shown, and show the next; where they cannot be kept, they stay ticked."""
        asked: Asked = event._data or {}
        shown, refusal = explained(lambda: self._kept(asked), _FAILED)
        return shown or self._again(asked, refusal)

    def back(self, event: gr.EventData) -> Any:
        """The text before, with its scores."""
        asked: Asked = event._data or {}

        def before() -> str:
            form, rater = self._form(asked), _rater(asked.get("rater"))
            item = item_at(self._records, form, rater, max(1, min(_number(asked, "place") - 1, form.texts)))
            return item_html(form, item, rater, item.scores)

        shown, refusal = explained(before, _FAILED)
        return shown or self._again(asked, refusal)

    def create(
        self, name: str, rubric: str, texts: dict[str, Any] | None, own: dict[str, Any] | None
    ) -> tuple[Any, Any, Any, Any, str]:
        """A new form of an uploaded file: the choice of it, the emptied fields, and what became of it."""

        def made() -> Form:
            if texts is None:
                raise InputError("Add a file of texts first: JSON lines of item, system, text and source.")
            [(path, called)] = named([texts])
            chosen = find_rubric(rubric if rubric in shipped_rubrics() else "") if own is None else _own(own)
            read = _called(path, called, lambda: read_texts(path, chosen))
            return create_form(self._records, name or Path(called).stem, chosen, read)

        form, refusal = explained(made, _FAILED)
        if form is None:
            return gr.skip(), gr.skip(), gr.skip(), gr.skip(), refusal
        return self._choice(form.name), "", None, None, made_html(form)

    def results(self, name: str | None) -> str:
        """What a form has found, with its scores to be downloaded."""

        def found() -> str:
            if not name:
                raise InputError("There is no form chosen; choose one above.")
            report = form_report(self._records, name)
            return report_html(report, scores_csv(self._records, find_form(self._records, name)))

        html, refusal = explained(found, _FAILED)
        return html or refusal

    def _choice(self, name: str | None) -> Any:
        return gr.update(choices=form_names(self._records), value=name)

    def _kept(self, asked: Asked) -> str:
        form, rater = self._form(asked), _rater(asked.get("rater"))
        again = asked.get("again") is True
        try:
            store_scores(
                self._records,
                form,
                _number(asked, "item"),
                rater,
                _scores(asked),
                seconds=_seconds(asked.get("seconds")),
                replace=again,
            )
        except InputError as fault:
            if not again and item_at(self._records, form, rater, _number(asked, "place")).scores:
                return self._next(form, rater, notice_html(str(fault), warning=True))
            raise
        return self._next(form, rater)

    def _next(self, form: Form, rater: str, said: str = "") -> str:
        item = next_item(self._records, form, rater)
        return thanks_html(form, rater, said) if item is None else item_html(form, item, rater, {}, said)

    def _again(self, asked: Asked, refusal: str) -> str:
        """The text that was shown, as it was ticked, and why it went no further."""

        def shown() -> str:
            form, rater = self._form(asked), _rater(asked.get("rater"))
            item = item_at(self._records, form, rater, _number(asked, "place"))
            return item_html(form, item, rater, _scores(asked), refusal)

        html, _ = explained(shown, _FAILED)
        return html or refusal + LEAVE

    def _form(self, asked: Asked) -> Form:
        form = find_form(self._records, str(asked.get("form", "")))
        if form.id != asked.get("id"):
            raise InputError(f"The form {form.name} was removed and made anew meanwhile; reload the page.")
        return form


def _rater(value: object) -> str:
    return rater_name(value) if isinstance(value, str) else ""


def _scores(asked: Asked) -> dict[str, int]:
    given = asked.get("scores")
    if not isinstance(given, dict):
        raise InputError("The page sent no scores; reload it.")
    return {str(name): score for name, score in given.items()}


def _seconds(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _number(asked: Asked, key: str) -> int:
    value = asked.get(key)
    if type(value) is not int or not 0 <= value <= MOST_TEXTS + 1:
        raise InputError("The page sent something that cannot be read; reload it.")
    return value


def _own(file: dict[str, Any]) -> Rubric:
    [(path, called)] = named([file])
    return _called(path, called, lambda: load_rubric(path))


def _called(path: Path, name: str, work: Callable[[], Made]) -> Made:
    """What `work` makes of an uploaded file; a refusal calls the file as its owner does."""
    try:
        return work()
    except InputError as fault:
        raise InputError(str(fault).replace(str(path), name)) from fault

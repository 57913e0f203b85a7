"""A text of a form with its rubric, as HTML. Pure functions; texts, sources, rubrics and names are escaped.

Each aspect is a fieldset of five radio buttons with the words of their scores, so that Tab moves between aspects and
the arrows within one by the browser's own rules. `rate.js` keeps what was chosen, and sends it.
"""

import time
from collections.abc import Mapping

from app.listing import notice_html
from app.render import count, escape
from eval.forms import Form, FormItem
from eval.likert_file import SCALE
from eval.rubric import Aspect

_WELCOME = "Choose a form and say who you are; your scores are kept text by text, so you can stop whenever you like."
LEAVE = '<p><button type="button" data-act="leave">Back to the start</button></p>'


def welcome_html(forms: int) -> str:
    """What stands there before anybody rates."""
    words = _WELCOME if forms else "There is no form to rate yet. Make one with New form, from a file of texts."
    return f'<p class="fn-status">{words}</p>'


def item_html(form: Form, item: FormItem, rater: str, chosen: Mapping[str, int], said: str = "") -> str:
    """The page of a text; `chosen` are the scores that are ticked, `said` is a notice as HTML."""
    aspects = "".join(
        _aspect(number, aspect, chosen.get(aspect.name)) for number, aspect in enumerate(form.rubric.aspects)
    )
    back = "" if item.place > 1 else " disabled"
    again = "true" if item.scores else "false"
    return (
        f'<form class="fn-rate" novalidate {_data(form, rater)} data-item="{item.number}" data-place="{item.place}" '
        f'data-again="{again}">{_head(form, item, rater)}{said}'
        f'<p class="fn-instruction">{escape(form.rubric.instruction)}</p>'
        f'<div class="fn-reads">{_read(form, item)}</div>{aspects}'
        f'<footer class="fn-rate-acts"><button type="button" data-act="back"{back}>Back</button>'
        '<span class="fn-status fn-keys">Keys 1 to 5 score an aspect and go to the next; Enter saves.</span>'
        f'<button type="submit" class="fn-primary">{"Save the change" if item.scores else "Save and next"}</button>'
        "</footer></form>"
    )


def thanks_html(form: Form, rater: str, said: str = "") -> str:
    """What a rater reads who has scored all."""
    return (
        f'<form class="fn-rate fn-thanks" {_data(form, rater)} data-item="-1" data-place="{form.texts + 1}">{said}'
        f'<h3 tabindex="-1">Thank you, <bdi>{escape(rater)}</bdi>.</h3>'
        f"<p>You have scored {_all(form.texts)} of <bdi>{escape(form.name)}</bdi>. Every score is kept.</p>"
        f"{_bar(form.texts, form.texts)}"
        '<footer class="fn-rate-acts"><button type="button" data-act="back">Back to the last text</button>'
        '<button type="button" data-act="leave" class="fn-primary">Done</button></footer></form>'
    )


def _all(texts: int) -> str:
    return "the one text" if texts == 1 else f"all {count(texts, 'text')}"


def _data(form: Form, rater: str) -> str:
    # With the time, so that what is sent twice is shown twice.
    return (
        f'data-form="{escape(form.name)}" data-id="{form.id}" data-rater="{escape(rater)}" '
        f'data-turn="{time.monotonic_ns()}"'
    )


def _head(form: Form, item: FormItem, rater: str) -> str:
    again = ' <span class="fn-state">scored, to be changed</span>' if item.scores else ""
    return (
        f'<header class="fn-rate-head"><h3 tabindex="-1">Text {item.place:,} of {item.of:,}{again}</h3>'
        f'<p class="fn-status"><bdi>{escape(form.name)}</bdi> · <bdi>{escape(rater)}</bdi> '
        '<button type="button" data-act="leave">Stop</button></p>'
        f"{_bar(item.done, item.of)}</header>"
    )


def _bar(done: int, of: int) -> str:
    return f'<progress max="{of}" value="{done}" aria-label="Scored: {done:,} of {of:,}"></progress>'


def _read(form: Form, item: FormItem) -> str:
    """The source beside the text; the first is left out where there is none."""
    source = _box("Source" if form.rubric.source else "Context", item.source) if item.source.strip() else ""
    return source + _box("Text to score", item.text, "fn-scored")


def _box(title: str, text: str, kind: str = "") -> str:
    return (
        f'<section class="fn-read {kind}"><h4>{title}</h4>'
        f'<div class="fn-reading" tabindex="0" role="region" aria-label="{title}">'
        f'<p dir="auto">{escape(text.strip())}</p></div></section>'
    )


def _aspect(number: int, aspect: Aspect, chosen: int | None) -> str:
    name = f"fn-aspect-{number}"
    points = "".join(_point(name, score, aspect.points[score], score == chosen) for score in SCALE)
    return (
        f'<fieldset class="fn-aspect" data-aspect="{escape(aspect.name)}" aria-describedby="{name}-asks">'
        f"<legend>{escape(aspect.title)}</legend>"
        f'<p class="fn-asks" id="{name}-asks">{escape(aspect.question)}</p><div class="fn-points">{points}</div>'
        '<p class="fn-missing" hidden>Choose a score here; every aspect needs one.</p></fieldset>'
    )


def _point(name: str, score: int, text: str, chosen: bool) -> str:
    checked = " checked" if chosen else ""
    return (
        f'<label><input type="radio" name="{name}" value="{score}" required{checked}>'
        f'<span class="fn-score">{signed(score)}</span><span class="fn-point">{escape(text)}</span></label>'
    )


def signed(score: int) -> str:
    """A score with the minus of typography."""
    return f"−{-score}" if score < 0 else str(score)


def made_html(form: Form) -> str:
    """That a form was made."""
    return notice_html(f"Made {form.name}: {count(form.texts, 'text')}. It is chosen above; say your name and start.")

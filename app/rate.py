"""The Rate tab: choosing a form, rating its texts, making a new one, and what a form has found."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from app.rating import Rating
from eval.rubric import find_rubric, shipped_rubrics
from retrieval.database import Database

_INTRO = (
    "Read, and score one aspect at a time. You are not told which system wrote a text, and everybody gets the texts in "
    "an order of their own."
)
_ROWS = (
    "JSON lines, one text a row: <code>item</code>, <code>system</code>, <code>text</code>, and the "
    "<code>source</code> that raters need beside it."
)
# Nothing from people is in these templates: Gradio evaluates them.
_STAGE = '<div class="fn-stage"></div><p class="fn-said" role="status"></p>'
_FOUND = '<div class="fn-results" role="status"></div>'


@dataclass(frozen=True, slots=True)
class Rate:
    """The widgets of the tab. `setup` holds what is needed before the first text, and is hidden while rating."""

    kept: gr.BrowserState
    setup: gr.Column
    form: gr.Dropdown
    rater: gr.Textbox
    start: gr.Button
    notice: gr.HTML
    stage: gr.HTML
    results: gr.HTML

    @property
    def restored(self) -> list[Any]:
        """What `Rating.restore` is shown in, of `kept`."""
        return [self.form, self.rater, self.stage, self.setup]


def build_kept() -> gr.BrowserState:
    """What the browser keeps of the rating, to be placed outside of the tabs: inside one it is not read until then."""
    # The key is no secret; see `app.chat`.
    return gr.BrowserState({}, storage_key="footnote-rating", secret="footnote")  # noqa: S106


def build_rating(records: Database, tab: gr.Tab, kept: gr.BrowserState) -> tuple[Rating, Rate]:
    """Build the Rate tab in the open `gr.Tab`, with its handlers.

    When the page is opened, the caller has `Rating.restore` of `kept` shown in `restored`.
    """
    rating = Rating(records)
    with gr.Column(elem_id="fn-rate-setup") as setup:
        gr.HTML(f'<div class="fn-intro"><h2>Rate</h2><p>{_INTRO}</p></div>')
        with gr.Row(elem_classes="fn-rate-who"):
            form = gr.Dropdown([], label="Form", elem_id="fn-form", min_width=220)
            rater = gr.Textbox(
                label="Your name", placeholder="Kept with your scores", max_lines=1, elem_id="fn-rater", min_width=220
            )
            start = gr.Button("Start rating", variant="primary", elem_id="fn-start", min_width=140)
        notice = gr.HTML(elem_id="fn-rate-notice", min_height=0)
        fields, create = _new_form()
    stage = gr.HTML(elem_id="fn-rate", html_template=_STAGE, js_on_load=_script("rate.js"), min_height=0)
    with gr.Accordion("Results", open=False, elem_id="fn-rate-results") as shown:
        refresh = gr.Button("Count again", size="sm", elem_id="fn-rate-refresh")
        results = gr.HTML(html_template=_FOUND, js_on_load=_script("results.js"), min_height=0)
    rate = Rate(
        kept=kept,
        setup=setup,
        form=form,
        rater=rater,
        start=start,
        notice=notice,
        stage=stage,
        results=results,
    )
    _connect(rate, rating, tab)
    quiet = _quiet()
    create.click(rating.create, fields, [form, *fields[:1], *fields[2:], notice], preprocess=False, **quiet)
    for event in (shown.expand, refresh.click):
        event(rating.results, form, results, show_progress="minimal", api_visibility="private")
    form.change(lambda: "", None, results, queue=False, **quiet)
    return rating, rate


def _new_form() -> tuple[list[Any], gr.Button]:
    """Name, rubric, texts and an own rubric, and the button that makes a form of them."""
    rubrics = [(_described(name), name) for name in shipped_rubrics()]
    with gr.Accordion("New form", open=False, elem_id="fn-new-form"):
        gr.HTML(f'<p class="fn-status">{_ROWS}</p>')
        with gr.Row():
            texts = gr.File(label="Texts (JSON lines)", height=150, elem_id="fn-form-texts")
            own = gr.File(label="Your own rubric (TOML), if you have one", height=150, elem_id="fn-form-rubric")
        with gr.Row():
            rubric = gr.Dropdown(rubrics, value="summary", label="Rubric", min_width=220, elem_id="fn-rubric")
            name = gr.Textbox(label="Name", placeholder="That of the file", max_lines=1, min_width=220)
        create = gr.Button("Make the form", elem_id="fn-make-form")
    return [name, rubric, texts, own], create


def _described(name: str) -> str:
    rubric = find_rubric(name)
    return f"{rubric.title}: {', '.join(aspect.title.lower() for aspect in rubric.aspects)}"


def _connect(rate: Rate, rating: Rating, tab: gr.Tab) -> None:
    quiet = _quiet()
    at_once: dict[str, Any] = {**quiet, "queue": False, "trigger_mode": "multiple"}
    tab.select(rating.look, rate.form, rate.form, **quiet)
    begun = [rate.kept, rate.stage, rate.setup, rate.notice]
    rate.start.click(rating.start, [rate.form, rate.rater], begun, **quiet)
    rate.rater.submit(rating.start, [rate.form, rate.rater], begun, **quiet)
    rate.stage.score(rating.score, None, rate.stage, **at_once)
    rate.stage.back(rating.back, None, rate.stage, **at_once)
    rate.stage.leave(rating.leave, [rate.form, rate.rater], [rate.kept, rate.stage, rate.setup], **at_once)


def _quiet() -> dict[str, Any]:
    return {"show_progress": "hidden", "api_visibility": "private"}


def _script(name: str) -> str:
    return Path(__file__).with_name(name).read_text("utf-8")

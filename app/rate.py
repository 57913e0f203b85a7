"""The Rate tab of the page: texts scored by the aspects of a rubric."""

import gradio as gr

from app.listing import notice_html
from retrieval.database import Database

_INTRO = "Texts scored by the aspects of a rubric, one at a time, in an order of your own."


def build_rating(records: Database, tab: gr.Tab) -> None:  # noqa: ARG001
    """Build the forms in the open tab."""
    gr.HTML(f'<div class="fn-intro"><h2>Rate</h2><p>{_INTRO}</p></div>')
    gr.HTML(notice_html("There is no form yet."))

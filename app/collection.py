"""The collection that the page works on: its one widget, from which questions, uploads and the list all read."""

import gradio as gr

from retrieval.library import Library
from retrieval.names import checked_collection
from retrieval.types import DEFAULT_COLLECTION


def build_collection() -> gr.Dropdown:
    """The choice of a collection, to be placed on the page with `render`.

    What it shows is what is used: every handler takes its value, and checks it with `chosen`.
    """
    return gr.Dropdown(
        [DEFAULT_COLLECTION],
        value=DEFAULT_COLLECTION,
        allow_custom_value=True,
        label="Collection",
        info="Questions are answered from it, and uploads go to it. Type a new name to begin another.",
        elem_id="fn-collection",
        render=False,
    )


def chosen(value: object) -> str:
    """What the widget holds, or what was typed, as the name of a collection. Raises LibraryError."""
    return checked_collection(value.strip() if isinstance(value, str) else "")


def choices(library: Library, current: str) -> list[str]:
    """The collections there are, also those that only await documents, with the default first."""
    known = {*library.collections(), *(job.collection for job in library.jobs()), current} - {DEFAULT_COLLECTION}
    return [DEFAULT_COLLECTION, *sorted(known)]

"""The documents of the page: adding them, what became of each file, the list, and deleting from it."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from app.shelf import Shelf

_DELETE_ON_CLICK = """
element.addEventListener('click', (event) => {
  const button = event.target.closest('button[data-document]');
  if (button) trigger('click', { document: button.dataset.document });
});
"""


@dataclass(frozen=True, slots=True)
class Documents:
    """The widgets of the documents."""

    files: gr.File
    report: gr.HTML
    listing: gr.HTML


def build_documents(shelf: Shelf) -> Documents:
    """Build the documents in the open `gr.Blocks`, with their handlers."""
    documents = Documents(
        files=gr.File(label="Add documents", file_count="multiple", height=150, elem_id="fn-files"),
        report=gr.HTML(elem_id="fn-report", min_height=0),
        listing=gr.HTML(elem_id="fn-documents", js_on_load=_DELETE_ON_CLICK),
    )
    _connect(documents, shelf)
    return documents


def _connect(documents: Documents, shelf: Shelf) -> None:
    shown = [documents.report, documents.listing]
    private: dict[str, Any] = {"api_visibility": "private"}
    documents.files.upload(
        # Raw values carry the name that the file had; a path outside the upload folder is refused before this.
        shelf.add,
        [documents.files],
        [documents.files, *shown],
        preprocess=False,
        show_progress_on=[documents.report],
        **private,
    )
    documents.listing.click(shelf.remove, None, shown, show_progress="hidden", **private)

"""The documents of the page: adding them, what becomes of each file, the list with its buttons, and the preview."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from app.scripts import script
from app.shelf import IDLE_SECONDS, MOST, Shelf

# Nothing from people or documents is in these templates, so Gradio, which evaluates them, never changes what they made.
_LIST = """
<div class="fn-list" tabindex="-1"></div>
<p class="fn-said" role="status"></p>
<dialog class="fn-card fn-move-to" aria-labelledby="fn-move-title">
  <form>
    <h3 id="fn-move-title">Move <bdi class="fn-name"></bdi></h3>
    <label>To the collection
      <input list="fn-collections" required maxlength="200" autocomplete="off" placeholder="Yours, or a new name">
    </label>
    <div class="fn-choice">
      <button type="button" data-act="close">Cancel</button>
      <button type="submit" class="fn-primary">Move</button>
    </div>
  </form>
</dialog>
"""
_PREVIEW = '<dialog class="fn-card fn-preview-of" aria-labelledby="fn-preview-title"></dialog>'


@dataclass(frozen=True, slots=True)
class Documents:
    """The widgets of the documents. `seen` and `most` are not shown: they tell the server what the browser has."""

    collection: gr.Dropdown
    kept: gr.BrowserState
    files: gr.File
    password: gr.Textbox
    listing: gr.HTML
    report: gr.HTML
    preview: gr.HTML
    seen: gr.Textbox
    most: gr.Number
    timer: gr.Timer

    @property
    def view(self) -> list[Any]:
        """What `app.shelf.View` is shown in."""
        return [self.listing, self.seen, self.timer, self.collection]


def build_documents(shelf: Shelf, collection: gr.Dropdown) -> Documents:
    """Build the documents in the open `gr.Blocks`, with their handlers; `collection` is placed among them."""
    collection.render()
    documents = Documents(
        collection=collection,
        # As for the conversation, the key is no secret.
        kept=gr.BrowserState("", storage_key="footnote-collection", secret="footnote"),  # noqa: S106
        files=gr.File(label="Add documents", file_count="multiple", height=150, elem_id="fn-files"),
        password=_password(),
        listing=gr.HTML(elem_id="fn-documents", html_template=_LIST, js_on_load=script("morph.js", "documents.js")),
        # Below the list: what it says must not push away the button that is to be pressed next.
        report=gr.HTML(elem_id="fn-report", min_height=0),
        preview=gr.HTML(elem_id="fn-preview", html_template=_PREVIEW, js_on_load=script("preview.js")),
        seen=gr.Textbox("", visible="hidden"),
        most=gr.Number(MOST, visible="hidden"),
        timer=gr.Timer(IDLE_SECONDS),
    )
    _connect(documents, shelf)
    return documents


def _password() -> gr.Textbox:
    with gr.Accordion("Encrypted files", open=False, elem_id="fn-encrypted"):
        return gr.Textbox(
            label="Password of the files added next",
            info="It is kept in memory only, until they are read.",
            type="password",
            max_lines=1,
            autofocus=False,
            html_attributes=gr.InputHTMLAttributes(autocomplete="off"),
        )


def _connect(documents: Documents, shelf: Shelf) -> None:
    state = [documents.collection, documents.seen, documents.most]
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    at_once: dict[str, Any] = {**quiet, "queue": False, "trigger_mode": "multiple"}
    documents.files.upload(
        # Raw values carry the name that the file had; a path outside the upload folder is refused before this.
        shelf.add,
        [documents.files, documents.password, *state],
        [documents.files, documents.password, documents.report, *documents.view],
        preprocess=False,
        **quiet,
    )
    documents.timer.tick(shelf.look, state, documents.view, queue=False, **quiet)
    documents.listing.act(shelf.act, state, [documents.report, *documents.view], **at_once)
    documents.listing.more(shelf.more, state, [documents.most, *documents.view], **at_once)
    read = [documents.preview, documents.report]
    documents.listing.preview(shelf.preview, None, read, **at_once)
    documents.preview.turn(shelf.preview, None, read, **at_once)
    documents.collection.input(
        shelf.choose,
        [documents.collection, documents.kept],
        [documents.kept, documents.report, documents.most, *documents.view],
        **quiet,
        queue=False,
    )

"""The page: its tabs, composed. Building it opens nothing and asks nothing."""

from pathlib import Path

import gradio as gr

from app.asking import Asking
from app.chat import MACHINE_NOTICE, Chat, build_chat
from app.collection import build_collection
from app.documents import Documents, build_documents
from app.rate import build_kept, build_rating
from app.shelf import Shelf
from assistant.pipeline import Assistant
from retrieval.database import Database

CSS = Path(__file__).with_name("page.css")
_SYSTEM_FONTS = ("system-ui", "sans-serif")
_SYSTEM_MONO = ("ui-monospace", "monospace")
_LOOK_SECONDS, _KEPT_SECONDS = 60, 300
"""How often uploads are looked at that are in the library by now, and how long they may wait for being taken there."""
_HEADER = f"""
<header class="fn-header">
  <h1>Footnote<sup aria-hidden="true">1</sup></h1>
  <p>{MACHINE_NOTICE}</p>
</header>
"""


def build_page(assistant: Assistant, records: Database) -> gr.Blocks:
    """The page over one assistant and the records of its home."""
    asking, shelf = Asking(assistant), Shelf(assistant)
    with gr.Blocks(
        title="Footnote", analytics_enabled=False, delete_cache=(_LOOK_SECONDS, _KEPT_SECONDS), fill_width=True
    ) as page:
        gr.HTML(_HEADER)
        collection, kept = build_collection(), build_kept()
        with gr.Tabs(selected="chat", elem_id="fn-tabs"):
            with gr.Tab("Chat", id="chat"), gr.Row(elem_id="fn-page"):
                with gr.Column(scale=7, min_width=300, elem_id="fn-main"):
                    chat = build_chat(asking, collection)
                with gr.Column(scale=3, min_width=280, elem_id="fn-side"):
                    gr.HTML("<h2>Documents</h2>")
                    documents = build_documents(shelf, collection)
            with gr.Tab("Rate", id="rate") as tab:
                rating, rate = build_rating(records, tab, kept)
        _load(page, chat, documents, asking, shelf)
        page.load(rating.restore, rate.kept, rate.restored, show_progress="hidden", api_visibility="private")
    return page


def build_theme() -> gr.themes.Base:
    """Gradio's own look with the fonts of the reader's system: none is fetched from anywhere."""
    theme = gr.themes.Default(
        primary_hue="teal", secondary_hue="teal", neutral_hue="stone", font=_SYSTEM_FONTS, font_mono=_SYSTEM_MONO
    )
    # Gradio's subdued grey is too pale to read on white, and so is white on its buttons.
    return theme.set(
        body_text_color_subdued="*neutral_500",
        color_accent_soft="*neutral_100",
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_dark="*primary_700",
        button_primary_background_fill_hover_dark="*primary_600",
    )


def _load(page: gr.Blocks, chat: Chat, documents: Documents, asking: Asking, shelf: Shelf) -> None:
    """What every opening of the page begins with: the documents of now, and the conversation of before."""
    page.load(shelf.restore, documents.kept, documents.view, show_progress="hidden", api_visibility="private")
    page.load(
        asking.restore, chat.saved, [chat.session, chat.messages], show_progress="hidden", api_visibility="private"
    )

"""The page: its tabs, composed. Building it opens nothing and asks nothing."""

from pathlib import Path

import gradio as gr

from app.asking import Asking
from app.chat import MACHINE_NOTICE, Chat, build_chat
from app.collection import build_collection
from app.documents import Documents, build_documents
from app.prompting import Prompting
from app.prompts import build_prompts
from app.shelf import Shelf
from assistant.pipeline import Assistant
from retrieval.database import Database

CSS = Path(__file__).with_name("page.css")
_SYSTEM_FONTS = ("system-ui", "sans-serif")
_SYSTEM_MONO = ("ui-monospace", "monospace")
_HOUR = 3600
_HEADER = f"""
<header class="fn-header">
  <h1>Footnote<sup aria-hidden="true">1</sup></h1>
  <p>{MACHINE_NOTICE}</p>
</header>
"""


def build_page(assistant: Assistant, records: Database) -> gr.Blocks:
    """The page over one assistant and the records of its home."""
    asking, shelf = Asking(assistant), Shelf(assistant)
    with gr.Blocks(title="Footnote", analytics_enabled=False, delete_cache=(_HOUR, _HOUR), fill_width=True) as page:
        gr.HTML(_HEADER)
        collection = build_collection()
        with gr.Tabs(selected="chat", elem_id="fn-tabs"):
            with gr.Tab("Chat", id="chat"), gr.Row(elem_id="fn-page"):
                with gr.Column(scale=7, min_width=300, elem_id="fn-main"):
                    chat = build_chat(asking, collection)
                with gr.Column(scale=3, min_width=280, elem_id="fn-side"):
                    gr.HTML("<h2>Documents</h2>")
                    documents = build_documents(shelf, collection)
            with gr.Tab("Prompts", id="prompts") as tab:
                build_prompts(Prompting(assistant, records), tab, collection)
        _load(page, chat, documents, asking, shelf)
    return page


def build_theme() -> gr.themes.Base:
    """Gradio's own look with the fonts of the reader's system: none is fetched from anywhere."""
    theme = gr.themes.Default(
        primary_hue="teal", secondary_hue="teal", neutral_hue="stone", font=_SYSTEM_FONTS, font_mono=_SYSTEM_MONO
    )
    # Gradio's subdued grey is too pale to read on white.
    return theme.set(body_text_color_subdued="*neutral_500", color_accent_soft="*neutral_100")


def _load(page: gr.Blocks, chat: Chat, documents: Documents, asking: Asking, shelf: Shelf) -> None:
    """What every opening of the page begins with: the documents of now, and the conversation of before."""
    page.load(shelf.restore, documents.kept, documents.view, show_progress="hidden", api_visibility="private")
    page.load(
        asking.restore, chat.saved, [chat.session, chat.messages], show_progress="hidden", api_visibility="private"
    )

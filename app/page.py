"""The page: its tabs, composed. Building it opens nothing and asks nothing."""

from pathlib import Path
from typing import Any

import gradio as gr

from app.asking import Asking
from app.battle import Battle, build_battle, build_battles_kept
from app.battling import Battling
from app.chat import MACHINE_NOTICE, Chat, build_chat
from app.collection import build_collection
from app.documents import Documents, build_documents
from app.leaderboard import Leaderboard, build_leaderboard
from app.new_session import NewSession
from app.prompting import Prompting
from app.prompts import build_prompts
from app.rate import build_kept, build_rating
from app.reports import Reports, build_reports
from app.shelf import Shelf
from assistant.pipeline import Assistant
from retrieval.database import Database

CSS = [Path(__file__).with_name(name) for name in ("page.css", "tabs.css")]
_SYSTEM_FONTS = ("system-ui", "sans-serif")
_SYSTEM_MONO = ("ui-monospace", "monospace")
_LOOK_SECONDS, _KEPT_SECONDS = 60, 300
"""How often uploads are looked at that are in the library by now, and how long they may wait for being taken there."""
_QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
_HEADER = f"""
<header class="fn-header">
  <h1>Footnote<sup aria-hidden="true">1</sup></h1>
  <p>{MACHINE_NOTICE}</p>
</header>
"""


def build_page(assistant: Assistant, records: Database) -> gr.Blocks:
    """The page over one assistant and the records of its home."""
    asking, shelf, battling = Asking(assistant), Shelf(assistant), Battling(assistant, records)
    with gr.Blocks(
        title="Footnote", analytics_enabled=False, delete_cache=(_LOOK_SECONDS, _KEPT_SECONDS), fill_width=True
    ) as page:
        gr.HTML(_HEADER)
        # What the browser keeps stands outside of the tabs: inside one it is not read until that is opened.
        collection, kept, battles_kept = build_collection(), build_kept(), build_battles_kept()
        with gr.Tabs(selected="chat", overflow_behavior="wrap", elem_id="fn-tabs") as tabs:
            with gr.Tab("Chat", id="chat") as first, gr.Row(elem_id="fn-page"):
                with gr.Column(scale=7, min_width=300, elem_id="fn-main"):
                    chat = build_chat(asking, collection)
                with gr.Column(scale=3, min_width=280, elem_id="fn-side"):
                    gr.HTML("<h2>Documents</h2>")
                    documents = build_documents(shelf, collection)
            with gr.Tab("Battle", id="battle") as second:
                battle = build_battle(battling, NewSession(assistant, records), second, collection, battles_kept)
            with gr.Tab("Rate", id="rate") as third:
                rating, rate = build_rating(records, third, kept)
            with gr.Tab("Leaderboard", id="leaderboard") as fourth:
                build_leaderboard(Leaderboard(records), fourth)
            with gr.Tab("Report", id="report") as fifth:
                build_reports(Reports(records.path.parent), fifth)
            with gr.Tab("Prompts", id="prompts") as sixth:
                build_prompts(Prompting(assistant, records), sixth, collection)
        _load(page, chat, documents, asking, shelf)
        page.load(rating.restore, rate.kept, rate.restored, **_QUIET)
        _restore(page, tabs, (first, second, third, fourth, fifth, sixth), battle, battling)
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
    page.load(shelf.restore, documents.kept, documents.view, **_QUIET)
    page.load(asking.restore, chat.saved, [chat.session, chat.messages], **_QUIET)


def _restore(page: gr.Blocks, tabs: gr.Tabs, each: tuple[gr.Tab, ...], battle: Battle, battling: Battling) -> None:
    """The tab that was open when the page was reloaded, and what its battles begin with."""
    # As for the conversation, the key is no secret.
    kept = gr.BrowserState("chat", storage_key="footnote-tab", secret="footnote")  # noqa: S106
    names = [str(tab.id) for tab in each]
    for tab in each:
        tab.select(None, None, kept, js=f"() => '{tab.id}'", **_QUIET)
    page.load(lambda name: gr.Tabs(selected=name) if name in names[1:] else gr.skip(), kept, tabs, **_QUIET)
    page.load(battling.look, battle.looking, battle.looked, **_QUIET)

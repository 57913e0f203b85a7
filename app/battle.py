"""The battles of the page: choosing or beginning a session, and the two answers with the vote."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from app.battling import Battling
from app.new_session import NewSession, build_new_session
from app.scripts import script

_INTRO = (
    "Two answers to the same question, side by side. You do not see who wrote them; say which one is better, and the "
    "names are told once your vote is stored."
)
_STAGE = '<div class="fn-ring"></div><p class="fn-said" role="status"></p>'
_BLANK = (
    '<div class="fn-arena fn-blank" data-state="none"><p>Choose a session, say who you are, and press Start. '
    "Without one, begin one below.</p></div>"
)


@dataclass(frozen=True, slots=True)
class Battle:
    """The widgets of the battles. `kept` is session and rater, in the browser."""

    session: gr.Dropdown
    rater: gr.Textbox
    start: gr.Button
    notice: gr.HTML
    arena: gr.HTML
    fight: gr.State
    kept: gr.BrowserState
    offered: gr.HTML

    @property
    def shown(self) -> list[Any]:
        """What `app.battling.Shown` is shown in."""
        return [self.fight, self.arena, self.notice, self.kept]

    @property
    def looking(self) -> list[Any]:
        """What `app.battling.Battling.look` takes."""
        return [self.session, self.rater, self.kept]

    @property
    def looked(self) -> list[Any]:
        """What it gives."""
        return [self.session, self.rater, self.offered]


def build_battles_kept() -> gr.BrowserState:
    """What the browser keeps of the battles: session and rater."""
    # As for the conversation, the key is no secret.
    return gr.BrowserState([], storage_key="footnote-battle", secret="footnote")  # noqa: S106


def build_battle(
    battling: Battling, new: NewSession, tab: gr.Tab, collection: gr.Dropdown, kept: gr.BrowserState
) -> Battle:
    """Build the battles in the open tab, with their handlers; `collection` is asked where prompts are suggested."""
    gr.HTML(f'<div class="fn-intro"><h2>Battle</h2><p>{_INTRO}</p></div>')
    with gr.Row(elem_id="fn-battle-start", equal_height=True):
        session = gr.Dropdown([], label="Session", min_width=200, elem_id="fn-battle-session")
        rater = gr.Textbox(label="Your name as rater", max_lines=1, min_width=200, elem_id="fn-battle-rater")
        start = gr.Button("Start", variant="primary", min_width=120, scale=0, elem_id="fn-battle-go")
    battle = Battle(
        session=session,
        rater=rater,
        start=start,
        notice=gr.HTML(elem_id="fn-battle-notice", min_height=0),
        arena=gr.HTML(_BLANK, elem_id="fn-arena", html_template=_STAGE, js_on_load=script("morph.js", "arena.js")),
        fight=gr.State(None),
        kept=kept,
        offered=gr.HTML(elem_id="fn-offered", min_height=0),
    )
    _connect(battle, battling, tab)
    build_new_session(new, session, collection)
    return battle


def _connect(battle: Battle, battling: Battling, tab: gr.Tab) -> None:
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    playing: dict[str, Any] = {"outputs": battle.shown, "concurrency_id": "answers", **quiet}
    tab.select(battling.look, battle.looking, battle.looked, **quiet)
    begin = [battle.fight, battle.session, battle.rater]
    battle.start.click(battling.begin, begin, **playing)
    battle.rater.submit(battling.begin, begin, **playing)
    # Not behind the answers that are being written for others.
    battle.arena.vote(battling.vote, battle.fight, **{**playing, "concurrency_id": "votes", "concurrency_limit": 8})
    battle.arena.mounted(battling.resume, [battle.fight, battle.kept], **playing)
    battle.arena.onward(battling.onward, battle.fight, **playing)

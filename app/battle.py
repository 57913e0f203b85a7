"""The battles of the page: choosing or beginning a session, and the two answers with the vote."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from app.battling import Battling
from app.rows import build_rows, rows_value
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
_CONTESTANT = """
<label>Name<input data-field="name" maxlength="80" autocomplete="off"></label>
<label>Model<input data-field="model" list="fn-models" data-start="bundled" autocomplete="off"></label>
<label>Reads<select data-field="retrieval"><option value="none">no documents</option>
<option value="hybrid">documents, by both searches</option><option value="dense">documents, by vectors</option>
<option value="sparse">documents, by keywords</option></select></label>
<label>Collection<input data-field="collection" list="fn-collections" data-start="default" autocomplete="off"></label>
<label>Saved prompt<input data-field="prompt" list="fn-saved-prompts" placeholder="none" autocomplete="off"></label>
<label>Temperature<input data-field="temperature" type="number" min="0" max="2" step="0.1" data-start="0"></label>
"""


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


def build_battle(battling: Battling, tab: gr.Tab, collection: gr.Dropdown, kept: gr.BrowserState) -> Battle:
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
    _build_new(battle, battling, collection)
    return battle


def _build_new(battle: Battle, battling: Battling, collection: gr.Dropdown) -> None:
    """The form of a new session."""
    with gr.Accordion("Begin a new session", open=False, elem_id="fn-new-session"):
        with gr.Row():
            name = gr.Textbox(label="Name of the session", max_lines=1, scale=3, min_width=200)
            seed = gr.Number(
                1, label="Seed", info="Draws pairs, sides and words.", precision=0, minimum=0, min_width=120
            )
        prompts = gr.Textbox(label="Prompts, one a line", lines=4, max_lines=12)
        suggest = gr.Button("Take questions from my documents", size="sm")
        gr.HTML("<h3>Contestants</h3>")
        rows = build_rows(
            "Contestant",
            _CONTESTANT,
            label="Contestants",
            add="Add a contestant",
            elem_id="fn-contestants",
            value=rows_value(battling.first_contestants()),
        )
        create = gr.Button("Begin the session", variant="primary")
        notice = gr.HTML(elem_id="fn-session-notice", min_height=0)
    quiet: dict[str, Any] = {"api_visibility": "private"}
    create.click(battling.create, [name, prompts, rows, seed], [battle.session, notice], **quiet)
    suggest.click(battling.suggest, [collection, seed], [prompts, notice], **quiet)


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

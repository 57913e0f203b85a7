"""The form of a new session of battles: its prompts, its contestants, and a try whether each of them can answer."""

from typing import Any

import gradio as gr

from app.battling import battle_names
from app.faults import explained
from app.listing import notice_html
from app.render import count
from app.rows import build_rows, rows_of, rows_value
from assistant.errors import InputError
from assistant.pipeline import Assistant
from eval.contest import Contest
from eval.contestants import Contestant, contestant_of
from eval.session_input import prompts_of_collection
from eval.sessions import BattleSession, create_session, plan_session
from retrieval.database import Database
from retrieval.types import DEFAULT_COLLECTION

_QUESTIONS = 10
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


class NewSession:
    """The handlers over one assistant and the records."""

    def __init__(self, assistant: Assistant, records: Database):
        self._assistant = assistant
        self._records = records

    def first_contestants(self) -> list[dict[str, str]]:
        """What the form of a new session begins with: the served model, with documents against without."""
        same = {"model": self._assistant.model_name, "collection": DEFAULT_COLLECTION, "temperature": "0"}
        return [
            {"name": "with documents", "retrieval": "hybrid", **same},
            {"name": "from memory", "retrieval": "none", **same},
        ]

    def create(self, name: str, prompts: str, rows: str, seed: float) -> tuple[Any, str]:
        """Begin a session, once each of its contestants was found able to answer."""

        def begun() -> BattleSession:
            contestants = [_contestant(row) for row in rows_of(rows)]
            planned = plan_session(name, prompts.splitlines(), contestants, seed=_seed(seed))
            Contest(self._records, planned, self._assistant).generations.check()
            return create_session(self._records, planned.name, planned.prompts, contestants, seed=planned.seed)

        made, refusal = explained(begun, "a session could not be made")
        if made is None:
            return gr.skip(), refusal
        prompts_made = count(len(made.prompts), "prompt")
        said = f"Made {made.name}: {len(made.contestants)} contestants, {prompts_made}. Press Start."
        return gr.update(choices=battle_names(self._records), value=made.name), notice_html(said)

    def suggest(self, collection: str, seed: float) -> tuple[Any, str]:
        """Questions on the documents of a collection, one a line."""
        found, refusal = explained(
            lambda: prompts_of_collection(self._assistant.library, collection, _QUESTIONS, _seed(seed)),
            "no questions could be made of the documents",
        )
        return (gr.skip(), refusal) if found is None else ("\n".join(found), "")


def build_new_session(new: NewSession, session: gr.Dropdown, collection: gr.Dropdown) -> None:
    """Build the form, with its handlers; what it makes is chosen in `session`, `collection` is asked for questions."""
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
            value=rows_value(new.first_contestants()),
        )
        create = gr.Button("Begin the session", variant="primary")
        notice = gr.HTML(elem_id="fn-session-notice", min_height=0)
    quiet: dict[str, Any] = {"api_visibility": "private"}
    create.click(new.create, [name, prompts, rows, seed], [session, notice], **quiet)
    suggest.click(new.suggest, [collection, seed], [prompts, notice], **quiet)


def _contestant(row: dict[str, str]) -> Contestant:
    """A contestant of a row of the form; what was left empty is as the program has it."""
    values: dict[str, Any] = {key: text.strip() for key, text in row.items() if key != "temperature" and text.strip()}
    values.setdefault("name", "")
    temperature = row.get("temperature", "").strip() or "0"
    try:
        values["sampling"] = {"temperature": float(temperature)}
    except ValueError as fault:
        raise InputError(f"{values['name']}: temperature must be a number, not {temperature!r}") from fault
    return contestant_of(values)


def _seed(value: object) -> int:
    if not isinstance(value, int | float) or value != int(value):
        raise InputError(f"seed must be a whole number, not {value}")
    return int(value)

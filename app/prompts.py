"""The prompts of the page: a form of the parts with the text that they make beside it, saved ones, and a try."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from app.prompting import Prompting
from app.rows import build_rows

_INTRO = (
    "A good prompt says who the model is, what it is to do, and what a good answer looks like. Only the task must be "
    "there. Saved prompts can enter battles as contestants."
)
_EXAMPLE = """
<label>Kind<select data-field="kind"><option value="good">good</option><option value="bad">bad</option></select></label>
<label class="fn-wide">Reply<textarea data-field="text" rows="2"></textarea></label>
<label class="fn-wide">Why it is good or bad<textarea data-field="reason" rows="1"></textarea></label>
"""


@dataclass(frozen=True, slots=True)
class Prompts:
    """The widgets of the prompts; `fields` are the texts of `app.prompting.TEXTS`, then the examples."""

    opened: gr.Dropdown
    name: gr.Textbox
    fields: list[Any]
    notice: gr.HTML
    preview: gr.HTML
    save: gr.Button
    new: gr.Button
    remove: gr.Button
    question: gr.Textbox
    grounded: gr.Checkbox
    reply: gr.HTML


def build_prompts(prompting: Prompting, tab: gr.Tab, collection: gr.Dropdown) -> Prompts:
    """Build the prompts in the open tab, with their handlers; `collection` tells which documents a try reads."""
    gr.HTML(f'<div class="fn-intro"><h2>Prompts</h2><p>{_INTRO}</p></div>')
    with gr.Row(elem_classes="fn-columns"):
        with gr.Column(scale=6, min_width=300):
            opened = gr.Dropdown([], label="Saved prompts", info="Choose one to change it.", elem_id="fn-opened")
            fields = _form()
            name = gr.Textbox(label="Name", info="Under which it is saved.", max_lines=1, elem_id="fn-prompt-name")
            with gr.Row():
                save = gr.Button("Save", variant="primary", min_width=90)
                new = gr.Button("New", min_width=90)
                remove = gr.Button("Delete", min_width=90)
            notice = gr.HTML(elem_id="fn-prompt-notice", min_height=0)
        with gr.Column(scale=5, min_width=300, elem_classes="fn-sticky"):
            gr.HTML("<h3>What the model is told</h3>")
            preview = gr.HTML(prompting.preview(*[""] * len(fields)), elem_id="fn-prompt-preview")
            question, grounded, reply = _trial()
    prompts = Prompts(opened, name, fields, notice, preview, save, new, remove, question, grounded, reply)
    _connect(prompts, prompting, tab, collection)
    return prompts


def _form() -> list[Any]:
    """The fields in the order of `app.prompting.TEXTS`; on the page they stand as a prompt is read."""
    situation = _text("Situation", "Where the answer is read, and by whom.")
    role = _text("Role", "Who the model is to be.")
    task = _text("Task", "What it is to do. This part must be there.", lines=2)
    form = _text("Output format", "What the answer looks like.")
    constraints = _text("Constraints", "What it must keep to, one a line.", lines=2)
    criteria = _text("Quality criteria", "What a good answer is measured by, one a line.", lines=2)
    gr.HTML("<h3>Examples</h3>")
    examples = build_rows("Example", _EXAMPLE, label="Examples", add="Add an example", elem_id="fn-examples")
    action = _text("Call to action", "The last words, nearest to the question.")
    return [task, situation, role, form, constraints, criteria, action, examples]


def _text(label: str, info: str, lines: int = 1) -> gr.Textbox:
    return gr.Textbox(label=label, info=info, lines=lines, max_lines=8)


def _trial() -> tuple[gr.Textbox, gr.Checkbox, gr.HTML]:
    gr.HTML("<h3>Try it</h3>")
    question = gr.Textbox(
        label="Question to try the prompt with",
        show_label=False,
        placeholder="Ask the served model under this prompt…",
        max_lines=4,
        submit_btn="Try",
        elem_id="fn-try",
    )
    grounded = gr.Checkbox(False, label="With my documents", info="Of the collection that is chosen in the chat.")
    return question, grounded, gr.HTML(elem_id="fn-try-reply", min_height=0)


def _connect(prompts: Prompts, prompting: Prompting, tab: gr.Tab, collection: gr.Dropdown) -> None:
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    form = [prompts.name, *prompts.fields, prompts.preview, prompts.notice]
    tab.select(prompting.look, prompts.opened, prompts.opened, **quiet)
    for field in prompts.fields:
        field.change(
            prompting.preview, prompts.fields, prompts.preview, queue=False, trigger_mode="always_last", **quiet
        )
    prompts.opened.input(prompting.open, prompts.opened, form, **quiet)
    said = [prompts.opened, prompts.notice]
    prompts.save.click(prompting.save, [prompts.opened, prompts.name, *prompts.fields], said, **quiet)
    prompts.new.click(lambda: (None, *prompting.blank()), None, [prompts.opened, *form], **quiet)
    prompts.remove.click(prompting.remove, prompts.opened, said, **quiet)
    prompts.question.submit(
        prompting.attempt,
        [prompts.question, prompts.grounded, collection, *prompts.fields],
        prompts.reply,
        concurrency_id="answers",
        **quiet,
    )

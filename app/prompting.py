"""The handlers of the prompts: the preview, the saved ones, and a reply of the served model to try one."""

import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import gradio as gr

from app.collection import chosen
from app.conversation import Turn, advance
from app.faults import explained, refusal_html
from app.listing import notice_html
from app.render import count, escape, turn_html
from app.rows import rows_of, rows_value
from assistant.errors import SHOWN, InputError
from assistant.pipeline import Assistant
from assistant.prompt_builder import Example, PromptParts
from eval.saved_prompts import find_prompt, list_prompts, remove_prompt, save_prompt, told_by
from retrieval.database import Database

TEXTS = ("task", "situation", "role", "output_format", "constraints", "criteria", "call_to_action")
"""The fields of the form that are text, in order; after them come the examples."""
_LISTS = ("constraints", "criteria")
_PAGE_ID = "trial"
_KINDS = ("good", "bad")
_EMPTY = '<p class="fn-status">Nothing yet. Say in Task what the model is to do.</p>'
_WRITING = '<p class="fn-status" role="status">Writing…</p>'


class Prompting:
    """The handlers over one assistant and the records; `fields` are the texts of `TEXTS`, then the examples."""

    def __init__(self, assistant: Assistant, records: Database):
        self._assistant = assistant
        self._records = records

    def look(self, opened: str | None) -> Any:
        """The saved prompts of now, as the choice of one."""
        names = [prompt.name for prompt in list_prompts(self._records)]
        return gr.update(choices=names, value=opened if opened in names else None)

    def preview(self, *fields: str) -> str:
        """The prompt as the model gets it, or what it lacks."""
        if not any(field.strip() for field in fields[:-1]):
            return _EMPTY
        try:
            return prompt_html(_parts(fields).text())
        except SHOWN as fault:
            return f'<p class="fn-status">{escape(str(fault))}</p>'

    def save(self, opened: str | None, name: str, *fields: str) -> tuple[Any, str]:
        """Keep the form under `name`; only the prompt that was opened is replaced."""

        def work() -> tuple[str, str]:
            parts = _parts(fields)
            taken = {prompt.name for prompt in list_prompts(self._records)}
            if name.strip() in taken and name.strip() != opened:
                raise InputError(
                    f"there is a prompt {name.strip()!r} already; choose another name, or open that one to change it"
                )
            saved = save_prompt(self._records, name, parts, replace=True)
            return saved.name, notice_html(f"Saved {saved.name}. It can be chosen for contestants of a battle.")

        return self._told(work, opened)

    def open(self, name: str | None) -> tuple[Any, ...]:
        """A saved prompt in the form, with its name and preview."""
        if not name:
            return self.blank()
        parts, refusal = explained(lambda: find_prompt(self._records, name).parts, "a prompt could not be opened")
        if parts is None:
            return (*[gr.skip()] * (len(TEXTS) + 3), refusal)
        return (name, *_fields(parts), prompt_html(parts.text()), "")

    def blank(self) -> tuple[Any, ...]:
        """An empty form."""
        return ("", *[""] * len(TEXTS), "[]", _EMPTY, "")

    def remove(self, opened: str | None) -> tuple[Any, str]:
        """Forget the prompt that is open; the form stays as it is."""

        def work() -> tuple[None, str]:
            if not opened:
                raise InputError("no saved prompt is open; choose the one to delete")
            return None, notice_html(f"Deleted {remove_prompt(self._records, opened).name}.")

        return self._told(work, opened)

    def attempt(self, question: str, grounded: bool, collection: str, *fields: str) -> Iterator[str]:
        """The served model's reply under the prompt of the form, as it grows."""
        stop = threading.Event()
        turn = Turn(question)
        try:
            told = told_by(self._assistant, _parts(fields))
            reply = partial(told.stream, collection=chosen(collection)) if grounded else told.chat
            yield _WRITING
            for event in reply(question, stop=stop):
                turn = advance(turn, event)
                yield turn_html(_PAGE_ID, turn, self._text) if turn.draft.strip() or turn.answer else _WRITING
        except Exception as fault:
            yield refusal_html(fault, "a prompt could not be tried")
        finally:
            stop.set()

    def _told(self, work: Callable[[], tuple[str | None, str]], opened: str | None) -> tuple[Any, str]:
        done, refusal = explained(work, "a prompt could not be kept")
        return (gr.skip(), refusal) if done is None else (self.look(done[0]), done[1])

    def _text(self, document_id: str) -> str:
        library = self._assistant.library
        return library.text(document_id) if library.document(document_id) is not None else ""


def _parts(fields: tuple[str, ...]) -> PromptParts:
    """The parts of the form's fields; lists are one entry a line, and rows left empty are left out."""
    *texts, examples = fields
    values: dict[str, Any] = dict(zip(TEXTS, texts, strict=True))
    for name in _LISTS:
        values[name] = tuple(line.strip() for line in values[name].splitlines() if line.strip())
    for kind in _KINDS:
        values[f"{kind}_examples"] = tuple(_examples(rows_of(examples), kind))
    return PromptParts(**values)


def _examples(rows: list[dict[str, str]], kind: str) -> Iterator[Example]:
    for row in rows:
        text, reason = row.get("text", ""), row.get("reason", "")
        if row.get("kind") == kind and (text.strip() or reason.strip()):
            yield Example(text, reason)


def _fields(parts: PromptParts) -> tuple[str, ...]:
    """The inverse of `_parts`."""
    values = [getattr(parts, name) for name in TEXTS]
    rows = [
        {"kind": kind, "text": example.text, "reason": example.reason}
        for kind in _KINDS
        for example in getattr(parts, f"{kind}_examples")
    ]
    return (*(value if isinstance(value, str) else "\n".join(value) for value in values), rows_value(rows))


def prompt_html(text: str) -> str:
    """A prompt as the model gets it."""
    return f'<pre class="fn-prompt">{escape(text)}</pre><p class="fn-status">{count(len(text), "character")}</p>'

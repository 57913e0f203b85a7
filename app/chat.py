"""The chat of the page: its widgets, and which handler answers which event."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from app.asking import ASK, Asking
from app.conversation import Session
from assistant.engine.sampling import Sampling

MACHINE_NOTICE = (
    "A small language model writes the answers, and may be wrong; each sentence is checked against your documents, and "
    "where the draft fails they are quoted instead. Sentences marked <em>unsupported</em> were not found in them."
)
_PLACEHOLDER = "### Ask your documents\nAdd a document, then ask a question about it."
_PARALLEL_ANSWERS = 4
_CONTROL_WIDTH = 230


@dataclass(frozen=True, slots=True)
class Chat:
    """The widgets of the chat.

    `settings` are the collection that is asked, `grounded`, then the fields of `Sampling` in order, without `stop`.
    """

    session: gr.State
    saved: gr.BrowserState
    messages: gr.Chatbot
    notice: gr.HTML
    question: gr.Textbox
    settings: tuple[gr.Component, ...]


def build_chat(asking: Asking, collection: gr.Dropdown) -> Chat:
    """Build the chat in the open `gr.Blocks`, with its handlers; `collection` tells which one is asked."""
    chat = Chat(
        session=gr.State(Session()),
        # The key only keeps other programs on this address from reading the value by mistake; it is no secret.
        saved=gr.BrowserState([], storage_key="footnote-conversation", secret="footnote"),  # noqa: S106
        messages=_messages(),
        notice=gr.HTML(elem_id="fn-notice"),
        question=_question(),
        settings=(collection, _grounded(), *_sampling()),
    )
    _connect(chat, asking)
    return chat


def _messages() -> gr.Chatbot:
    return gr.Chatbot(
        elem_id="fn-chat",
        label="Conversation",
        show_label=False,
        editable="user",
        # Questions are shown as typed; answers are HTML that `app.render` has escaped.
        render_markdown=False,
        latex_delimiters=[],
        layout="bubble",
        buttons=[],
        placeholder=_PLACEHOLDER,
        height=None,
        feedback_options=None,
    )


def _question() -> gr.Textbox:
    return gr.Textbox(
        elem_id="fn-question",
        label="Your question",
        show_label=False,
        placeholder="Ask a question…",
        lines=1,
        max_lines=8,
        submit_btn=ASK,
    )


def _grounded() -> gr.Checkbox:
    return gr.Checkbox(
        True,
        label="Answer from my documents",
        info="Off: the model chats from memory, and nothing that it says is checked.",
        elem_id="fn-grounded",
    )


def _sampling() -> tuple[gr.Component, ...]:
    default = Sampling()
    with gr.Accordion("How the model writes", open=False, elem_id="fn-sampling"), gr.Row():
        return (
            _slider("Temperature", 0, 2, default.temperature, 0.05, "0: always the likeliest word"),
            _slider("Top-k", 0, 200, default.top_k, 1, "0: no limit"),
            _slider("Top-p", 0.01, 1, default.top_p, 0.01, "1: no limit"),
            _slider("Frequency penalty", -2, 2, default.frequency_penalty, 0.1, "lowers words by how often they came"),
            _slider("Presence penalty", -2, 2, default.presence_penalty, 0.1, "lowers words that came at all"),
            _slider("Max tokens", 1, 512, default.max_tokens, 1, "the longest answer"),
            # A number box of Gradio cannot be empty at first: it would send the seed 0.
            gr.Textbox(
                "",
                label="Seed",
                info="the same seed writes the same answer",
                placeholder="by chance",
                max_lines=1,
                min_width=_CONTROL_WIDTH,
            ),
        )


def _slider(label: str, low: float, high: float, value: float, step: float, info: str) -> gr.Slider:
    return gr.Slider(low, high, value, step=step, label=label, info=info, min_width=_CONTROL_WIDTH)


def _connect(chat: Chat, asking: Asking) -> None:
    shown = [chat.session, chat.messages, chat.question, chat.notice, chat.saved]
    answering: dict[str, Any] = {
        "outputs": shown,
        "show_progress": "hidden",
        "concurrency_id": "answers",
        "concurrency_limit": _PARALLEL_ANSWERS,
        "api_visibility": "private",
    }
    at_once: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    queued: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    chat.question.submit(asking.ask, [chat.session, chat.question, *chat.settings], **answering)
    chat.messages.retry(asking.retry, [chat.session, *chat.settings], **answering)
    chat.messages.edit(asking.edit, [chat.session, *chat.settings], **answering)
    chat.question.stop(asking.stop, [chat.session], None, **at_once)
    # Twice: the browser may still be busy with the last words of an answer when the first comes, and show them later.
    emptied = chat.messages.clear(asking.clear, [chat.session], shown, **queued)
    emptied.then(asking.clear, [chat.session], shown, **queued)

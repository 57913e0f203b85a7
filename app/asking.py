"""The handlers of the chat: each folds the pipeline's events into what the page shows, and decides nothing itself."""

import logging
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import gradio as gr

from app.collection import chosen
from app.conversation import Session, Turn, advance, from_stored, history, to_stored
from app.listing import notice_html
from app.render import as_typed, shown_question, turn_html
from assistant.engine.sampling import Sampling
from assistant.errors import SHOWN, InputError
from assistant.pipeline import Assistant

FAULT = "Something went wrong in the program; the trace is in its log. Your question was not lost, try it again."
_PATIENCE_SECONDS = 10
ASK, STOP = "Ask", "Stop"

Shown = tuple[Session, Any, Any, Any, Any]
"""What a handler gives back: session, messages, question box, notice, and what the browser keeps."""


class Asking:
    """The handlers over one assistant; they hold nothing of a conversation, which is in its tab's `Session`."""

    def __init__(self, assistant: Assistant):
        self._assistant = assistant

    def ask(self, session: Session, question: str, *settings: Any) -> Iterator[Shown]:
        """Answer a new question."""
        yield from self._answer(session, session.turns, question, settings)

    def retry(self, session: Session, event: gr.RetryData, *settings: Any) -> Iterator[Shown]:
        """Answer a question again; what came after it is left out."""
        turn = _turn_of(event.index)
        if turn < len(session.turns):
            yield from self._answer(session, session.turns[:turn], session.turns[turn].question, settings)

    def edit(self, session: Session, event: gr.EditData, *settings: Any) -> Iterator[Shown]:
        """Answer an edited question in its place; what came after it is left out."""
        question = as_typed(str(event.value))
        yield from self._answer(session, session.turns[: _turn_of(event.index)], question, settings)

    def stop(self, session: Session) -> None:
        """End the answer that is being written; what there is of it is checked and shown."""
        if session.stop is not None:
            session.stop.set()

    def clear(self, session: Session) -> Shown:
        """Forget the conversation, here and in the browser.

        An answer that is being written empties the page itself, as its last words: the browser shows what different
        handlers send in no certain order.
        """
        if session.cleared is not None and session.ended is not None:
            session.cleared.set()
            self.stop(session)
            session.ended.wait(_PATIENCE_SECONDS)
        return _empty()

    def restore(self, stored: object) -> tuple[Session, Any]:
        """The conversation that the browser kept over a reload."""
        turns = from_stored(stored)
        return Session(turns), self._messages(turns)

    def _answer(
        self, session: Session, before: tuple[Turn, ...], question: str, settings: Sequence[Any]
    ) -> Iterator[Shown]:
        """Ask `question` after the turns `before`. Where it cannot be asked, `session` and the question stay."""
        if session.stop is not None and not session.stop.is_set():
            # One answer at a time; the page hides the ways here while one is being written.
            yield session, gr.skip(), gr.skip(), gr.skip(), gr.skip()
            return
        stop, ended, cleared = (threading.Event() for _ in range(3))
        running = Session((), stop, ended, cleared)
        try:
            yield from self._told(session, running, before, question, settings)
            if cleared.is_set():
                yield _empty()
        finally:
            # Also where the reader has gone: nobody waits for the rest.
            stop.set()
            ended.set()

    def _told(
        self, session: Session, running: Session, before: tuple[Turn, ...], question: str, settings: Sequence[Any]
    ) -> Iterator[Shown]:
        """The answer as it grows and as it stays, or why there is none."""
        earlier = self._messages(before)
        turn = Turn(question)
        collection, grounded, *sampling = settings
        try:
            reply = partial(self._assistant.stream, collection=chosen(collection)) if grounded else self._assistant.chat
            shown = [*earlier, *self._shown(len(before), turn)]
            yield replace(running, turns=(*before, turn)), shown, _box_busy(), "", gr.skip()
            for event in reply(question, history=history(before), sampling=_sampling(sampling), stop=running.stop):
                turn = advance(turn, event)
                shown = [*earlier, *self._shown(len(before), turn)]
                yield replace(running, turns=(*before, turn)), shown, gr.skip(), gr.skip(), gr.skip()
        except SHOWN as fault:
            yield self._refused(session, question, str(fault))
        except Exception:
            logging.getLogger("footnote").exception("a question could not be answered")
            yield self._refused(session, question, FAULT)
        else:
            turns = (*before, turn)
            # What was typed meanwhile stays.
            yield Session(turns), gr.skip(), gr.update(submit_btn=ASK, stop_btn=False), gr.skip(), to_stored(turns)

    def _refused(self, session: Session, question: str, why: str) -> Shown:
        session = replace(session, stop=None, ended=None, cleared=None)
        return session, self._messages(session.turns), _box(question), notice_html(why, warning=True), gr.skip()

    def _messages(self, turns: Sequence[Turn]) -> list[dict[str, Any]]:
        return [message for number, turn in enumerate(turns) for message in self._shown(number, turn)]

    def _shown(self, number: int, turn: Turn) -> list[dict[str, Any]]:
        """The two messages of a turn."""
        return [
            {"role": "user", "content": shown_question(turn.question)},
            {"role": "assistant", "content": gr.HTML(turn_html(number, turn, self._text))},
        ]

    def _text(self, document_id: str) -> str:
        library = self._assistant.library
        return library.text(document_id) if library.document(document_id) is not None else ""


def _turn_of(index: int | tuple[int, int]) -> int:
    """The turn of a message; each turn is shown as two."""
    return (index if isinstance(index, int) else index[0]) // 2


def _empty() -> Shown:
    return Session(), [], _box(), "", []


def _box(question: str = "") -> Any:
    return gr.update(value=question, submit_btn=ASK, stop_btn=False)


def _box_busy() -> Any:
    return gr.update(value="", submit_btn=False, stop_btn=STOP)


def _sampling(values: Sequence[Any]) -> Sampling:
    """Sampling of the values of the widgets, in their order."""
    temperature, top_k, top_p, frequency, presence, max_tokens, seed = values
    return Sampling(
        temperature=float(temperature),
        top_k=int(top_k),
        top_p=float(top_p),
        frequency_penalty=float(frequency),
        presence_penalty=float(presence),
        max_tokens=int(max_tokens),
        seed=_seed(seed),
    )


def _seed(text: str) -> int | None:
    try:
        return int(text) if text.strip() else None
    except ValueError as fault:
        raise InputError(f"seed must be a whole number, not {text!r}") from fault

"""The handlers of the battles: playing one as its events come, one vote, then the names.

What counts is in the records (`eval.contest`): a page that is reloaded goes on with the battle that was left open, and
a battle that has a vote, from whatever window, takes no other.
"""

import math
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr

from app.arena import Fight, arena_html, datalists_html
from app.conversation import Turn, advance
from app.faults import refusal_html
from app.listing import notice_html
from assistant.errors import SHOWN, InputError
from assistant.pipeline import Assistant
from eval.contest import Contest
from eval.saved_prompts import list_prompts
from eval.sessions import find_session, list_sessions
from eval.votes import cast
from retrieval.database import Database

_BUNDLED = "bundled"
_PAUSE_SECONDS = 0.08
"""Between two pictures of answers that grow: each is sent whole."""
_LONGEST_VOTE = 24 * 3600.0

Shown = tuple[Any, Any, Any, Any]
"""What is shown of a battle: the fight, its HTML, a notice, and what the browser keeps."""


class Battling:
    """The handlers over one assistant and the records."""

    def __init__(self, assistant: Assistant, records: Database):
        self._assistant = assistant
        self._records = records

    def look(self, chosen: str | None, rater: str, kept: object) -> tuple[Any, Any, str]:
        """The sessions of battles, the newest first; who rated here before; what can be typed for contestants."""
        session, before = kept_of(kept)
        names = battle_names(self._records)
        known = [name for name in (chosen, session, *names) if name in names]
        prompts = [prompt.name for prompt in list_prompts(self._records)]
        offered = datalists_html(self._models(), prompts)
        return gr.update(choices=names, value=known[0] if known else None), rater or before, offered

    def begin(self, fight: Fight | None, session: str | None, rater: str) -> Iterator[Shown]:
        """Go on where `rater` stopped in `session`, with the battle left open or the next."""
        if fight is not None and fight.stop is not None:
            fight.stop.set()
        stop = threading.Event()
        try:
            if not session:
                raise InputError("there is no session chosen; choose one, or begin one below")
            yield from self._played(session, rater, stop)
        except Exception as fault:
            yield gr.skip(), gr.skip(), refusal_html(fault, "a battle could not be played"), gr.skip()
        finally:
            stop.set()  # also where the reader has gone

    def onward(self, fight: Fight | None) -> Iterator[Shown]:
        """The next battle of the same rater."""
        if fight is not None:
            yield from self.begin(fight, fight.session, fight.rater)

    def resume(self, fight: Fight | None, kept: object) -> Iterator[Shown]:
        """After a reload, the battle that was on the page, unless it is there."""
        session, rater = kept_of(kept)
        if fight is None and session and rater:
            yield from self.begin(None, session, rater)
        else:
            yield gr.skip(), gr.skip(), gr.skip(), gr.skip()

    def vote(self, fight: Fight | None, event: gr.EventData) -> Iterator[Shown]:
        """Store a vote, then tell the names. A battle that was skipped before both answers were there has none told."""
        cast_vote = event._data or {}
        if fight is None or fight.matchup is None or cast_vote.get("battle") != fight.matchup.id:
            said = "this battle is no longer the one on the page; press Start to go on"
            yield gr.skip(), gr.skip(), notice_html(said, warning=True), gr.skip()
            return
        winner, seconds = str(cast_vote.get("winner")), _seconds(cast_vote.get("seconds"))
        try:
            contest = self._contest(fight.session)
            if winner == "skip" and fight.state == "writing":
                cast(self._records, fight.matchup.id, "skip", seconds)
                yield from self.onward(fight)
                return
            revealed = contest.vote(fight.matchup, winner, seconds)
        except SHOWN as fault:
            # It may have a vote from another window: then the next one is fetched, else the same one again.
            for shown in self.onward(fight):
                yield shown[0], shown[1], notice_html(str(fault), warning=True), shown[3]
            return
        told = replace(fight, revealed=revealed, progress=contest.progress(fight.rater))
        yield told, self._html(told), "", gr.skip()

    def _played(self, session: str, rater: str, stop: threading.Event) -> Iterator[Shown]:
        contest = self._contest(session)
        matchup = contest.next(rater)
        fight = Fight(session, rater, contest.progress(rater), matchup, stop=stop)
        kept = [session, rater]
        if matchup is None:
            yield fight, self._html(fight), "", kept
            return
        prompt = contest.session.prompts[matchup.prompt]
        fight = replace(fight, left=Turn(prompt), right=Turn(prompt))
        yield fight, self._html(fight), "", kept
        shown_at = time.monotonic()
        for said in contest.play(matchup, stop):
            if said.side == "left":
                fight = replace(fight, left=advance(fight.left, said.event))
            else:
                fight = replace(fight, right=advance(fight.right, said.event))
            if stop.is_set():
                return
            if time.monotonic() - shown_at >= _PAUSE_SECONDS:
                shown_at = time.monotonic()
                yield fight, self._html(fight), gr.skip(), gr.skip()
        if not stop.is_set():
            yield fight, self._html(fight), gr.skip(), gr.skip()

    def _contest(self, session: str) -> Contest:
        return Contest(self._records, find_session(self._records, session), self._assistant)

    def _html(self, fight: Fight) -> str:
        return arena_html(fight, self._text)

    def _text(self, document_id: str) -> str:
        library = self._assistant.library
        return library.text(document_id) if library.document(document_id) is not None else ""

    def _models(self) -> list[str]:
        """What a contestant's model can be, as far as it is known here."""
        return list(dict.fromkeys([self._assistant.model_name, _BUNDLED, *_folders(self._records.path.parent)]))


def battle_names(records: Database) -> list[str]:
    """The sessions of battles, the newest first."""
    return [each.name for each in list_sessions(records) if each.kind == "battle"]


def kept_of(kept: object) -> tuple[str, str]:
    """Session and rater that the browser kept; empty where it holds something else."""
    match kept:
        case [str(session), str(rater)]:
            return session, rater
    return "", ""


def _folders(home: Path) -> list[str]:
    models = home / "models"
    if not models.is_dir():
        return []
    return sorted(each.name for each in models.iterdir() if each.is_dir() and not each.name.startswith("."))


def _seconds(value: object) -> float | None:
    """How long a vote took, as the browser measured it; None where that cannot be."""
    if not isinstance(value, int | float) or not math.isfinite(value) or not 0 <= value <= _LONGEST_VOTE:
        return None
    return round(float(value), 2)

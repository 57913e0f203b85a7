"""What contestants answered, once each for a prompt of a session: made when it is first asked for, then kept.

A kept answer has all that made it: the messages that the model was sent, its draft before the check, the sampling with
its seed, the hash of the checkpoint, and the time it took.
"""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from typing import Any

from pydantic import TypeAdapter

from assistant.engine.sampling import Sampling
from assistant.pipeline import Assistant
from assistant.records import now
from assistant.types import Answer, Answered, Event, Token
from eval.contestants import Contestant
from eval.pairing import rng_of
from eval.saved_prompts import find_prompt
from eval.sessions import BattleSession
from eval.told import Told
from retrieval.database import Database
from retrieval.types import Leg


class Generations:
    """The answers of one session; `assistant` lends its library and its models."""

    def __init__(self, db: Database, session: BattleSession, assistant: Assistant):
        self._db = db
        self._session = session
        self._assistant = assistant

    def check(self) -> None:
        """Load each contestant once. Raises InputError or ModelError where one cannot answer."""
        for contestant in self._session.contestants:
            speaker = self._speaker(contestant)
            _ = speaker.engine
            if contestant.retrieval != "none":
                speaker.require_documents(contestant.collection)

    def stored(self, contestant: int, prompt: int) -> Answer | None:
        """What was answered before."""
        rows = self._db.all(
            "SELECT answer FROM generations WHERE session_id = ? AND contestant = ? AND prompt = ?",
            *(self._session.id, contestant, prompt),
        )
        return TypeAdapter(Answer).validate_json(rows[0][0]) if rows else None

    def stream(self, contestant: int, prompt: int, stop: threading.Event) -> Iterator[Event]:
        """The events of an answer. One that was stopped is not kept; one that is kept is told again, piece by piece."""
        if kept := self.stored(contestant, prompt):
            yield from (Token(piece) for piece in self._pieces(contestant, prompt))
            yield Answered(kept)
            return
        told, begun = Told(), time.perf_counter()
        speaks = self._session.contestants[contestant]
        sampling = self.sampling(contestant, prompt)
        speaker = self._speaker(speaks)
        question = self._session.prompts[prompt]
        events = (
            speaker.chat(question, sampling=sampling, stop=stop)
            if speaks.retrieval == "none"
            else speaker.stream(question, collection=speaks.collection, sampling=sampling, stop=stop)
        )
        for event in events:
            told.add(event)
            if told.answer is not None and not stop.is_set():
                self._keep(contestant, prompt, told, speaker, sampling, (time.perf_counter() - begun) * 1000)
                yield Answered(self.stored(contestant, prompt) or told.answer)  # another may have been faster
            else:
                yield event

    def _pieces(self, contestant: int, prompt: int) -> list[str]:
        """The draft of an answer that is kept, word by word."""
        ((draft,),) = self._db.all(
            "SELECT draft FROM generations WHERE session_id = ? AND contestant = ? AND prompt = ?",
            *(self._session.id, contestant, prompt),
        )
        return re.findall(r"\s*\S+", draft)

    def make_all(self, progress: Callable[[float], None] = lambda _: None) -> int:
        """Make every answer that is not there yet, and say how many were made."""
        wanted = [(c, p) for p in range(len(self._session.prompts)) for c in range(len(self._session.contestants))]
        missing = [pair for pair in wanted if self.stored(*pair) is None]
        for number, (contestant, prompt) in enumerate(missing, start=1):
            for _ in self.stream(contestant, prompt, threading.Event()):
                pass
            progress(number / len(missing))
        return len(missing)

    def sampling(self, contestant: int, prompt: int) -> Sampling:
        """How the words of an answer are drawn: as the contestant says, with a seed of the session's."""
        speaks = self._session.contestants[contestant].sampling
        if speaks.seed is not None:
            return speaks
        return replace(speaks, seed=rng_of(self._session.seed, "answer", contestant, prompt).randrange(2**31))

    def _speaker(self, contestant: Contestant) -> Assistant:
        whole, leg = self._assistant, contestant.retrieval
        system = find_prompt(self._db, contestant.prompt).parts.text() if contestant.prompt else ""
        return Assistant(
            whole.library,
            contestant.model,
            whole.engines,
            passages=whole.passages,
            leg=_leg(leg),
            system=system,
        )

    def _keep(
        self, contestant: int, prompt: int, told: Told, speaker: Assistant, sampling: Sampling, took: float
    ) -> None:
        if told.answer is None:
            raise AssertionError("only a whole answer is kept")
        self._db.all(
            "INSERT OR IGNORE INTO generations (session_id, contestant, prompt, answer, messages, draft, checkpoint,"
            " sampling, latency_ms, made_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            *(self._session.id, contestant, prompt),
            _json(asdict(replace(told.answer, hits=()))),
            _json([asdict(message) for message in told.messages]),
            *(told.draft, speaker.engine.checkpoint, _json(asdict(sampling)), round(took, 1), now()),
        )


def _leg(retrieval: str) -> Leg:
    match retrieval:
        case "dense" | "sparse":
            return retrieval
        case _:
            return "hybrid"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)

"""The way of a question, from text to an answer whose sentences are checked. `Assistant.stream` reads top to bottom."""

import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from assistant.chatml import Message
from assistant.condense import condense
from assistant.config import Config, open_home, open_library
from assistant.decide import decide
from assistant.engine.engine import Engine
from assistant.engine.pool import Engines
from assistant.engine.reply import Reply
from assistant.engine.sampling import Sampling
from assistant.errors import InputError
from assistant.guard import check_question
from assistant.prompt import Window, build_chat_prompt, build_prompt
from assistant.select import select
from assistant.types import Answer, Answered, Event, Prompted, Retrieved, Sentence, Token, Verified
from assistant.verify import cite, draft_sentences, verify
from retrieval.library import Library
from retrieval.types import DEFAULT_COLLECTION, Leg

DEFAULT_SAMPLING = Sampling()


class Assistant:
    """A library and a language model that answers from it. Open it with `Assistant.open`, as a context manager.

    `leg` says how passages are found; `system`, where it is not empty, is what the model is told in place of the
    program's own words.
    """

    def __init__(
        self, library: Library, model: str, engines: Engines, *, passages: int, leg: Leg = "hybrid", system: str = ""
    ):
        self.library = library
        self.model_name = model
        self.engines = engines
        self.passages = passages
        self._leg: Leg = leg
        self._system = system

    @classmethod
    def open(cls, home: str | Path | None = None, model: str | None = None) -> Self:
        """Open the library of `home` (see `assistant.config`); the model is loaded when it is first needed."""
        return cls.from_config(open_home(home, model=model))

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """Open with settings that are already read."""
        library = open_library(config)
        return cls(library, config.model, Engines(config.home / "models"), passages=config.passages)

    def stream(
        self,
        question: str,
        *,
        collection: str = DEFAULT_COLLECTION,
        history: Sequence[Message] = (),
        sampling: Sampling = DEFAULT_SAMPLING,
        stop: threading.Event | None = None,
    ) -> Iterator[Event]:
        """Answer `question` from the documents of `collection`; setting `stop` ends the draft early.

        Raises InputError for a question that cannot be asked, ModelError where the model cannot be loaded.
        """
        watch = _Stopwatch()
        question = check_question(question)
        self.require_documents(collection)

        query = condense(question, history)
        hits = tuple(self.library.search(query, self.passages, collection=collection, leg=self._leg))
        watch.lap("retrieve")
        yield Retrieved(query, hits)

        evidence = select(query, hits, self.library.encode, self.library.encode_query)
        watch.lap("select")
        messages = build_prompt(query, evidence.sources, self._window(sampling), self._system)
        yield Prompted(tuple(messages))
        reply = Reply()
        yield from self._generate(messages, sampling, reply, stop, watch)

        checked = verify(draft_sentences(reply.text), evidence, self.library.encode)
        yield Verified(*cite(checked))

        decision = decide(checked, evidence)
        sentences, citations = cite(decision.sentences)
        watch.lap("verify")
        yield Answered(
            Answer(
                question=question,
                answer=decision.text,
                abstained=decision.abstained,
                confidence=decision.confidence,
                sentences=sentences,
                citations=citations,
                hits=hits,
                model=self.engine.name,
                usage=reply.usage,
                timings_ms=watch.total(),
            )
        )

    def chat(
        self,
        question: str,
        *,
        history: Sequence[Message] = (),
        sampling: Sampling = DEFAULT_SAMPLING,
        stop: threading.Event | None = None,
    ) -> Iterator[Event]:
        """Reply without documents: nothing is checked, so every sentence is shown as unsupported."""
        watch = _Stopwatch()
        question = check_question(question)
        messages = build_chat_prompt(question, history, self._window(sampling), self._system)
        yield Prompted(tuple(messages))
        reply = Reply()
        yield from self._generate(messages, sampling, reply, stop, watch)
        sentences = tuple(Sentence(text, "unsupported", 0.0) for text in draft_sentences(reply.text))
        text = reply.text.strip()
        yield Answered(
            Answer(question, text, False, 0.0, sentences, (), (), self.engine.name, reply.usage, watch.total())
        )

    def answer(
        self,
        question: str,
        *,
        collection: str = DEFAULT_COLLECTION,
        history: Sequence[Message] = (),
        sampling: Sampling = DEFAULT_SAMPLING,
    ) -> Answer:
        """The end of `stream`."""
        for event in self.stream(question, collection=collection, history=history, sampling=sampling):
            if isinstance(event, Answered):
                return event.answer
        raise AssertionError("a stream of events ends with Answered")

    @property
    def engine(self) -> Engine:
        """The language model, loaded once."""
        return self.engines.get(self.model_name)

    def warm_up(self) -> None:
        """Load both models now, so that the first question need not wait for them."""
        self.library.encode(["warm up"])
        _ = self.engine

    def close(self) -> None:
        """Close the library's files."""
        self.library.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _generate(
        self,
        messages: list[Message],
        sampling: Sampling,
        reply: Reply,
        stop: threading.Event | None,
        watch: "_Stopwatch",
    ) -> Iterator[Token]:
        for piece in self.engine.stream(messages, sampling, reply, stop):
            watch.once("first_token")
            yield Token(piece)
        watch.once("first_token")  # an empty reply has none: then the moment at which that was known
        watch.lap("generate")

    def _window(self, sampling: Sampling) -> Window:
        return Window(self.engine.length, self.engine.positions, sampling.max_tokens)

    def require_documents(self, collection: str) -> None:
        """Raises InputError where there are none to answer from."""
        if not self.library.documents(collection):
            raise InputError(
                f"There are no documents in the collection {collection!r} yet. Upload one on the page, or run "
                "`footnote ingest FILE`, then ask again."
            )


class _Stopwatch:
    """Milliseconds of the stages: laps since the one before, and moments since the start."""

    def __init__(self) -> None:
        self._start = self._last = time.perf_counter()
        self._times: dict[str, float] = {}

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self._times[name] = round((now - self._last) * 1000, 2)
        self._last = now

    def once(self, name: str) -> None:
        self._times.setdefault(name, round((time.perf_counter() - self._start) * 1000, 2))

    def total(self) -> dict[str, float]:
        return {**self._times, "total": round((time.perf_counter() - self._start) * 1000, 2)}

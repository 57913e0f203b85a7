"""Votes that the tests of ratings share, and records with a session over a tiny real model."""

import runpy
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from assistant.engine.pool import Engines
from assistant.engine.sampling import Sampling
from assistant.pipeline import Assistant
from assistant.records import open_records
from eval.battles import Battles
from eval.contest import Contest
from eval.contestants import Contestant
from eval.sessions import create_session
from retrieval.library import Library

TinyEmbedder = runpy.run_path(str(Path(__file__).parents[1] / "retrieval" / "tiny.py"))["TinyEmbedder"]


@pytest.fixture(scope="session")
def battles():
    """Makes Battles of (left, right, left's score); models are numbered by their names' order."""

    def made(votes, lengths=None, **groupings):
        names = tuple(sorted({name for vote in votes for name in vote[:2]}))
        left, right = (np.array([names.index(vote[side]) for vote in votes]) for side in (0, 1))
        groups = {name: np.array(group) for name, group in groupings.items()}
        lengths = None if lengths is None else np.array(lengths, float)
        return Battles(names, left, right, np.array([vote[2] for vote in votes], float), groups, lengths)

    return made


@pytest.fixture(scope="session")
def connected():
    """Makes votes among the first letters, A the strongest, in which all beat each other so that fits are finite."""

    def made(seed, votes=300, models=5, ties=0.2):
        rng = np.random.default_rng(seed)
        names = "ABCDEFGH"[:models]
        found = [(a, b, 1.0) for a in names for b in names if a != b]
        for _ in range(votes):
            a, b = rng.choice(models, 2, replace=False)
            won = rng.random() < 1 / (1 + np.exp((a - b) * 0.4))
            found.append((names[a], names[b], 0.5 if rng.random() < ties else float(won)))
        return found

    return made


@pytest.fixture
def records(tmp_path):
    """The records of a new home."""
    (tmp_path / "home").mkdir(exist_ok=True)
    with closing(open_records(tmp_path / "home")) as db:
        yield db


@pytest.fixture
def assistant(tmp_path, tiny_checkpoint):
    """A library with one document that costs nothing, and a tiny real model."""
    notes = tmp_path / "notes.txt"
    notes.write_text("The lighthouse at Skerryvore was lit in 1844. Its keeper was Alan Stevenson.")
    with Library.open(tmp_path / "library", TinyEmbedder()) as library:
        library.ingest([notes])
        yield Assistant(library, str(tiny_checkpoint), Engines(tmp_path / "models"), passages=4)


@pytest.fixture
def two(tiny_checkpoint):
    """Two contestants of the tiny model, the likeliest word and drawn ones."""
    model, short = str(tiny_checkpoint), {"max_tokens": 6}
    return (
        Contestant("greedy", model, sampling=Sampling(**short)),
        Contestant("drawn", model, sampling=Sampling(temperature=1.0, **short)),
    )


@pytest.fixture
def session(records, two):
    """A session of three prompts and two contestants."""
    return create_session(records, "first", ["Who?", "Where?", "When?"], two, seed=3)


@pytest.fixture
def contest(records, session, assistant):
    """The battles of that session."""
    return Contest(records, session, assistant)


@pytest.fixture
def fight(contest):
    """Plays and votes until the winners given are used up; gives the matchups."""

    def fought(winners, rater="ann"):
        found = []
        for winner in winners:
            found.append(contest.next(rater))
            list(contest.play(found[-1]))
            contest.vote(found[-1], winner, 1.5)
        return found

    return fought


@pytest.fixture(scope="session")
def scripted():
    """Makes engines that say what a function of the messages returns; they keep what was asked and said."""

    class Scripted:
        def __init__(self, say, name, positions, checkpoint):
            self.name, self.positions, self.checkpoint = name, positions, checkpoint
            self._say, self.asked, self.said = say, [], []

        def length(self, messages):
            return sum(len(message.content) for message in messages) // 4

        def stream(self, messages, sampling, reply, stop=None):
            self.asked.append(messages)
            reply.text = self._say(messages)
            self.said.append(reply.text)
            yield reply.text

    return lambda say, name="scripted", positions=100_000, checkpoint="scripted": Scripted(
        say, name, positions, checkpoint
    )

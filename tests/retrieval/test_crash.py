"""A process that changes a library is killed at any moment, or its disk is full: nothing is half there."""

import json
import os
import random
import runpy
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from retrieval.library import Library

HERE = Path(__file__).parent
TinyEmbedder = runpy.run_path(str(HERE / "tiny.py"))["TinyEmbedder"]
KILLS = 200
SEED = 20260
NAMES = [f"{number}.txt" for number in range(6)]
COLLECTIONS = ("a", "b")
ACTIONS = 8
CALLS = 900
SECONDS = 0.25
FULL_DISKS = 40


@pytest.fixture
def root():
    """A folder in memory where there is one: what is killed is a process, not the machine."""
    base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108
    path = Path(tempfile.mkdtemp(prefix="footnote-", dir=base))
    (path / "files").mkdir()
    yield path
    shutil.rmtree(path)


@pytest.fixture
def child():
    """A function that has a child do what an order says; gives what it said and how many actions it finished."""
    environment = {**os.environ, "PYTHONPATH": str(HERE.parents[1])}
    command = [sys.executable, HERE / "crash.py"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment) as server:

        def run(root, actions, *, calls=0, seconds=0.0, file_bytes=0):
            order = {
                **{"folder": str(root / "library"), "files": str(root / "files"), "acks": str(root / "acks")},
                **{"actions": actions, "calls": calls, "seconds": seconds, "file_bytes": file_bytes},
            }
            server.stdin.write(json.dumps(order) + "\n")
            server.stdin.flush()
            answer = json.loads(server.stdout.readline())
            assert answer["killed"] or answer["status"] == 0, "the child failed by itself; see its trace"
            acks = (root / "acks").read_text() if (root / "acks").exists() else ""
            (root / "acks").unlink(missing_ok=True)
            return answer, acks

        yield run
        server.stdin.close()


class Plan:
    """What a library should hold, and actions on it, at random; each is possible if those before it are done."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.living = {}
        self.submitted = {}
        self.number = 0

    def actions(self):
        living, actions = dict(self.living), []
        for _ in range(ACTIONS):
            actions.append(self._action(living))
            living = done(living, actions[-1])
        return actions

    def _action(self, living):
        self.number += 1
        sentences = range(self.random.choice([1, 1, 5, 400]))
        text = " ".join(f"Sentence {n} of text {self.number} is about word{n}." for n in sentences) + "\n"
        kind = self.random.choice(["ingest", "ingest", "ingest", "submit", "move", "remove", "reindex"])
        if kind == "reindex":
            return ["reindex", "", "", ""]
        if kind == "submit":
            return ["submit", f"q{self.number}.txt", "queue", text]
        if kind == "ingest" or not living:
            return ["ingest", self.random.choice(NAMES), self.random.choice(COLLECTIONS), text]
        collection, name = self.random.choice(sorted(living))
        to = COLLECTIONS[collection == COLLECTIONS[0]]
        if kind == "move" and (to, name) not in living:
            return ["move", name, collection, to]
        return ["remove", name, collection, ""]


def done(living, action):
    """The living documents after an action; None where it is not possible."""
    kind, name, collection, argument = action
    place = collection, name
    if kind in ("submit", "reindex"):
        return living
    if kind == "ingest":
        return {**living, place: argument}
    if place not in living or (argument, name) in living:
        return None
    rest = {other: text for other, text in living.items() if other != place}
    return {**rest, (argument, name): living[place]} if kind == "move" else rest


def possible(living, actions, acks):
    """What there may be after actions of which each was done (.), failed (x), or not told of when the child was killed.

    What failed may have been stored before the failure; of those not told of, the first may have been done.
    """
    states = [living]
    for action, ack in zip(actions, acks.ljust(len(acks) + 1, "x")):
        after = [state for state in (done(state, action) for state in states) if state is not None]
        states = after if ack == "." else [*states, *after]
    return states


def living(library):
    return {(d.collection, d.name): library.text(d.id) for d in library.documents() if d.collection != "queue"}


def submitted(library):
    return {d.name: library.text(d.id) for d in library.documents("queue")}


def check_whole(library, folder):
    """Every document is wholly in SQLite, FAISS and tantivy, and nothing else is anywhere."""
    database = library._store.database
    assert database.all("PRAGMA integrity_check") == [("ok",)]
    assert database.all("PRAGMA foreign_key_check") == []
    documents = library.documents()
    for collection in library.collections():  # A search may be the first to load an index.
        assert library.search("text", collection=collection)
    for document in documents:
        ids, vectors = library._store.vectors(document.id)
        passages = list(library._store.passages_of(document))
        assert len(ids) == len(passages) == document.passages == library._indexes.sparse.count(document.id) > 0
        assert library._indexes.dense.holds(ids[:1])
        assert library._indexes.dense.holds(ids[-1:])
        assert np.allclose(vectors, TinyEmbedder().encode([passage.text for passage in passages]), atol=1e-2)
    total = sum(document.passages for document in documents)
    assert (library._store.count_passages(), len(library._indexes.dense), len(library._indexes.sparse)) == (total,) * 3
    places = {(document.collection, document.name) for document in documents}
    assert {
        (document.collection, document.name) for document in library._store._documents("retired_at IS NOT NULL")
    } <= places
    kept = {path.name for path in (folder / "incoming").iterdir() if path.name != ".lock"}
    waiting = ("queued", "extracting", "embedding", "failed")
    assert kept == {job.id for job in library.jobs() if job.state in waiting and not job.owner}
    assert {job.state for job in library.jobs() if job.owner} <= {"failed"}
    assert list(folder.glob("running/*")) == []


def check_recovery(root, plan, actions, acks):
    """Opens the library as the next process would."""
    with Library.open(root / "library", TinyEmbedder()) as library:
        check_whole(library, root / "library")
        found = living(library)
        assert found in possible(plan.living, actions, acks), (actions, acks)
        plan.living = found
        for job in library.jobs():
            if job.state == "failed":
                assert "disk" in job.reason or "keyword index" in job.reason or "ended before it was" in job.reason
                library.forget(job.id) if job.owner else library.retry(job.id)
        library.worker.run_until_idle()
        assert [job for job in library.jobs() if job.state != "cancelled"] == []
        told = zip(actions, acks)
        handed_over = {name: text for (action, name, _, text), ack in told if action == "submit" and ack == "."}
        found = submitted(library)
        assert handed_over.items() | plan.submitted.items() <= found.items()
        check_whole(library, root / "library")
        for name in list(found)[5:]:
            library.remove(name, collection="queue")
        plan.submitted = submitted(library)


@pytest.mark.timeout(400)
def test_a_kill_at_any_moment_leaves_every_document_whole_or_absent(root, child):
    plan, kills = Plan(SEED), 0
    while kills < KILLS:
        actions = plan.actions()
        if kills % 2:
            answer, acks = child(root, actions, seconds=plan.random.uniform(0.01, SECONDS))
        else:
            answer, acks = child(root, actions, calls=plan.random.randint(1, CALLS))
        kills += answer["killed"]
        check_recovery(root, plan, actions, acks)


@pytest.mark.timeout(400)
def test_a_disk_without_room_leaves_every_document_whole_or_absent(root, child):
    """A limit to the size of each file stands for the full disk, which a test cannot make: the same calls fail."""
    plan, failed = Plan(SEED), 0
    for _ in range(FULL_DISKS):
        actions = plan.actions()
        _, acks = child(root, actions, file_bytes=plan.random.randint(1_000, 400_000))
        failed += "x" in acks or not acks
        check_recovery(root, plan, actions, acks)
    assert failed > FULL_DISKS // 2

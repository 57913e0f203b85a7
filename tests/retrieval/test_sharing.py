"""Several processes on one library: one writes, many read, and nobody is kept waiting without a word."""

import json
import os
import subprocess
import sys
import threading
import uuid
from pathlib import Path, PurePath

import pytest

from retrieval.contents import Content
from retrieval.ingest import Order

HERE = Path(__file__).parent
START = """
import json, sys
from tiny import TinyEmbedder
from retrieval import database
from retrieval.errors import LibraryError
from retrieval.library import Library
"""
READ = """
with Library.open(sys.argv[1], TinyEmbedder()) as library:
    found = [hit.document for hit in library.search("text of 1")]
    print(json.dumps([found, [document.name for document in library.documents()], len(library.jobs())]))
"""
WRITE = """
database.BUSY_SECONDS = 0.5
with Library.open(sys.argv[1], TinyEmbedder()) as library:
    try:
        library.ingest([sys.argv[2]])
    except LibraryError as error:
        print(error)
"""
WORK = """
with Library.open(sys.argv[1], TinyEmbedder()) as library:
    try:
        library.worker.start()
    except LibraryError as error:
        print(error)
"""
ADD_MANY = """
with Library.open(sys.argv[1], TinyEmbedder()) as library:
    print("ready", flush=True)
    for number in range(10):
        library.submit(f"Text of {number}.".encode(), f"{number}.txt", sys.argv[2])
        if sys.argv[2] == "x":
            library.worker.run_until_idle()
    library.remove("7.txt", collection=sys.argv[2])
"""


@pytest.fixture
def process(tmp_path):
    """A function that starts a Python program with the library as its first argument."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE.parents[1]), str(HERE)])}
    started = []

    def start(code, *arguments):
        command = [sys.executable, "-c", START + code, tmp_path / "library", *arguments]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment))
        return started[-1]

    yield start
    for child in started:
        child.kill()
        child.communicate()


def said(child):
    out, _ = child.communicate(timeout=60)
    assert child.returncode == 0
    return out.strip()


def test_readers_do_not_wait_for_a_writer_and_a_second_writer_is_told(open_tiny, process, folder):
    (folder / "1.txt").write_text("Text of 1.")
    (folder / "2.txt").write_text("Text of 2.")
    with open_tiny() as library:
        library.ingest([folder / "1.txt"])
        library.submit(b"Text.", "3.txt")
        with library._store.transaction():
            library._store.set_fact("model", "half done")
            assert json.loads(said(process(READ))) == [["1.txt"], ["1.txt"], 1]
            told = said(process(WRITE, folder / "2.txt"))
            library._store.set_fact("model", "tiny")
        assert "is being written by another program and was not free within 0.5 seconds; wait until that" in told
        assert len(told.splitlines()) == 1
        assert said(process(WRITE, folder / "2.txt")) == ""
        assert [document.name for document in library.documents()] == ["1.txt", "2.txt"]


def test_searches_of_one_process_do_not_wait_for_the_writer_of_another(open_tiny, folder):
    (folder / "1.txt").write_text("Text of 1.")
    with open_tiny() as writer, open_tiny() as reader:
        writer.ingest([folder])
        with writer._store.transaction():
            writer._store.set_fact("model", "half done")
            found = []
            thread = threading.Thread(target=lambda: found.extend(reader.search("text of 1")))
            thread.start()
            thread.join(20)
            assert [hit.document for hit in found] == ["1.txt"]
            writer._store.set_fact("model", "tiny")


def test_a_search_does_not_wait_for_keywords_that_are_written_together(open_tiny, process):
    """What one process has stored and not yet shown among the keywords, a search of another shows itself."""
    with open_tiny() as writer, open_tiny() as reader:
        for number in range(3):
            content = Content(f"{number}.txt", PurePath(f"{number}.txt"), f"Text of heron {number}.".encode())
            writer._ingest.add(content, Order("default"), uuid.uuid4().hex, lambda *_: None)
        assert reader._indexes.is_behind()
        assert [hit.sparse_rank for hit in reader.search("heron 2")] == [1, 2, 3]
        assert not reader._indexes.is_behind()
        writer._ingest.flush()
        assert len(writer._indexes.sparse) == len(reader._indexes.sparse) == 3
    with open_tiny() as library:
        assert len(library._indexes.sparse) == 3


def test_the_worker_of_another_process_is_told_by_its_number(open_tiny, process):
    with open_tiny() as library:
        library.worker.start()
        assert f"another program (process {os.getpid()}) already works on the uploads of" in said(process(WORK))
    assert said(process(WORK)) == ""


def test_writers_of_several_processes_take_turns_while_another_reads(open_tiny, process, everywhere):
    with open_tiny() as library:
        children = [process(ADD_MANY, name) for name in ("x", "y", "z")]
        for child in children:
            assert child.stdout.readline() == "ready\n"
        searches = 0
        while any(child.poll() is None for child in children):
            assert all(hit.passage.startswith("Text of") for hit in library.search("text of", collection="x"))
            searches += 1
        for child in children:
            assert said(child) == ""
        library.worker.run_until_idle()
        assert searches > 3
        assert {name: len(library.documents(name)) for name in "xyz"} == {"x": 9, "y": 9, "z": 9}
        assert everywhere(library) == (27, 27, 27)

"""A program that forks children which change a library until they are killed. Run by the tests of crashes.

An order is one line of JSON on standard input: the folder, what to do, and when to die, which is after a number of
seconds, or at a number of calls into the operating system, SQLite and tantivy. A child writes a dot to the file `acks`
after each thing that it has done. The answer is one line: whether the child was killed, and its calls if it was not.
"""

import json
import os
import resource
import signal
import sys
import threading
import time
from pathlib import Path

import faiss  # noqa: F401 - loaded once, for all children
import kreuzberg  # noqa: F401
from tiny import TinyEmbedder

from retrieval import known
from retrieval.errors import LibraryError
from retrieval.library import Library

# Of SQLite, of the operating system, and of tantivy.
COUNTED = frozenset(
    "connect execute executemany fetchall open write flush fsync mkdir replace unlink rmdir flock touch close "
    "writer delete_documents_by_term delete_all_documents add_document commit wait_merging_threads reload".split()
)
known._GROUP = 4  # Small documents have several batches too.


class Killer:
    """Counts the calls that change or read what is on disk, before and after each; kills the process at one of them."""

    def __init__(self, at):
        self.at = at
        self.calls = 0

    def __call__(self, frame, event, argument):
        if event in ("c_call", "c_return") and argument.__name__ in COUNTED:
            self.calls += 1
            if self.calls == self.at:
                os.kill(os.getpid(), signal.SIGKILL)


def work(order):
    killer = Killer(order["calls"])
    if order["calls"]:
        threading.setprofile(killer)
        sys.setprofile(killer)
    if order["file_bytes"]:
        resource.setrlimit(resource.RLIMIT_FSIZE, (order["file_bytes"], resource.RLIM_INFINITY))
    acks = os.open(order["acks"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        with Library.open(order["folder"], TinyEmbedder()) as library:
            library.worker.start()
            for action, *arguments in order["actions"]:
                os.write(acks, attempt(library, order, action, *arguments))
    except LibraryError:  # It cannot be opened: then nothing was done.
        if not order["file_bytes"]:
            raise
    return killer.calls


def attempt(library, order, *action):
    try:
        act(library, Path(order["files"]), *action)
    except LibraryError:
        if not order["file_bytes"]:
            raise
        return b"x"
    return b"."


def act(library, files, action, name, collection, argument):
    if action == "ingest":
        (files / name).write_text(argument)
        (report,) = library.ingest([files / name], collection=collection)
        if report.state != "ready":
            raise LibraryError(report.reason)
    elif action == "submit":
        library.submit(argument.encode(), name, collection)
    elif action == "move":
        library.move(name, argument, collection=collection)
    elif action == "reindex":
        library.reindex()
    else:
        library.remove(name, collection=collection)


def main():
    for line in sys.stdin:
        order = json.loads(line)
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            calls = work(order)
            os.write(writer, str(calls).encode())
            os._exit(0)
        os.close(writer)
        if order["seconds"]:
            time.sleep(order["seconds"])
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        calls = os.read(reader, 20).decode()
        os.close(reader)
        print(json.dumps({"killed": os.WIFSIGNALED(status), "status": status, "calls": int(calls or 0)}), flush=True)


if __name__ == "__main__":
    main()
